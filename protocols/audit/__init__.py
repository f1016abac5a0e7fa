"""The audit log that outsiders can check: events, Merkle tree, checkpoints, proofs and their verification.

Formats: RFC 6962 and RFC 9162 (tree and proofs), RFC 8785 (entries), C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof.
"""
