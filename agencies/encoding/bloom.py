"""CLKs bit for bit as clkhash makes them, many times faster: each distinct value's filter is computed once and OR-ed in."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agencies.encoding.features import FeatureEncoder, RefusedValueError
from agencies.encoding.schema import EncodingSchema
from protocols.errors import ExtractError

CHUNK_ROWS = 10_000
_SHOWN = 5


class Problem(NamedTuple):
    """Where a value was refused (row counted from 1) and what was expected there."""

    row: int
    column: str
    expected: str


class EntryRefused(ExtractError):
    """Rows do not fit the schema. `problems` holds places and expectations, never values."""

    def __init__(self, problems: Sequence[Problem], *, where: str = "Row") -> None:
        first = problems[0]
        more = ""
        if len(problems) > 1:
            places = ", ".join(f"{p.row} (`{p.column}`)" for p in problems[1:_SHOWN])
            more = f" Also refused: {where.lower()} {places}{', …' if len(problems) > _SHOWN else ''}."
        super().__init__(
            f"{where} {first.row}, column `{first.column}`: expected {first.expected}.{more}",
            next_step="Correct the value in the source, or the schema.",
        )
        self.problems = tuple(problems)


class RowEncoder:
    """Encodes rows under one schema and one secret, and keeps what it has already computed.

    Holds key material and fragments of identifiers in memory: one per run, never shared between projects.
    """

    def __init__(self, schema: EncodingSchema, secret: bytes | str) -> None:
        self.schema = schema
        self._hash_length = schema.length << schema.xor_folds
        self._encoders = [
            None if spec.hashing_properties is None else FeatureEncoder(spec, keys, self._hash_length)
            for spec, keys in zip(schema.fields, schema.keys(secret), strict=True)
        ]

    def encode(self, rows: Sequence[Sequence[str]], first_row: int = 1) -> NDArray[np.uint8]:
        """One block of rows to an array of shape (rows, bytes of a CLK). Raises `EntryRefused`."""
        self._check_shape(rows, first_row)
        filters = [0] * len(rows)
        problems: list[Problem] = []
        for index, (encoder, name) in enumerate(zip(self._encoders, self.schema.feature_names, strict=True)):
            if encoder is None:
                continue
            column = list(map(operator.itemgetter(index), rows))
            bits = lookup(encoder, column)
            if bits is None:
                problems.extend(refused(encoder, column, name, first_row))
            else:
                filters = list(map(operator.or_, filters, bits))
        if problems:
            raise EntryRefused(sorted(problems))
        return pack(filters, self.schema)

    def stream(self, rows: Iterable[Sequence[str]], chunk_rows: int = CHUNK_ROWS) -> Iterator[NDArray[np.uint8]]:
        """Blocks of up to `chunk_rows` CLKs, in order; holds one block at a time."""
        source, done = iter(rows), 0
        while block := list(islice(source, chunk_rows)):
            yield self.encode(block, done + 1)
            done += len(block)

    def _check_shape(self, rows: Sequence[Sequence[str]], first_row: int) -> None:
        width = len(self.schema.fields)
        if set(map(len, rows)) <= {width}:
            return
        number, row = next((number, row) for number, row in enumerate(rows, start=first_row) if len(row) != width)
        raise ExtractError(
            f"Row {number} has {len(row)} values; the schema has {width} features.",
            next_step="Give every row one value for each feature, in the schema's order.",
        )


def lookup(encoder: FeatureEncoder, column: Sequence[str]) -> list[int] | None:
    """The filters of a column's values, or None when at least one value is refused."""
    try:
        return list(map(encoder.__getitem__, column))
    except RefusedValueError:
        return None


def refused(encoder: FeatureEncoder, column: Sequence[str], name: str, first_row: int) -> Iterator[Problem]:
    """The places in a column where a value is refused."""
    for number, value in enumerate(column, start=first_row):
        try:
            encoder[value]
        except RefusedValueError as problem:
            yield Problem(number, name, problem.expected)


def pack(filters: Sequence[int], schema: EncodingSchema) -> NDArray[np.uint8]:
    """Fold as the schema says, and lay out as clkhash serialises: position 0 is the first byte's most significant bit."""
    length = schema.length << schema.xor_folds
    folded = list(filters)
    while length > schema.length:
        length //= 2
        mask = (1 << length) - 1
        folded = [(bits >> length) ^ (bits & mask) for bits in folded]
    spare = -length % 8
    if spare:
        folded = [bits << spare for bits in folded]
    size = schema.row_bytes
    packed = bytearray().join([bits.to_bytes(size, "big") for bits in folded])
    return np.frombuffer(packed, dtype=np.uint8).reshape(len(folded), size)


def encode_rows(schema: EncodingSchema, secret: bytes | str, rows: Iterable[Sequence[str]]) -> NDArray[np.uint8]:
    """All rows to an array of shape (n, bytes of a CLK): base64 of a row is what clkhash serialises.

    Raises `EntryRefused` with row number and column name for a value that the schema's formats refuse.
    """
    blocks = list(encode_stream(schema, secret, rows))
    if not blocks:
        return np.zeros((0, schema.row_bytes), dtype=np.uint8)
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def encode_stream(
    schema: EncodingSchema, secret: bytes | str, rows: Iterable[Sequence[str]], chunk_rows: int = CHUNK_ROWS
) -> Iterator[NDArray[np.uint8]]:
    """The same in blocks of up to `chunk_rows` rows; memory does not grow with the number of rows."""
    return RowEncoder(schema, secret).stream(rows, chunk_rows)
