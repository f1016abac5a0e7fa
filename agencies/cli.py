"""`kinlink agency` and `kinlink workbook`: thin over functions that a program can call too. Problems are raised, not printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agencies import cli_encode, cli_folder, cli_service
from agencies import settings as settings_file
from agencies.cli_attack import attack_command
from agencies.cli_parties import FolderOption
from agencies.cli_references import references_command
from agencies.cli_secret import secret_app
from agencies.cli_workbook import workbook_app
from agencies.console import output
from agencies.folder import AgencyFolder
from config.resources import PROTOCOL_FILE
from protocols.errors import InputError

agency_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
agency_app.command("attack")(attack_command)
agency_app.command("references")(references_command)
cli_folder.add_to(agency_app)
cli_encode.add_to(agency_app)
cli_service.add_to(agency_app)
agency_app.add_typer(secret_app, name="secret", help="The linkage secret: make, seal, open, compare, change.")

__all__ = ["agency_app", "workbook_app"]


@agency_app.command()
def conformance(
    folder: FolderOption = Path(),
    protocol: Annotated[Path | None, typer.Option("--protocol", help="A protocol instead of the folder's.")] = None,
) -> None:
    """Encode the protocol's test vectors under the public test key and compare: proof that this encoder makes what all others make."""
    from agencies.encoders import check_conformance
    from protocols.load import load_protocol

    console, failed = output(), False
    path = protocol or _own_protocol(folder)
    loaded = load_protocol(path)
    console.print(f"[dim]{escape(loaded.label)}, {loaded.digest[:16]}…[/]")
    for name, result in check_conformance(loaded, path.parent):
        for each in result.checks:
            console.print(
                f"{'[green]same  [/]' if each.passed else '[bold red]differs[/]'} {name}: {each.name}  [dim]{each.got[:24]}[/]"
            )
        failed |= not result.passed
    if failed:
        raise InputError(
            "This encoder does not make the protocol's test vectors; it cannot make a submission.",
            next_step="Install the release that the protocol names.",
        )
    console.print("[bold green]Conformant.[/]")


@agency_app.command()
def rules() -> None:
    """List every defect that `check` knows, with what is done about it, as the table in docs/data-officer.md."""
    from agencies.quality.rules import rules_table

    typer.echo(rules_table(), nl=False)


@agency_app.command()
def drill(
    which: Annotated[str, typer.Argument(help="lost-key or compromised-key")],
) -> None:
    """Rehearse what docs/key-ceremony.md says, with made-up agencies in a temporary folder."""
    from agencies.drills import run_drill

    for line in run_drill(which):
        output().print(escape(line))


def _own_protocol(folder: Path) -> Path:
    """The protocol of a folder; outside of one, the protocol that ships."""
    if not (folder / settings_file.FILE).exists():
        return PROTOCOL_FILE
    opened = AgencyFolder(folder)
    return opened.path / opened.settings.protocol
