"""What the central service's commands share: where its data folder is, how they print, how they write what only its reader may see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from api.data_folder import SECRET_MODE
from api.service import Service, open_service
from api.settings import load_settings
from protocols.errors import InputError

DataDir = Annotated[Path, typer.Option("--data", help="The service's data folder.", envvar="KINLINK_DATA_DIR")]
Out = Annotated[Path | None, typer.Option(help="The file to write; left out: the screen.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
HERE = Path("kinlink-data")


def console() -> Console:
    """Where commands print."""
    return Console(highlight=False, soft_wrap=True, emoji=False)


def private(path: Path) -> TextIO:
    """A new file that only this user reads: what it holds may be about people. One that is there already is written anew, not shared."""
    try:
        path.unlink(missing_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE), "w", encoding="utf-8")
    except OSError as error:
        raise InputError(f"`{path}` cannot be written.", next_step="Name a file in a folder that is yours.") from error


@contextmanager
def opened_service(data: Path) -> Iterator[Service]:
    """The service of a data folder, closed at the end."""
    service = open_service(load_settings(data))
    try:
        yield service
    finally:
        service.close()
