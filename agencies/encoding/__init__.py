"""From standardised identifiers to hardened CLKs, on the agency's own premises."""
