"""The tables of a submission are checked before anything of them is believed. No message holds a value from a record.

polars' own messages can quote values, so none of them is passed on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from api.submissions import RecordLine
from protocols.catalogue import encoded_length
from protocols.document import SharingProtocol
from protocols.document_catalogue import Attribute
from protocols.errors import SubmissionError
from protocols.family import RECORD_REF
from protocols.sealing import CELL_OVERHEAD
from protocols.submission import SubmissionFile
from protocols.vocabulary import HoldReason, Kind

RECORD_COLUMNS: dict[str, pl.DataType] = {
    "record_ref": pl.String(),
    "groups": pl.List(pl.String()),
    "kind": pl.String(),
    "shielded": pl.Boolean(),
    "silent": pl.Boolean(),
    "deceased": pl.Boolean(),
    "hold": pl.String(),
    "encodings": pl.Int32(),
}
CELL_COLUMNS: dict[str, pl.DataType] = {
    "record_ref": pl.String(),
    "attribute": pl.String(),
    "as_at": pl.Date(),
    "sealed": pl.Binary(),
}
DELTA_COLUMNS = RECORD_COLUMNS | {"op": pl.String()}
PUT, REMOVE = "put", "remove"
MOST_GROUPS = 64
MOST_ENCODINGS = 64
_AGAIN = "Make the submission again with `kinlink agency encode`."


def extract_part(file: SubmissionFile, name: str, target: Path) -> Path:
    """Write one part of a submission to a file of its own."""
    with file.open(name) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    return target


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise SubmissionError(f"`{name}` cannot be read as a Parquet table.", next_step=_AGAIN) from error


def _check_columns(table: pl.LazyFrame, expected: dict[str, pl.DataType], name: str) -> None:
    found = dict(table.collect_schema())
    if list(found) != list(expected):
        raise SubmissionError(
            f"`{name}` has other columns than expected: {', '.join(f'`{item}`' for item in expected)}.",
            next_step=_AGAIN,
        )
    for column, kind in expected.items():
        if found[column] != kind:
            raise SubmissionError(
                f"Column `{column}` of `{name}` is `{found[column]}`; expected `{kind}`.", next_step=_AGAIN
            )


def read_records(path: Path, name: str, delta: bool = False) -> pl.DataFrame:
    """The records, checked, with the column `op` (`put` for all, unless it is a delta). Raises `SubmissionError`."""
    with _readable(name):
        table = pl.scan_parquet(path, glob=False)
        _check_columns(table, DELTA_COLUMNS if delta else RECORD_COLUMNS, name)
        records = table.collect()
        if not delta:
            records = records.with_columns(pl.lit(PUT).alias("op"))
        _check_records(records, name)
        return records


def _check_records(records: pl.DataFrame, name: str) -> None:
    required = [column for column in RECORD_COLUMNS if column != "hold"]
    unborn = pl.col("kind") == Kind.UNBORN.value
    group = pl.element().is_null() | (pl.element().str.len_bytes() > 64) | (pl.element().str.len_bytes() == 0)
    checks = {
        "a value is missing": pl.any_horizontal(pl.col(column).is_null() for column in required),
        "`record_ref` is not a pseudonym of 8 to 64 letters, digits, `_` and `-`": ~pl.col("record_ref").str.contains(
            RECORD_REF
        ),
        "`record_ref` appears more than once": pl.col("record_ref").is_duplicated(),
        f"`kind` is not one of {', '.join(Kind)}": ~pl.col("kind").is_in([kind.value for kind in Kind]),
        "`hold` is not a reason for a hold": pl.col("hold").is_not_null()
        & ~pl.col("hold").is_in([reason.value for reason in HoldReason]),
        f"`groups` has more than {MOST_GROUPS} references, or one that is empty or too long": (
            pl.col("groups").list.len() > MOST_GROUPS
        )
        | pl.col("groups").list.eval(group).list.any(),
        f"`op` is not `{PUT}` or `{REMOVE}`": ~pl.col("op").is_in([PUT, REMOVE]),
        f"`encodings` is not 0 for an unborn child and 1 to {MOST_ENCODINGS} for anyone else": pl.when(
            unborn | (pl.col("op") == REMOVE)
        )
        .then(pl.col("encodings") != 0)
        .otherwise(~pl.col("encodings").is_between(1, MOST_ENCODINGS)),
    }
    _refuse(records, checks, name)


def _refuse(table: pl.DataFrame, checks: dict[str, pl.Expr], name: str) -> None:
    for what, wrong in checks.items():
        rows = table.with_row_index("__row").filter(wrong.fill_null(True)).get_column("__row")
        if len(rows):
            raise SubmissionError(
                f"`{name}`: {what}, in {len(rows)} rows; the first is row {rows[0] + 1}.", next_step=_AGAIN
            )


def record_lines(records: pl.DataFrame) -> Iterator[RecordLine]:
    """The records as they are kept."""
    columns = ["record_ref", "kind", "shielded", "silent", "deceased", "hold"]
    for ref, kind, shielded, silent, deceased, hold in records.select(columns).iter_rows():
        yield RecordLine(ref, Kind(kind), shielded, silent, deceased, HoldReason(hold) if hold else None)


def check_cells(
    path: Path, name: str, records: pl.DataFrame, agency: str, protocol: SharingProtocol, today: date
) -> int:
    """Check that every record has exactly one cell for each attribute about its kind; returns how many there are.

    Presence must tell nothing, so a missing cell is an error, and so is a length that differs within an attribute.
    """
    attributes = [item for item in protocol.attributes if item.agency == agency]
    with _readable(name):
        cells = pl.scan_parquet(path, glob=False)
        _check_columns(cells, CELL_COLUMNS, name)
        slim = cells.select("record_ref", "attribute", "as_at", pl.col("sealed").bin.size().alias("length")).collect()
        _check_slim(slim, attributes, name, today)
        expected = _expected(records, attributes)
        keys = ["record_ref", "attribute"]
        if slim.select(keys).is_duplicated().any():
            raise SubmissionError(f"`{name}`: a record has two cells for one attribute.", next_step=_AGAIN)
        extra = slim.join(expected, on=keys, how="anti").height
        missing = expected.join(slim, on=keys, how="anti").height
        if extra or missing:
            raise SubmissionError(
                f"`{name}`: {missing} cells are missing and {extra} are not expected; a record has one cell for every "
                "attribute about its kind.",
                next_step=_AGAIN,
            )
        return slim.height


def _check_slim(cells: pl.DataFrame, attributes: list[Attribute], name: str, today: date) -> None:
    known = [attribute.id for attribute in attributes]
    checks = {
        "a value is missing": pl.any_horizontal(pl.all().is_null()),
        "`attribute` is not in the catalogue for this agency": ~pl.col("attribute").is_in(known),
        "`as_at` is in the future": pl.col("as_at") > today,
    }
    _refuse(cells, checks, name)
    lengths = {attribute.id: encoded_length(attribute) + CELL_OVERHEAD for attribute in attributes}
    expected = pl.col("attribute").replace_strict(lengths, return_dtype=pl.Int64)
    uneven = cells.filter(pl.col("length").cast(pl.Int64) != expected)
    if uneven.height:
        raise SubmissionError(
            f"`{name}`: {uneven.height} cells of `{uneven['attribute'].sort()[0]}` or others have another length than the "
            "catalogue's, so that length could tell something.",
            next_step=_AGAIN,
        )


def _expected(records: pl.DataFrame, attributes: list[Attribute]) -> pl.DataFrame:
    """The (record, attribute) pairs that there must be; a record of unknown kind has all."""
    about = [
        {"kind": kind.value, "attribute": attribute.id}
        for attribute in attributes
        for kind in (*sorted(attribute.about.kinds), Kind.UNKNOWN)
    ]
    pairs = pl.DataFrame(about, schema={"kind": pl.String(), "attribute": pl.String()})
    return records.select("record_ref", "kind").join(pairs, on="kind").select("record_ref", "attribute")
