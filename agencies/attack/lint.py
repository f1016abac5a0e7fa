"""T0: the schema and the keys, before any attack. What is wrong here cannot be repaired by hardening."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import bits_of
from agencies.attack.people import People, Scheme, is_complete
from agencies.encoding.harden import FOR_COMPARISON_ONLY, Hardening
from agencies.encoding.schema import EncodingSchema
from agencies.encoding.subkeys import SECRET_BYTES
from agencies.standardise.person import StandardPerson

FEWEST_FEATURES = 3
FILL = (0.35, 0.55)  # fewer show the length of a name, more make strangers alike
_ENOUGH_ROWS = 30


@dataclass(frozen=True, slots=True)
class Lint:
    """Rules broken, in words, and the mean share of set bits before hardening (of complete records where there are enough)."""

    broken: tuple[str, ...]
    fill: float

    @property
    def fill_off(self) -> float:
        """How far the fill is outside its range."""
        return max(FILL[0] - self.fill, self.fill - FILL[1], 0.0)


def lint(scheme: Scheme, secret: bytes, people: People) -> Lint:
    """Check a scheme. `secret` may be any: only its length and what the encoder does with missing values are looked at.

    Rules: keyed BLAKE2b only, since double hashing falls to Niedermeyer, Steinmetzer, Kroll and Schnell (JPC 6(2), 2014) and to Kroll
    and Steinmetzer (HEALTHINF 2015); at least three features in a CLK, or frequencies give values away; keys derived by HKDF with
    salt and info of their own; a secret of 256 bits; no token for a missing value; a hardening stage.
    """
    broken = [rule for schema, hardening in scheme.parts for rule in _broken(schema, hardening)]
    if len(secret) < SECRET_BYTES:
        broken.append(
            f"The linkage secret has {len(secret)} bytes: use {SECRET_BYTES} from the system's random source."
        )
    if any(scheme.tokens(StandardPerson())):
        broken.append("A record without any value has tokens: missing values must produce none.")
    fills = [_fill(Scheme((part,)), secret, people) for part in scheme.parts]
    return Lint(tuple(broken), max(fills, key=lambda fill: abs(fill - sum(FILL) / 2)))


def _broken(schema: EncodingSchema, hardening: Hardening) -> Iterator[str]:
    hashed = [
        (name, field.hashing_properties.hash_type)
        for name, field in zip(schema.feature_names, schema.fields, strict=True)
        if field.hashing_properties is not None
    ]
    doubles = [name for name, kind in hashed if kind != "blakeHash"]
    if doubles:
        yield f"{len(doubles)} features are double-hashed (`{doubles[0]}` first): use `blakeHash` for all."
    if len(hashed) < FEWEST_FEATURES:
        yield f"A CLK holds {len(hashed)} features: use at least {FEWEST_FEATURES}."
    kdf = schema.document["clkConfig"]["kdf"]
    if not (kdf.get("salt") and kdf.get("info")):
        yield "The schema's key derivation has no salt or no info: give it both."
    if hardening.profile in FOR_COMPARISON_ONLY:
        yield f"The hardening profile is `{hardening.profile}`, which is for comparison only: use `standard` or `high`."


def _fill(scheme: Scheme, secret: bytes, people: People) -> float:
    complete = [person for person in people if is_complete(scheme.parts[0][0], person)]
    chosen = complete if len(complete) >= _ENOUGH_ROWS else list(people)
    return float(np.mean(bits_of(scheme.encode_base(secret, chosen)))) if chosen else 0.0
