"""Signed notes: a text and the signatures of those who stand by it (C2SP signed-note, Ed25519; cosignatures of C2SP tlog-cosignature)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.errors import VerificationError
from protocols.signing import SigningKey, VerifyingKey

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_NOTE_BYTES = 1 << 20
MAX_SIGNATURES = 64
_DASH = "\u2014 "
_ED25519_BYTES = 32
_ID_BYTES = 4
_TIME_BYTES = 8
_AGAIN = "Take it again from the service, and compare the key's fingerprint with its owner's."


def _public_bytes(key: VerifyingKey) -> bytes:
    return cast(Ed25519PublicKey, key.jwk.get_op_key("verify")).public_bytes_raw()


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key that signs notes: its name, its raw Ed25519 public key and what its signatures mean (`ED25519` or `COSIGNATURE`)."""

    name: str
    public: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(letter.isspace() for letter in self.name):
            raise VerificationError("A note key's name is empty, or holds a space or a plus.", next_step=_AGAIN)
        if len(self.public) != _ED25519_BYTES or self.kind not in (ED25519, COSIGNATURE):
            raise VerificationError("A note key is not an Ed25519 key of a known kind.", next_step=_AGAIN)

    @classmethod
    def of(cls, name: str, key: VerifyingKey, kind: int = ED25519) -> NoteKey:
        """The note key of a party's signing key."""
        return cls(name, _public_bytes(key), kind)

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, kind, public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_ID_BYTES]

    def text(self) -> str:
        """The key as one line (a *vkey*): name, key id in hex, kind and key in base64."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def from_text(cls, text: str) -> NoteKey:
        """Read a vkey. Raises `VerificationError`."""
        try:
            name, key_id, data = text.strip().split("+", 2)
            raw = base64.b64decode(data, validate=True)
        except ValueError as error:
            raise VerificationError("The log's key is not a vkey.", next_step=_AGAIN) from error
        key = cls(name, raw[1:], raw[0] if raw else 0)
        if key.key_id.hex() != key_id:
            raise VerificationError("The log's key does not fit its own id.", next_step=_AGAIN)
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: whose, with which key, and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line as it stands in the note."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read: nothing in it is believed before `verified_by`."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)

    def verified_by(self, keys: Iterable[NoteKey]) -> tuple[NoteKey, ...]:
        """The keys among `keys` whose signatures hold. Raises `VerificationError` if one of theirs does not, or there is none."""
        known = {(key.name, key.key_id): key for key in keys}
        holding = []
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is not None:
                _verify(self.text, signature, key)
                holding.append(key)
        if not holding:
            raise VerificationError("The note is not signed by a key that is known here.", next_step=_AGAIN)
        return tuple(holding)

    def with_signature(self, signature: NoteSignature) -> Note:
        """The note with one more signature; one that is there already is not added twice."""
        return self if signature in self.signatures else Note(self.text, (*self.signatures, signature))


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _verify(text: str, signature: NoteSignature, key: NoteKey) -> None:
    message, raw = text.encode(), signature.signature
    if key.kind == COSIGNATURE:
        message, raw = _cosigned(text, int.from_bytes(raw[:_TIME_BYTES], "big")), raw[_TIME_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, message)
    except (InvalidSignature, ValueError) as error:
        raise VerificationError(
            f"The signature of `{key.name}` on the note does not hold.", next_step=_AGAIN
        ) from error


def _private(key: SigningKey) -> Ed25519PrivateKey:
    return cast(Ed25519PrivateKey, key.jwk.get_op_key("sign"))


def sign_note(text: str, name: str, key: SigningKey) -> Note:
    """A new note with one signature. `text` ends in a newline."""
    if not text.endswith("\n"):
        raise VerificationError("A note's text ends in a newline.", next_step="Add it.")
    public = NoteKey.of(name, key.public)
    return Note(text, (NoteSignature(name, public.key_id, _private(key).sign(text.encode())),))


def cosign_note(note: Note, name: str, key: SigningKey, now: datetime | None = None) -> Note:
    """The note with the cosignature of someone who has checked that it follows from what they saw before."""
    seconds = int((now or datetime.now(UTC)).timestamp())
    public = NoteKey.of(name, key.public, COSIGNATURE)
    raw = seconds.to_bytes(_TIME_BYTES, "big") + _private(key).sign(_cosigned(note.text, seconds))
    return note.with_signature(NoteSignature(name, public.key_id, raw))


def read_note(data: str) -> Note:
    """Read a note. Raises `VerificationError` for anything that is not one."""
    if len(data) > MAX_NOTE_BYTES or any(letter < " " and letter != "\n" for letter in data):
        raise VerificationError("The note is too long, or holds a control character.", next_step=_AGAIN)
    text, blank, lines = data.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise VerificationError("The note has no signatures.", next_step=_AGAIN)
    rows = lines[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise VerificationError(f"The note has more than {MAX_SIGNATURES} signatures.", next_step=_AGAIN)
    return Note(text + "\n", tuple(_read_signature(row) for row in rows))


def _read_signature(row: str) -> NoteSignature:
    try:
        name, data = row.removeprefix(_DASH).split(" ")
        raw = base64.b64decode(data, validate=True)
    except ValueError as error:
        raise VerificationError("A signature line of the note is malformed.", next_step=_AGAIN) from error
    if not row.startswith(_DASH) or not name or len(raw) <= _ID_BYTES:
        raise VerificationError("A signature line of the note is malformed.", next_step=_AGAIN)
    return NoteSignature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])
