"""A CSV and a linkage schema to the JSON that anonlink's users know: ``{"clks": [base64 …]}``, as clkhash would write it.

For trying existing schemas, and for checking this encoder against clkhash. The result is not hardened.
"""

from __future__ import annotations

import binascii
import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO

import numpy as np
from numpy.typing import NDArray

from agencies.encoding.bloom import CHUNK_ROWS, EntryRefused, RowEncoder
from agencies.encoding.schema import load_schema
from protocols.errors import ExtractError, InputError, KeyProblem

_BOM = "\ufeff"
_LONGEST_SECRET = 4096


def encode_csv_to_clkhash_json(
    csv_path: str | Path,
    schema_path: str | Path,
    secret_file: str | Path,
    out_path: str | Path,
    *,
    header: bool | Literal["ignore"] = True,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Encode a CSV file and return the number of CLKs written.

    The CSV is UTF-8 with commas; its columns stand in the order of the schema's features; blanks around values are dropped. `header`:
    True checks the first line against the schema's identifiers, "ignore" skips it, False takes it as data. `progress` is called with the
    number of rows done. The output appears whole or not at all.

    Raises `InputError` (schema, paths), `KeyProblem` (secret) or `ExtractError` (CSV), with line and column and never a value.
    """
    schema = load_schema(schema_path)
    encoder = RowEncoder(schema, read_text_secret(secret_file))
    source, target = Path(csv_path).absolute(), Path(out_path)
    _check_paths(source, target)
    with _opened(source) as text:
        lines = _rows(source, text)
        if header:
            _check_header(source, next(lines, (1, None))[1], schema.feature_names, header == "ignore")
        return _write(target, _encoded(source, lines, encoder), progress)


def read_text_secret(path: str | Path) -> bytes:
    """A secret in a file, as anonlink's users have it: text on one line, the line's end not part of it.

    A file that is not UTF-8 text is taken as it is, byte for byte. Raises `KeyProblem`.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise KeyProblem(
            f"The secret file `{file.name}` cannot be read: {error.strerror}.", next_step="Check the path."
        ) from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise KeyProblem(f"The secret file `{file.name}` is UTF-16 text.", next_step="Save it as UTF-8 or plain text.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        secret = data
    else:
        secret = text.removesuffix("\n").removesuffix("\r").encode()
        if b"\n" in secret or b"\r" in secret:
            raise KeyProblem(
                f"The secret file `{file.name}` has more than one line.", next_step="Keep the secret on one line."
            )
    if not secret:
        raise KeyProblem(f"The secret file `{file.name}` is empty.", next_step="Put the secret on its first line.")
    if len(secret) > _LONGEST_SECRET:
        raise KeyProblem(
            f"The secret file `{file.name}` holds more than {_LONGEST_SECRET:,} bytes.",
            next_step="Check that it is the right file.",
        )
    return secret


def _check_paths(source: Path, target: Path) -> None:
    if not source.is_file():
        raise ExtractError(
            f"The CSV file `{source.name}` does not exist or is not a file.", next_step="Check the path."
        )
    if not target.parent.is_dir():
        raise InputError(f"The folder for `{target.name}` does not exist.", next_step="Make it, or write elsewhere.")
    if target.is_dir() or (target.exists() and target.samefile(source)):
        raise InputError(
            f"`{target.name}` cannot be written: it is a folder, or the CSV itself.", next_step="Give another name."
        )


def _opened(source: Path) -> TextIO:
    try:
        with source.open("rb") as raw:
            start = raw.read(4)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ExtractError(f"The CSV file `{source.name}` is UTF-16 text.", next_step="Save it as “CSV UTF-8”.")
        # Line ends are translated, also inside quotation marks, as when anonlink opens the file.
        return source.open(encoding="utf-8", newline=None)
    except OSError as error:
        raise ExtractError(
            f"The CSV file `{source.name}` cannot be read: {error.strerror}.", next_step="Check the path."
        ) from None


def _rows(source: Path, text: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line each starts on."""
    reader = csv.reader(text)
    line, problem = 1, ""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError:
            problem = f"line {_first_undecodable_line(source)} is not UTF-8 text"
            break
        except csv.Error:
            problem = (
                f"the row from line {line} on has a value that is too long, usually after an unclosed quotation mark"
            )
            break
        yield line, row
        line = reader.line_num + 1
    raise ExtractError(
        f"The CSV file `{source.name}` cannot be read: {problem}.",
        next_step="Save it as “CSV UTF-8” and check that line.",
    )


def _first_undecodable_line(source: Path) -> int:
    with source.open("rb") as raw:
        for number, line in enumerate(raw, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def _check_header(source: Path, columns: Sequence[str] | None, names: Sequence[str], ignore: bool) -> None:
    """Compare a header with the schema's identifiers. A message shows schema names only: without a header, line 1 is a person."""
    if columns is None:
        raise ExtractError(f"The CSV file `{source.name}` is empty.", next_step="Give a file with a header and rows.")
    if ignore:
        return
    found = [columns[0].removeprefix(_BOM), *columns[1:]] if columns else []
    if found == list(names):
        return
    problem, hint = _header_problem(found, names)
    raise ExtractError(f"The header (line 1) of `{source.name}` does not fit the schema: {problem}.", next_step=hint)


def _header_problem(found: Sequence[str], names: Sequence[str]) -> tuple[str, str]:
    no_header = "If the file has no header, use --header none; to skip a header that differs, --header ignore."
    if len(found) != len(names):
        for mark, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if len(found) == 1 and found[0].count(mark) == len(names) - 1 > 0:
                return f"it is separated by {called}, and clkhash's format by commas", "Save the file with commas."
        return (
            f"it has {len(found)} column{'s' if len(found) != 1 else ''}, the schema {len(names)} features",
            f"The schema's order is: {', '.join(names)}. {no_header}",
        )
    place = next(i for i, (got, want) in enumerate(zip(found, names, strict=True)) if got != want)
    want, got = names[place], found[place]
    if sorted(found) == sorted(names):
        return "its columns are in another order", f"The schema's order is: {', '.join(names)}."
    if got.strip().casefold() == want.casefold():
        return f"column {place + 1} must be `{want}` exactly: capitals or blanks differ", "Correct the header."
    got_name = f"; got `{got}`" if got in names else ""
    return f"column {place + 1} must be `{want}`{got_name}", no_header


def _encoded(source: Path, lines: Iterable[tuple[int, list[str]]], encoder: RowEncoder) -> Iterator[NDArray[np.uint8]]:
    source_rows, width = iter(lines), len(encoder.schema.fields)
    while block := list(islice(source_rows, CHUNK_ROWS)):
        numbers = [number for number, _ in block]
        rows = []
        for number, row in block:
            if len(row) != width:
                _refuse_shape(source, number, row, width)
            rows.append([value.strip() for value in row])
        if numbers[0] == 1 and rows[0][0].startswith(_BOM):
            raise ExtractError(
                f"The CSV file `{source.name}` starts with a byte-order mark, which would become part of the first value.",
                next_step="Save it as UTF-8 without a byte-order mark, or with a header.",
            )
        yield _encode_block(rows, numbers, encoder)


def _encode_block(rows: list[list[str]], numbers: list[int], encoder: RowEncoder) -> NDArray[np.uint8]:
    try:
        return encoder.encode(rows)
    except EntryRefused as refusal:
        problems = [problem._replace(row=numbers[problem.row - 1]) for problem in refusal.problems]
    raise EntryRefused(problems, where="Line")


def _refuse_shape(source: Path, number: int, row: Sequence[str], width: int) -> None:
    got = f"has {len(row)} value{'s' if len(row) != 1 else ''}" if row else "is blank"
    raise ExtractError(
        f"Line {number} of `{source.name}` {got}; the schema has {width} feature{'s' if width != 1 else ''}.",
        next_step="Put values that hold a comma in quotation marks, and take blank lines out.",
    )


def _write(target: Path, blocks: Iterable[NDArray[np.uint8]], progress: Callable[[int], None] | None) -> int:
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    done = 0
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write('{"clks": [')
            for block in blocks:
                out.write(", " if done else "")
                out.write(", ".join(_texts(block)))
                done += len(block)
                if progress is not None:
                    progress(done)
            out.write("]}")
        part.replace(target)
    except OSError as error:
        raise InputError(
            f"`{target.name}` cannot be written: {error.strerror}.", next_step="Check the folder and its space."
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return done


def _texts(block: NDArray[np.uint8]) -> Iterator[str]:
    for row in block:
        yield f'"{binascii.b2a_base64(row.tobytes(), newline=False).decode()}"'
