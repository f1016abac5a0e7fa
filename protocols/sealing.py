"""Sealing: who can open what.

A *box* (HPKE, RFC 9180, base mode) carries a short secret to one holder of a private key: the linkage secret to an agency, a data
key to the matcher or to the Workbook. Bulk data is under AES-256-GCM-SIV (RFC 8452) with a data key, so that a repeated nonce
would not be a catastrophe. Everything is bound to its context: a box by HPKE's ``info``, a cell by associated data.

The key-encapsulation mechanism is the hybrid ML-KEM-768 + X25519: safe while either of the two holds.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from protocols.errors import KeyProblem, VerificationError

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_SEED = 64
_MLKEM_PUBLIC = 1184
_X25519 = 32
_NONCE = 12
_TAG = 16
_LENGTH = 4
CHUNK_BYTES = 1 << 20
CELL_OVERHEAD = _NONCE + _TAG


def context(*parts: str | int) -> bytes:
    """The canonical bytes of a context: no two different lists of parts give the same bytes (RFC 8785)."""
    return rfc8785.dumps(list(parts))


@dataclass(frozen=True, slots=True)
class SealingPublicKey:
    """The public half of a sealing key: 1,184 bytes of ML-KEM-768, then 32 of X25519."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != _MLKEM_PUBLIC + _X25519:
            raise KeyProblem(
                f"A sealing key has {_MLKEM_PUBLIC + _X25519} bytes; this one has {len(self.raw)}.",
                next_step="Ask its owner for their card again.",
            )

    @property
    def fingerprint(self) -> str:
        """The first 32 hex digits of the key's SHA-256: what two people read to each other."""
        return hashlib.sha256(self.raw).hexdigest()[:32]

    def text(self) -> str:
        """The key in base64url without padding."""
        return base64.urlsafe_b64encode(self.raw).rstrip(b"=").decode()

    @classmethod
    def from_text(cls, text: str) -> SealingPublicKey:
        """Read what `text` wrote. Raises `KeyProblem`."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError as error:
            raise KeyProblem(
                "A sealing key is not base64url.", next_step="Ask its owner for their card again."
            ) from error
        return cls(raw)

    def _hpke(self) -> MLKEM768X25519PublicKey:
        try:
            return MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_PUBLIC]),
                x25519.X25519PublicKey.from_public_bytes(self.raw[_MLKEM_PUBLIC:]),
            )
        except ValueError as error:
            raise KeyProblem("A sealing key is malformed.", next_step="Ask its owner for their card again.") from error


@dataclass(frozen=True, slots=True, repr=False)
class SealingPrivateKey:
    """The private half of a sealing key: the 64-byte ML-KEM-768 seed, then 32 bytes of X25519."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != _MLKEM_SEED + _X25519:
            raise KeyProblem(
                f"A private sealing key has {_MLKEM_SEED + _X25519} bytes; this one has {len(self.raw)}.",
                next_step="Restore the key file from its backup.",
            )

    @classmethod
    def generate(cls) -> SealingPrivateKey:
        """A new key from the operating system's random source."""
        seed = mlkem.MLKEM768PrivateKey.generate().private_bytes_raw()
        return cls(seed + x25519.X25519PrivateKey.generate().private_bytes_raw())

    def _hpke(self) -> MLKEM768X25519PrivateKey:
        return MLKEM768X25519PrivateKey(
            mlkem.MLKEM768PrivateKey.from_seed_bytes(self.raw[:_MLKEM_SEED]),
            x25519.X25519PrivateKey.from_private_bytes(self.raw[_MLKEM_SEED:]),
        )

    @property
    def public(self) -> SealingPublicKey:
        """The public half."""
        kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(self.raw[:_MLKEM_SEED]).public_key().public_bytes_raw()
        dh = x25519.X25519PrivateKey.from_private_bytes(self.raw[_MLKEM_SEED:]).public_key().public_bytes_raw()
        return SealingPublicKey(kem + dh)

    def __repr__(self) -> str:
        return "SealingPrivateKey(…)"


def seal_box(plaintext: bytes, recipient: SealingPublicKey, about: bytes) -> bytes:
    """Seal a short secret to one recipient (HPKE single shot), bound to the context `about`."""
    return _SUITE.encrypt(plaintext, recipient._hpke(), info=about)


def open_box(box: bytes, key: SealingPrivateKey, about: bytes) -> bytes:
    """Open what `seal_box` made. Raises `VerificationError` for a wrong key, a wrong context or an altered box."""
    try:
        return _SUITE.decrypt(box, key._hpke(), info=about)
    except (InvalidTag, ValueError) as error:
        raise VerificationError(
            "A sealed box does not open: it was made for another key or another context, or it was altered.",
            next_step="Compare the recipient's key fingerprint with the sender's, and ask for it again.",
        ) from error


def new_data_key() -> bytes:
    """32 bytes from the operating system's random source."""
    return os.urandom(32)


def seal_cell(plaintext: bytes, data_key: bytes, about: bytes) -> bytes:
    """Seal one value: nonce, ciphertext and tag (`CELL_OVERHEAD` bytes more than the value)."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCMSIV(data_key).encrypt(nonce, plaintext, about)


def open_cell(cell: bytes, data_key: bytes, about: bytes) -> bytes:
    """Open what `seal_cell` made. Raises `VerificationError`."""
    try:
        return AESGCMSIV(data_key).decrypt(cell[:_NONCE], cell[_NONCE:], about)
    except (InvalidTag, ValueError) as error:
        raise VerificationError(
            "A sealed value does not open: it belongs to another record, attribute, date or protocol, or it was altered.",
            next_step="Ask the source agency to submit again.",
        ) from error


def seal_stream(source: Iterable[bytes], data_key: bytes, about: bytes) -> Iterator[bytes]:
    """Seal a long part chunk by chunk. A chunk is a 4-byte big-endian length and a cell.

    A chunk's associated data holds its number and whether it is the last, so that chunks cannot be dropped, swapped or cut off.
    """
    number, held = 0, None
    for chunk in source:
        if held is not None:
            yield _framed(held, data_key, about, number, last=False)
            number += 1
        held = chunk
    yield _framed(held or b"", data_key, about, number, last=True)


def open_stream(source: BinaryIO, data_key: bytes, about: bytes) -> Iterator[bytes]:
    """Open what `seal_stream` made. Raises `VerificationError`, at the latest with the last chunk."""
    number, cell = 0, _next_frame(source)
    while cell is not None:
        following = _next_frame(source)
        yield open_cell(cell, data_key, _chunk_context(about, number, last=following is None))
        number, cell = number + 1, following
    if number == 0:
        raise VerificationError("A sealed part is empty.", next_step="Make the submission again.")


def _chunk_context(about: bytes, number: int, *, last: bool) -> bytes:
    return about + context("chunk", number, "last" if last else "more")


def _framed(chunk: bytes, data_key: bytes, about: bytes, number: int, *, last: bool) -> bytes:
    cell = seal_cell(chunk, data_key, _chunk_context(about, number, last=last))
    return len(cell).to_bytes(_LENGTH, "big") + cell


def _next_frame(source: BinaryIO) -> bytes | None:
    head = source.read(_LENGTH)
    if not head:
        return None
    size = int.from_bytes(head, "big")
    if len(head) < _LENGTH or not CELL_OVERHEAD <= size <= 64 * CHUNK_BYTES:
        raise VerificationError("A sealed part is cut off or malformed.", next_step="Make the submission again.")
    cell = source.read(size)
    if len(cell) < size:
        raise VerificationError("A sealed part is cut off.", next_step="Send it again from the original file.")
    return cell
