"""Commands about the gate: canaries that an auditor planted, a pass for one batch, submissions made past their attack report."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.batch_gate import OPERATOR, let_through
from api.canaries import plant
from api.cli_options import HERE, DataDir
from api.service import open_service
from api.settings import load_settings
from api.store.gate import PASS_LASTS
from protocols.errors import InputError
from protocols.family import RECORD_REF

SHORTEST_REASON, LONGEST_REASON = 20, 500
MOST_CANARIES = 1000

canary_app = typer.Typer(no_args_is_help=True, help="An auditor's made-up families: who links to one is probing.")


@canary_app.command("add")
def add(
    agency: Annotated[str, typer.Argument(help="In whose extract the made-up people are.")],
    refs: Annotated[
        Path, typer.Option("--refs", help="A file with their record references, one a line; - is standard input.")
    ],
    data: DataDir = HERE,
) -> None:
    """Say which records are canaries. Nobody is told which they are; references never go on the command line."""
    found = _references(refs)
    service = open_service(load_settings(data))
    try:
        held = plant(service, OPERATOR, agency, found)
    finally:
        service.close()
    _console().print(
        f"{len(found)} canaries noted; {agency} has {held[agency]}. An agency that links to one raises an alert."
    )


@canary_app.command("list")
def show(data: DataDir = HERE) -> None:
    """How many canaries each agency's extract has, and since when the first and the last; which they are is shown to nobody."""
    service = open_service(load_settings(data))
    try:
        with service.store.reading() as tx:
            held = tx.gate.planted()
    finally:
        service.close()
    table = Table("agency", "canaries", "first planted", "last planted")
    for agency, count, first, last in held:
        table.add_row(agency, str(count), f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")
    _console().print(table)


def gate_pass(
    agency: Annotated[str, typer.Argument(help="Whose next batch goes through.")],
    reason: Annotated[str, typer.Option(help="Why (20 to 500 characters). Both data protection officers read it.")],
    data: DataDir = HERE,
) -> None:
    """Let an agency's next batch through the gate, once, within two days: a merger of two agencies is not an attack."""
    if not SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON:
        raise InputError(
            f"The reason has {len(reason.strip())} characters; it needs {SHORTEST_REASON} to {LONGEST_REASON}.",
            next_step="Say why the batch is as it should be, so that both data protection officers can judge it.",
        )
    service = open_service(load_settings(data))
    try:
        let_through(service, OPERATOR, agency, reason.strip())
    finally:
        service.close()
    _console().print(
        f"The next batch of {agency} goes through, if it comes within {PASS_LASTS.days} days. Its officer and the council's are told."
    )


def _references(path: Path) -> list[str]:
    """Record references from a file, each once. Raises `InputError` that names the line, not what is in it."""
    try:
        lines = (sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")).splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"The file `{path.name}` cannot be read.", next_step="Write one record reference a line."
        ) from None
    found: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        reference = line.strip()
        if reference and not re.fullmatch(RECORD_REF, reference):
            raise InputError(
                f"Line {number} is not a record reference: it needs 8 to 64 letters, digits, `-` or `_`.",
                next_step="The agency makes them with `kinlink agency references`. Nothing was noted.",
            )
        if reference:
            found[reference] = None
    if not 1 <= len(found) <= MOST_CANARIES:
        raise InputError(
            f"The file names {len(found)} records; it takes 1 to {MOST_CANARIES}.",
            next_step="The agency makes them with `kinlink agency references`, one a line. Nothing was noted.",
        )
    return list(found)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, emoji=False)
