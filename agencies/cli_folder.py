"""`kinlink agency`: the agency's own folder: made, introduced to the others, its keys renewed and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

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


def add_to(app: typer.Typer) -> None:
    """Add the commands to a group."""
    for command in (init, card, trust):
        app.command()(command)
    app.command("renew-keys")(renew_keys)
    app.command()(keyring)


def init(
    agency: Annotated[str, typer.Option("--agency", help="The agency's id in the sharing protocol.")],
    service: ServiceOption,
    protocol: ProtocolOption,
    folder: FolderOption = Path(),
    audience: AudienceOption = "kinlink",
    clear_keys: CleartextOption = False,
) -> None:
    """Make this agency's folder: keys, settings, a mapping to fill in, and a card to give to the others."""
    made = make_folder(folder, agency, "agency", service, protocol, audience, clear_keys)
    print_card(made)


def card(folder: FolderOption = Path()) -> None:
    """Show this agency's card: the file to send, and the fingerprints to read out on the telephone."""
    print_card(AgencyFolder(folder))


def trust(
    cards: Annotated[list[Path], typer.Argument(help="Cards of other parties.")],
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="The fingerprints have been compared already.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="A party told us in person that its keys changed.")
    ] = False,
) -> None:
    """Trust other parties' cards, after comparing fingerprints with their owners."""
    trust_cards(AgencyFolder(folder), cards, yes=yes, replace=replace)


def renew_keys(
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make new signing and sealing keys (lost or compromised ones). References stay. Every other party must get the new card."""
    from agencies.folder import renew

    if not yes:
        typer.confirm("What is sealed to the old keys will not open any more. Go on?", abort=True)
    print_card(renew(AgencyFolder(folder)))


def keyring(
    folder: FolderOption = Path(),
    forget: Annotated[bool, typer.Option("--forget", help="Take it out again.")] = False,
) -> None:
    """Keep the passphrase of this folder's keys in the operating system's keyring, so that it need not be typed or stand in a file."""
    from agencies import keyring_store

    opened = AgencyFolder(folder)
    if forget:
        found = keyring_store.forget(opened.party)
        output().print("Taken out of the keyring." if found else "The keyring holds no passphrase of this folder.")
        return
    passphrase = opened.passphrase()
    AgencyFolder(folder, lambda: passphrase).signing_key  # noqa: B018 - opens only under the right passphrase
    kept = keyring_store.keep(opened.party, passphrase.decode())
    output().print(
        f"The passphrase of `{escape(opened.party)}` is kept in {escape(kept)}; this folder opens without asking."
    )
