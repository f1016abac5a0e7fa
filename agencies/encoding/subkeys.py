"""One linkage secret, one key for each purpose (HKDF-SHA256, RFC 5869), so that no two uses share key material."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.errors import KeyProblem

SECRET_BYTES = 32


def subkey(secret: bytes, purpose: str, size: int = 32) -> bytes:
    """`size` bytes for one purpose, a short text such as ``clkhash/v1``. Raises `KeyProblem` for a secret of a wrong size."""
    if len(secret) != SECRET_BYTES:
        raise KeyProblem(
            f"A linkage secret has {SECRET_BYTES} bytes; this one has not.",
            next_step="Open the secret again from the sealed box that the key custodian sent.",
        )
    return HKDF(hashes.SHA256(), length=size, salt=None, info=b"kinlink/" + purpose.encode()).derive(secret)
