"""`kinlink audit erase`: erase from the log what it says about one family, person or record."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.cli_options import HERE, DataDir, console, opened_service
from api.erasing import erase
from api.erasures import Ground, Of
from api.identity import DECLARING_AGENCY
from protocols.errors import InputError
from protocols.family import FAMILY_REF, RECORD_REF


def erase_reference(
    of: Annotated[Of, typer.Argument(help="What the reference is of.")],
    ref: Annotated[
        Path, typer.Option("--ref", help="A file with the reference, and nothing else; - is standard input.")
    ],
    reason: Annotated[Ground, typer.Option(help="Why it is lawful: docs/operating.md says when each applies.")],
    approver: Annotated[
        str, typer.Option(help="The data protection officer who approves it: the id they sign in with.")
    ],
    agency: Annotated[str, typer.Option(help="Whose record it is.")] = DECLARING_AGENCY,
    data: DataDir = HERE,
) -> None:
    """Erase what opens the log's entries about one reference; the entries stay and the log still verifies. It cannot be undone."""
    if of is not Of.RECORD and agency != DECLARING_AGENCY:
        raise InputError("Families and their members are children's social care's.", next_step="Leave `--agency` out.")
    reference = _reference(ref, FAMILY_REF if of is Of.FAMILY else RECORD_REF)
    with opened_service(data) as service:
        done, report = erase(service, of, agency, reference, reason, approver)
    screen = console()
    screen.print(
        f"Erased: {done.openings} commitments of {done.entries} entries can never be opened again; {done.answers} answers and "
        f"{done.emergencies} emergency accesses were deleted, and the kept decisions of {done.inputs} other answers."
    )
    screen.print(f"Entry {done.entry} says so. The log verifies: {report.size} entries, and everything stored fits it.")
    for item in done.left:
        screen.print(f"  Left: {item}.", markup=False)
    screen.print("  Left: backups, and exports with openings, that were made before. Delete them, or let them run out.")


def _reference(path: Path, pattern: str) -> str:
    """The one reference in a file. Raises `InputError` that does not repeat what is in it."""
    try:
        text = (sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")).strip()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"The file `{path.name}` cannot be read.", next_step="Write the reference into it.") from None
    if not re.fullmatch(pattern, text):
        raise InputError(
            f"The file `{path.name}` does not hold one reference of this kind.",
            next_step="Write it alone on one line: a family's such as WB-20417, or a record's own (8 to 64 letters, digits, `-`, `_`).",
        )
    return text
