"""`kinlink agency references`: what the central service calls records, for an auditor who plants canaries or asks for records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agencies.cli_parties import FolderOption
from agencies.console import output
from agencies.folder import AgencyFolder
from protocols.errors import InputError


def references_command(
    local: Annotated[
        Path, typer.Argument(help="A file with the agency's own references, one a line; - is standard input.")
    ],
    folder: FolderOption = Path(),
) -> None:
    """Print the references by which the service knows records, one a line, in the file's order. Nobody else can work them out."""
    try:
        lines = (sys.stdin.read() if str(local) == "-" else local.read_text("utf-8-sig")).splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"The file `{local.name}` cannot be read as text in UTF-8.", next_step="Write one reference a line."
        ) from None
    held = [line.strip() for line in lines if line.strip()]
    if not held:
        raise InputError(f"The file `{local.name}` names no record.", next_step="Write one reference a line.")
    known = AgencyFolder(folder).references
    for reference in held:
        output().print(known.record(reference), markup=False)
