"""`kinlink workbook`: the Workbook's own folder, and the question about a family."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agencies.cli_parties import (
    AudienceOption,
    CleartextOption,
    FolderOption,
    ProtocolOption,
    ServiceOption,
    make_folder,
    print_card,
    trust_cards,
)
from agencies.console import output
from agencies.folder import AgencyFolder
from protocols.vocabulary import Purpose, RoleFunction

workbook_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@workbook_app.command("init")
def workbook_init(
    service: ServiceOption,
    protocol: ProtocolOption,
    folder: FolderOption = Path(),
    council: Annotated[
        Path | None, typer.Option("--council", help="The folder of children's social care, for names.")
    ] = None,
    audience: AudienceOption = "kinlink",
    clear_keys: CleartextOption = False,
) -> None:
    """Make the Workbook's folder: its own keys and its card."""
    print_card(make_folder(folder, "workbook", "workbook", service, protocol, audience, clear_keys, council))


@workbook_app.command("card")
def workbook_card(folder: FolderOption = Path()) -> None:
    """Show the Workbook's card."""
    print_card(AgencyFolder(folder))


@workbook_app.command("trust")
def workbook_trust(
    cards: Annotated[list[Path], typer.Argument(help="The service's card.")],
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="The fingerprints have been compared already.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="The operator told us that the keys changed.")] = False,
) -> None:
    """Trust the central service's card."""
    trust_cards(AgencyFolder(folder), cards, yes=yes, replace=replace)


@workbook_app.command()
def profile(
    family_ref: Annotated[str, typer.Argument(help="The family's reference, such as WB-20417.")],
    role: Annotated[RoleFunction, typer.Option("--as", help="What the worker does on this case.")],
    folder: FolderOption = Path(),
    worker: Annotated[
        str | None, typer.Option("--worker", help="The worker's staff id; else the one allocated in that role.")
    ] = None,
    purpose: Annotated[Purpose, typer.Option("--purpose", help="Why.")] = Purpose.SAFEGUARDING,
    why: Annotated[bool, typer.Option("--why", help="Show every rule that released something, in full.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Ask about a family as one worker, and show what the sharing protocol lets that worker see."""
    from agencies.client import ServiceClient
    from agencies.workbook import ask_profile
    from agencies.workbook_view import print_profile, profile_json

    opened = AgencyFolder(folder)
    with ServiceClient(opened) as client:
        found = ask_profile(opened, client, family_ref, role, worker=worker, purpose=purpose)
    if as_json:
        typer.echo(profile_json(found))
    else:
        print_profile(found, output(wrap=True), rules=why)
