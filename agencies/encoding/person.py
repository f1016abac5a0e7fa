"""From standardised people to hardened CLKs: the linkage schema, the birth-year salt if the profile has one, then the hardening."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from numpy.typing import NDArray

from agencies.encoding.bloom import EntryRefused, RowEncoder, pack, refused
from agencies.encoding.features import FeatureEncoder, RefusedValueError
from agencies.encoding.harden import Hardening, hardener
from agencies.encoding.schema import EncodingSchema
from agencies.encoding.subkeys import subkey
from agencies.standardise.person import StandardPerson
from protocols.errors import InputError

_BLOCK = 10_000

FEATURES: dict[str, Callable[[StandardPerson], str]] = {
    "given_name": operator.attrgetter("given_name"),
    "middle_name": operator.attrgetter("middle_name"),
    "middle_initial": lambda person: person.middle_name[:1],
    "family_name": operator.attrgetter("family_name"),
    "date_of_birth": operator.attrgetter("date_of_birth"),
    "birth_year": lambda person: person.date_of_birth[:4],
    # Most people share "19" or "20": those tokens say nothing, and make two different dates look alike.
    "birth_yymmdd": lambda person: person.date_of_birth[2:],
    "sex": operator.attrgetter("sex"),
    "address": operator.attrgetter("address"),
    "postcode": operator.attrgetter("postcode"),
}
SALTED = frozenset({"given_name", "middle_name", "middle_initial", "family_name"})


class PersonEncoder:
    """Encodes people under one schema, hardening and 32-byte linkage secret.

    In the profile `high` each name feature is hashed under a key of the person's birth year (the first four digits of the date of
    birth), derived from the feature's own key. No year is a year of its own: the names of two people agree only if both years are
    known and equal, or both are unknown.
    """

    def __init__(self, schema: EncodingSchema, hardening: Hardening, secret: bytes) -> None:
        unknown = [name for name in schema.feature_names if name not in FEATURES]
        if unknown:
            raise InputError(
                f"The linkage schema has a feature `{unknown[0]}` that a person does not have.",
                next_step=f"Features of a person are {', '.join(FEATURES)}.",
            )
        if schema.length != hardening.length:
            raise InputError(
                f"The linkage schema makes CLKs of {schema.length} bits and the hardening is for {hardening.length}.",
                next_step="Give both the same length in the sharing protocol.",
            )
        self.schema = schema
        self.hardening = hardening
        self._harden = hardener(hardening, secret)
        # Text, so that any clkhash tool can be given the same secret and must make the same base CLKs.
        self.base_secret = subkey(secret, "clkhash/v1").hex()
        self._getters = [FEATURES[name] for name in schema.feature_names]
        self._base = RowEncoder(schema, self.base_secret)
        self._salted = (
            _SaltedEncoder(schema, self.base_secret, subkey(secret, "birth-year/v1")) if hardening.salts_names else None
        )

    def encode(self, people: Sequence[StandardPerson]) -> NDArray[np.uint8]:
        """People to an array of shape (n, hardened CLK bytes). Raises `EntryRefused` with places, never values."""
        size = self.hardening.output_length // 8
        out = np.empty((len(people), size), dtype=np.uint8)
        for start in range(0, len(people), _BLOCK):
            block = people[start : start + _BLOCK]
            out[start : start + _BLOCK] = self._harden(self._base_clks(block, start + 1))
        return out

    def rows(self, people: Sequence[StandardPerson]) -> list[tuple[str, ...]]:
        """The values that the schema's features take from each person, in the schema's order."""
        return [tuple(getter(person) for getter in self._getters) for person in people]

    def _base_clks(self, people: Sequence[StandardPerson], first_row: int) -> NDArray[np.uint8]:
        rows = self.rows(people)
        if self._salted is None:
            return self._base.encode(rows, first_row)
        return self._salted.encode(rows, [person.date_of_birth[:4] for person in people], first_row)


class _SaltedEncoder:
    """Rows to base CLKs with the name features under a key of the birth year."""

    def __init__(self, schema: EncodingSchema, secret: str, salt_key: bytes) -> None:
        self._schema = schema
        self._length = schema.length << schema.xor_folds
        self._salt_key = salt_key
        self._keys = schema.keys(secret)
        self._encoders: dict[tuple[int, str], FeatureEncoder] = {}

    def encode(self, rows: Sequence[Sequence[str]], years: Sequence[str], first_row: int) -> NDArray[np.uint8]:
        filters = [0] * len(rows)
        for index, (name, spec) in enumerate(zip(self._schema.feature_names, self._schema.fields, strict=True)):
            if spec.hashing_properties is None:
                continue
            column = [row[index] for row in rows]
            salts = years if name in SALTED else [None] * len(rows)
            try:
                bits = [self._encoder(index, salt)[value] for salt, value in zip(salts, column, strict=True)]
            except RefusedValueError:
                bits = []
            if len(bits) < len(rows):
                # A value's fitness does not depend on the key.
                raise EntryRefused(list(refused(self._encoder(index, None), column, name, first_row)))
            filters = list(map(operator.or_, filters, bits))
        return pack(filters, self._schema)

    def _encoder(self, index: int, year: str | None) -> FeatureEncoder:
        at = (index, "*" if year is None else year)
        encoder = self._encoders.get(at)
        if encoder is None:
            keys = self._keys[index] if year is None else tuple(self._salted(key, year) for key in self._keys[index])
            encoder = self._encoders[at] = FeatureEncoder(self._schema.fields[index], keys, self._length)
        return encoder

    def _salted(self, key: bytes, year: str) -> bytes:
        """A key of the same length for one birth year: HMAC-SHA512 as HKDF-Expand, keyed with the salt key and the feature's key."""
        info = b"kinlink/birth-year/v1/" + (year.encode() or b"unknown")
        return HKDFExpand(hashes.SHA512(), length=len(key), info=info).derive(self._salt_key + key)
