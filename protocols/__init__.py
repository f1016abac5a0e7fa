"""What all parties agree on: the sharing protocol and its decisions, the wire formats, sealing and proofs.

Values and pure functions only: no network and no database.
"""
