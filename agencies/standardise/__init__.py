"""From identifiers as typed to identifiers as compared: explainable, versioned, local."""
