"""What the commands that read an extract share: its options, its day, and where their reports may be written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from protocols.errors import InputError

WEB_PAGE, JSON = (".html", ".htm"), (".json",)

ExtractArgument = Annotated[Path, typer.Argument(help="The extract: CSV, TSV, Excel or Parquet.")]
MappingOption = Annotated[Path | None, typer.Option("--mapping", help="Another mapping than the one in agency.yaml.")]
DateOption = Annotated[
    str | None,
    typer.Option("--extract-date", help="The day of the extract, such as 2026-11-16; found out if left away."),
]


def day_of(text: str | None) -> date | None:
    """The day that was given with `--extract-date`. Raises `InputError` for what is no day, or not yet."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError("`--extract-date` is not a date such as 2026-11-16.", next_step="Correct it.") from None
    if day > datetime.now(UTC).date():
        raise InputError("`--extract-date` is in the future.", next_step="Correct it.")
    return day


def check_report_path(path: Path | None, suffixes: tuple[str, ...]) -> None:
    """A report replaces the last one, and nothing else: not an extract that was named by mistake. Raises `InputError`."""
    if path is not None and path.suffix.lower() not in suffixes:
        raise InputError(
            f"`{path.name}` is no name for this report.", next_step=f"Let its name end with {suffixes[0]}."
        )
    if path is not None and not path.absolute().parent.is_dir():
        raise InputError(f"There is no folder for the report `{path.name}`.", next_step="Make it, or write elsewhere.")
