"""`kinlink agency encode --format clkhash-json`: plain CLKs under any clkhash linkage schema, for trying schemas."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

from rich.markup import escape

from agencies.console import output, progress_bar
from protocols.errors import InputError


class Header(StrEnum):
    """What the first line of a CSV for `clkhash-json` is."""

    CHECK = "check"
    IGNORE = "ignore"
    NONE = "none"


_HEADERS: dict[Header, bool | Literal["ignore"]] = {Header.CHECK: True, Header.IGNORE: "ignore", Header.NONE: False}


def encode_clkhash(
    extract: Path, schema: Path | None, secret_file: Path | None, out: Path | None, header: Header
) -> None:
    if schema is None or secret_file is None or out is None:
        raise InputError(
            "`--format clkhash-json` needs `--schema`, `--secret-file` and `--out`.", next_step="Give all three."
        )
    from agencies.encoding.compatible import encode_csv_to_clkhash_json
    from agencies.encoding.schema import load_schema

    if "xorFolds" in load_schema(schema).document["clkConfig"]:
        output().print(
            "The schema says `xorFolds`, which clkhash does not read, so nothing is folded; it reads `xor_folds`."
        )
    with progress_bar() as progress:
        count = encode_csv_to_clkhash_json(
            extract,
            schema,
            secret_file,
            out,
            header=_HEADERS[header],
            progress=lambda done: progress("encoding", done, None),
        )
    output().print(
        f"{count:,} CLKs written to {escape(out.name)}. They are not hardened: for trying schemas, not for submitting."
    )
