"""Signing: who said it. Ed25519 signatures as JWS (RFC 7515, RFC 9864) and the card by which a party introduces its keys."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import rfc8785
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols.errors import KeyProblem, VerificationError
from protocols.sealing import SealingPublicKey

ALGORITHM: Literal["Ed25519"] = "Ed25519"


PROSE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""What people write: any letters and line breaks, no control characters (PostgreSQL stores no NUL)."""

_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Wire(BaseModel):
    """A value that crosses the wire: frozen, strict, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def canonical(self) -> bytes:
        """The one serialisation that is hashed and signed (RFC 8785)."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    @classmethod
    def read(cls, data: bytes | str, name: str) -> Self:
        """Read JSON. Raises `VerificationError` that names the fields that are wrong, never their content."""
        try:
            return cls.model_validate_json(data, strict=True)
        except ValidationError as error:
            fields = sorted({".".join(str(part) for part in item["loc"]) or "(all)" for item in error.errors()})
            raise VerificationError(
                f"The {name} is malformed at: {', '.join(f'`{field}`' for field in fields[:5])}.",
                next_step="Make it again with the current version, or ask its sender for it.",
            ) from None


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a signing key."""

    jwk: OKPKey

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint: the key's name everywhere."""
        return self.jwk.thumbprint()

    def as_dict(self) -> dict[str, str]:
        """The public JWK."""
        return cast(dict[str, str], self.jwk.as_dict(private=False))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VerifyingKey:
        """Read a public JWK. Raises `KeyProblem`; a private one is refused."""
        try:
            key = OKPKey.import_key(data)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise KeyProblem("A signing key is malformed.", next_step="Ask its owner for their card again.") from error
        if key.curve_name != ALGORITHM:
            raise KeyProblem(f"A signing key must be `{ALGORITHM}`.", next_step="Ask its owner for their card again.")
        if key.is_private:
            raise KeyProblem(
                "A private signing key stands where a public one belongs.",
                next_step="Treat that key as compromised: make a new one, and send the card, not the key.",
            )
        return cls(key)

    def verify(self, token: str, *, payload: bytes | None = None, what: str = "signature") -> bytes:
        """Return the payload of a compact JWS (detached when `payload` is given). Raises `VerificationError`."""
        try:
            signed = jws.deserialize_compact(token, self.jwk, algorithms=[ALGORITHM], payload=payload)
        except (JoseError, ValueError, TypeError) as error:
            raise VerificationError(
                f"The {what} does not hold: it was made with another key, or what it covers was altered.",
                next_step="Compare the signer's key fingerprint, and ask for the original again.",
            ) from error
        return bytes(signed.payload)


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private Ed25519 key."""

    jwk: OKPKey

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key from the operating system's random source."""
        return cls(OKPKey.generate_key(ALGORITHM))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SigningKey:
        """Read a private JWK. Raises `KeyProblem`."""
        try:
            key = OKPKey.import_key(data)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise KeyProblem("A private signing key is malformed.", next_step="Restore it from its backup.") from error
        if not key.is_private or key.curve_name != ALGORITHM:
            raise KeyProblem("A private signing key is expected here.", next_step="Restore it from its backup.")
        return cls(key)

    def as_dict(self) -> dict[str, str]:
        """The private JWK: to be written to a protected file only."""
        return cast(dict[str, str], self.jwk.as_dict(private=True))

    @property
    def public(self) -> VerifyingKey:
        """The public half."""
        return VerifyingKey(OKPKey.import_key(self.jwk.as_dict(private=False)))

    def sign(self, payload: bytes, *, detached: bool = False, typ: str = "JOSE") -> str:
        """A compact JWS over the payload; with `detached` the payload is left out of it."""
        header = {"alg": ALGORITHM, "kid": self.jwk.thumbprint(), "typ": typ}
        token = jws.serialize_compact(header, payload, self.jwk, algorithms=[ALGORITHM])
        return jws.detach_content(token) if detached else token

    def __repr__(self) -> str:
        return "SigningKey(…)"


def signer_of(token: str) -> str:
    """The `kid` that a JWS claims, unverified: only to look up the key to verify it with. Raises `VerificationError`."""
    try:
        kid = json.loads(decode_base64url(token.split(".")[0]))["kid"]
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise ValueError("kid")
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise VerificationError("A signature is malformed.", next_step="Ask for the original again.") from error
    return kid


def decode_base64url(text: str) -> bytes:
    """Base64url with or without padding. Raises `ValueError`."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Card(Wire):
    """How a party introduces itself: public keys only. Its fingerprints are compared by people, out of band."""

    party: str = Field(pattern=r"^[a-z][a-z0-9_-]{1,40}$")
    purpose: str = Field(pattern="^(agency|workbook|service)$")
    signing_key: dict[str, str]
    sealing_key: str

    @property
    def verifying_key(self) -> VerifyingKey:
        """The party's public signing key."""
        return VerifyingKey.from_dict(dict(self.signing_key))

    @property
    def sealing_public_key(self) -> SealingPublicKey:
        """The party's public sealing key."""
        return SealingPublicKey.from_text(self.sealing_key)


def sign_card(card: Card, key: SigningKey) -> str:
    """The card as a JWS signed with the very key it introduces: proof that its maker holds that key."""
    return key.sign(card.canonical(), typ="kinlink-card+jws")


def open_card(token: str) -> Card:
    """Read a signed card. Raises `VerificationError` if it is not signed with the key it shows."""
    try:
        payload = decode_base64url(token.strip().split(".")[1])
    except (ValueError, IndexError) as error:
        raise VerificationError("A card is malformed.", next_step="Ask its owner for it again.") from error
    card = Card.read(payload, "card")
    card.verifying_key.verify(token.strip(), what="card's signature")
    card.sealing_public_key  # noqa: B018 - a malformed sealing key is refused here
    return card
