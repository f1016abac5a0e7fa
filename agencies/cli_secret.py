"""`kinlink agency secret`: the key ceremony's steps. The secret itself is never shown and never an argument."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agencies.cli_parties import FolderOption
from agencies.console import output
from agencies.folder import AgencyFolder
from agencies.secret import (
    compare_check,
    create_secret,
    epochs_held,
    open_secret,
    retire_secret,
    seal_secret,
    stored_secret,
    use_epoch,
)
from protocols.errors import KeyProblem

secret_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

EpochOption = Annotated[int | None, typer.Option("--epoch", min=1, help="The epoch; else the one in agency.yaml.")]
EpochArgument = Annotated[int, typer.Argument(min=1, help="The epoch.")]


@secret_app.command()
def create(folder: FolderOption = Path(), epoch: EpochOption = None) -> None:
    """Make the linkage secret of an epoch. One agency does this, with a witness."""
    opened = AgencyFolder(folder)
    made = create_secret(opened, epoch or opened.settings.epoch)
    output().print(f"Linkage secret of epoch {made.epoch} made. Check value: [bold]{made.check}[/]")
    output().print("Next: kinlink agency secret seal --to AGENCY")


@secret_app.command()
def seal(
    to: Annotated[list[str], typer.Option("--to", help="An agency; may be given several times.")],
    folder: FolderOption = Path(),
    epoch: EpochOption = None,
) -> None:
    """Seal the secret to other agencies' trusted cards; each gets a file of its own in the outbox."""
    opened = AgencyFolder(folder)
    for recipient in to:
        path = seal_secret(opened, recipient, epoch or opened.settings.epoch)
        output().print(
            f"Sealed to [bold]{escape(recipient)}[/]: send them outbox/{escape(path.name)}. Nobody else can open it."
        )


@secret_app.command("open")
def open_(
    file: Annotated[Path, typer.Argument(help="The sealed secret that another agency sent.")],
    folder: FolderOption = Path(),
) -> None:
    """Open a secret that was sealed to this agency, check who sent it, and keep it."""
    held = open_secret(AgencyFolder(folder), file)
    output().print(
        f"Linkage secret of epoch {held.epoch} opened ({escape(held.origin)}). Check value: [bold]{held.check}[/]"
    )
    output().print("Compare the check value with the sender by telephone: kinlink agency secret check")


@secret_app.command()
def check(
    folder: FolderOption = Path(),
    epoch: EpochOption = None,
    heard: Annotated[str | None, typer.Option("--heard", help="The check value that the other side read out.")] = None,
) -> None:
    """Show the check values of the secrets held, or compare one with what the other side read out. They tell nothing of the secret."""
    opened = AgencyFolder(folder)
    if heard is not None:
        chosen = epoch or opened.settings.epoch
        if not compare_check(opened, chosen, heard):
            raise KeyProblem(
                f"The check values of epoch {chosen} differ: here {stored_secret(opened, chosen).check}.",
                next_step="Read it out once more. If they still differ, the two agencies hold different secrets: have it sealed and sent "
                "again before anybody encodes.",
            )
        output().print(f"[bold green]The same secret[/] for epoch {chosen}.")
        return
    for each in [epoch] if epoch else epochs_held(opened):
        mark = "  in use" if each == opened.settings.epoch else ""
        held = stored_secret(opened, each)
        output().print(f"epoch {each}  [bold]{held.check}[/]  {escape(held.origin)}, {held.since:%d %b %Y}{mark}")
    if not epochs_held(opened):
        output().print("No linkage secret is held. Next: kinlink agency secret open FILE")


@secret_app.command()
def use(epoch: EpochArgument, folder: FolderOption = Path()) -> None:
    """Make submissions under this epoch from now on; the secret of the last one is kept until it is retired."""
    use_epoch(AgencyFolder(folder), epoch)
    output().print(f"Submissions are made under epoch {epoch} from now on.")


@secret_app.command()
def retire(
    epoch: EpochArgument,
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroy the secret of an epoch that is over."""
    if not yes:
        typer.confirm(f"Destroy the linkage secret of epoch {epoch}?", abort=True)
    retire_secret(AgencyFolder(folder), epoch)
    output().print(f"The linkage secret of epoch {epoch} is destroyed.")
