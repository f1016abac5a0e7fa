"""Commands about the audit log itself: copies, checkpoints, proofs, what is derived from it, certificates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.audit_log import export_lines, prove, sign_checkpoint
from api.cli_options import HERE, DataDir, Out, console, opened_service, private
from api.fsck import check_store
from api.packs import as_text
from api.problems import NotFound
from api.retention import certificate_for
from protocols.audit.events.keeping import AuditExported
from protocols.errors import VerificationError


def export(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    data: DataDir = HERE,
    openings: Annotated[bool, typer.Option(help="With what opens the commitments: personal data.")] = False,
) -> None:
    """Write the log to a file that anyone can check."""
    with opened_service(data) as service:
        origin, key = service.settings.origin, service.keys.signing
        with service.store.writing() as tx:
            size = tx.audit.size()
            root = tx.audit.root(size).hex()
            tx.audit.append(AuditExported(actor="operator", size=size, root=root, openings=openings))
            sign_checkpoint(tx.audit, origin, key)
        with service.store.reading() as tx, private(out) as target:
            size = tx.audit.checkpointed()
            for line in export_lines(tx.audit, service.log_key, openings):
                target.write(line + "\n")
    console().print(f"Wrote {size} entries to {out}.")


def checkpoint(data: DataDir = HERE) -> None:
    """Print the log's signed head."""
    with opened_service(data) as service, service.store.writing() as tx:
        note = sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
    typer.echo(note, nl=False)


def proof(
    entry: Annotated[int, typer.Argument(help="The entry's index.", min=0)],
    data: DataDir = HERE,
    out: Annotated[Path | None, typer.Option(help="The file to write; left out: entry-N.tlog-proof.")] = None,
) -> None:
    """Write the proof that an entry is in the log, to be checked offline."""
    with opened_service(data) as service, service.store.writing() as tx:
        sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
        text = prove(tx.audit, entry).text()
    path = out or Path(f"entry-{entry}.tlog-proof")
    path.write_text(text, "utf-8")
    console().print(f"Wrote {path}.")


def fsck(data: DataDir = HERE) -> None:
    """Derive everything again that can be derived, and say what does not fit."""
    with opened_service(data) as service, service.store.reading() as tx:
        found = list(check_store(tx.session, tx, service.folder.submissions))
    for item in found:
        console().print(f"  {item}", markup=False)
    if found:
        raise VerificationError(
            f"{len(found)} things do not fit.", next_step="Keep a copy, then restore the last backup."
        )
    console().print("Everything fits.")


def certificate(
    day: Annotated[
        str | None, typer.Argument(help="The day, such as 2026-11-23; left out: the days that have one.")
    ] = None,
    agency: Annotated[str | None, typer.Option(help="As this agency gets it: what was deleted of its own.")] = None,
    data: DataDir = HERE,
    out: Out = None,
) -> None:
    """What was deleted on a day, signed by the service (a JWS: `--out` writes it as it is)."""
    with opened_service(data) as service, service.store.reading() as tx:
        if day is None:
            typer.echo("\n".join(tx.retention.certificates()) or "No day is over yet.")
            return
        text = certificate_for(service, tx, day, agency)
        if text is None:
            raise NotFound(
                f"There is no certificate for `{day}`.", next_step="Leave the day out to list those that have one."
            )
        body = json.loads(service.keys.signing.public.verify(text, what="certificate"))
    if out is None:
        typer.echo(as_text("Deletion certificate", body), nl=False)
    else:
        out.write_text(text, "ascii")
        console().print(f"Wrote {out}.")
