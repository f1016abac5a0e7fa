"""`kinlink audit verify`: check a copy of the log, or one entry's proof, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.audit_copy import check_copy, check_copy_store, cosigned_until, opened
from api.cli_options import console
from protocols.audit.entries import read_entry
from protocols.audit.note import NoteKey
from protocols.audit.proof import is_proof, read_proof
from protocols.audit.verify import read_key_file
from protocols.errors import VerificationError
from protocols.signing import open_card


def verify(
    copy: Annotated[
        Path,
        typer.Argument(
            help="An export, a backup, a copy of the database, or one entry's proof.", exists=True, dir_okay=False
        ),
    ],
    card: Annotated[Path | None, typer.Option(help="The service's card.", exists=True, dir_okay=False)] = None,
    key: Annotated[Path | None, typer.Option(help="The log's key (log.vkey).", exists=True, dir_okay=False)] = None,
    origin: Annotated[str, typer.Option(help="The log's name, with --card.")] = "kinlink.local/audit",
    checkpoint: Annotated[list[Path] | None, typer.Option(help="A checkpoint that somebody kept.")] = None,
    witness: Annotated[list[Path] | None, typer.Option(help="An agency's card: up to where did it cosign?")] = None,
    answer: Annotated[
        list[str] | None, typer.Option(help="An answer (prf-…) that somebody was given: is it on record?")
    ] = None,
) -> None:
    """Check a copy of the audit log offline: every entry, the root, every checkpoint, and that nothing stored lacks its entry."""
    vkey = read_key_file(key) if key else None
    if vkey is None and card is not None:
        vkey = NoteKey.of(origin, open_card(card.read_text("utf-8")).verifying_key)
    screen = console()
    if is_proof(copy):
        screen.print(_proved(copy, vkey), markup=False)
        return
    held = tuple(path.read_text("utf-8") for path in checkpoint or ())
    with opened(copy) as there:
        _verify(screen, there, vkey, held, answer or [], witness or [])


def _verify(
    screen: Console, copy: Path, vkey: NoteKey | None, held: tuple[str, ...], answers: list[str], witnesses: list[Path]
) -> None:
    report = check_copy(copy, vkey, held, answers)
    for finding in report.findings:
        screen.print(f"  {finding}", markup=False)
    report.raise_for_findings()
    gaps = check_copy_store(copy)
    for gap in gaps or ():
        screen.print(f"  {gap}", markup=False)
    if gaps:
        raise VerificationError(
            f"The audit log is whole, but {len(gaps)} things in the copy do not fit it.",
            next_step="Keep this copy and tell the data protection officer.",
        )
    screen.print(
        f"The audit log verifies: {report.size} entries, root {report.root.hex()[:16]}…, {report.signed} of them under "
        f"{report.checkpoints} signed checkpoints, {report.openings} commitments opened."
    )
    if answers:
        screen.print(f"On record: {', '.join(answers)}.")
    if report.signed < report.size and vkey is not None:
        screen.print(
            f"Entries {report.signed} to {report.size - 1} are under no signed checkpoint yet: nothing proves them before the next one."
        )
    if gaps is not None:
        screen.print(
            "Complete: every answer, view, refusal, review, approval, correction, link, run and emergency access has its entry, and says what it says."
        )
    for path in witnesses:
        theirs = open_card(path.read_text("utf-8"))
        until = cosigned_until(copy, theirs)
        screen.print(
            f"{theirs.party} cosigned the first {until} entries." if until else f"{theirs.party} cosigned none."
        )
    if vkey is None:
        screen.print(
            "No key was given: this shows that the copy fits itself, not that it is the service's. Give --key or --card."
        )


def _proved(path: Path, key: NoteKey | None) -> str:
    """What a proof proves, as a sentence. Raises `VerificationError` if it does not hold, or if there is no key to tell by."""
    if key is None:
        raise VerificationError("A proof is checked with the service's key.", next_step="Give --key or --card.")
    proof = read_proof(path.read_text("utf-8"))
    checkpoint = proof.verify(key)
    entry = read_entry(proof.extra or b"")
    return (
        f"The proof holds: entry {proof.index}, `{entry.kind}` of {entry.at:%Y-%m-%d %H:%M:%S} by {entry.actor}, "
        f"is in the log of {checkpoint.size} entries that the service signed."
    )
