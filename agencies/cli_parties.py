"""What the agency's and the Workbook's commands share: making a folder, showing a card, trusting cards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agencies.console import output
from agencies.files import write_private
from agencies.folder import AgencyFolder, init_folder
from agencies.mapping_template import mapping_template
from agencies.passphrase import find_passphrase
from protocols.errors import InputError, VerificationError
from protocols.signing import Card, open_card

FolderOption = Annotated[Path, typer.Option("--folder", "-C", help="The party's folder; else the current one.")]
CleartextOption = Annotated[
    bool,
    typer.Option("--keys-in-clear", help="No passphrase: the keys are protected by their file mode alone."),
]
ProtocolOption = Annotated[Path, typer.Option("--protocol", help="The sharing protocol's YAML file.")]
ServiceOption = Annotated[str, typer.Option("--service", help="The central service's address.")]
AudienceOption = Annotated[str, typer.Option("--audience", help="The service's name in credentials.")]
_MOST_BYTES = 1 << 14


def make_folder(
    folder: Path,
    party: str,
    purpose: str,
    service: str,
    protocol: Path,
    audience: str,
    clear_keys: bool,
    council: Path | None = None,
) -> AgencyFolder:
    """Make a party's folder; an agency's gets a mapping to fill in unless it has one."""
    made = init_folder(
        folder,
        party,
        service=service,
        protocol=protocol,
        purpose=purpose,
        audience=audience,
        passphrase=None if clear_keys else lambda: find_passphrase(new=True),
        council_folder=council,
    )
    mapping = folder / made.settings.mapping
    if purpose == "agency" and not mapping.exists():
        write_private(mapping, mapping_template(made.protocol, party).encode())
        output().print(f"Fill in {escape(mapping.name)}: which column of your extract is what.")
    return made


def print_card(folder: AgencyFolder) -> None:
    """Show the card's file and its fingerprints."""
    console = output()
    if not folder.card_path.exists():
        write_private(folder.card_path, folder.signed_card().encode() + b"\n")
    console.print(
        f"[bold]{escape(folder.party)}[/] ({folder.settings.purpose}): give {escape(folder.card_path.name)} to the others."
    )
    _print_fingerprints(folder.card)


def trust_cards(folder: AgencyFolder, paths: list[Path], *, yes: bool, replace: bool) -> None:
    """Trust cards, each after its fingerprints were compared. Raises `InputError`, `KeyProblem`, `VerificationError`."""
    opened = [(path, _read(path)) for path in paths]
    for path, token in opened:
        card = open_card(token)
        if card.party == folder.party and card.purpose == folder.settings.purpose:
            raise InputError(f"`{path.name}` is this folder's own card.", next_step="Name the others' cards.")
        output().print(f"[bold]{escape(card.party)}[/] ({card.purpose})")
        _print_fingerprints(card)
        if not yes:
            typer.confirm("Did its owner read out the same fingerprints?", abort=True)
        folder.trust(token, replace=replace)
        output().print(f"Trusted: cards/{card.party}.{card.purpose}.card")


def _print_fingerprints(card: Card) -> None:
    console = output()
    console.print(f"  signing key  {card.verifying_key.kid}")
    console.print(f"  sealing key  {_grouped(card.sealing_public_key.fingerprint)}")


def _grouped(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise VerificationError(f"`{path.name}` is not a card.", next_step="Ask its owner for their card.")
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise InputError(
            f"The card `{path.name}` cannot be read: {error.strerror}.", next_step="Check the path."
        ) from None
    except UnicodeDecodeError:
        raise VerificationError(f"`{path.name}` is not a card.", next_step="Ask its owner for their card.") from None
