"""The audit log's commands: verify, export, prove, and the questions of a data protection officer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console

from api import questions
from api.article_30 import article_30 as processing
from api.audit_copy import check_copy, check_copy_store, cosigned_until, opened
from api.audit_log import export_lines, prove, sign_checkpoint
from api.consent_receipts import consent_receipts as consent_receipts_of
from api.data_folder import SECRET_MODE
from api.fsck import check_store
from api.packs import as_text
from api.problems import NotFound
from api.retention import certificate_for
from api.service import Service, open_service
from api.settings import load_settings
from api.store.store import Transaction
from api.subject_access import subject_access as drafted
from protocols.audit.entries import read_entry
from protocols.audit.events.keeping import AuditExported
from protocols.audit.note import NoteKey
from protocols.audit.proof import is_proof, read_proof
from protocols.audit.verify import read_key_file
from protocols.errors import InputError, VerificationError
from protocols.load import LoadedProtocol
from protocols.signing import open_card

audit_app = typer.Typer(no_args_is_help=True, help="The audit log: verify, export, prove, ask.")

DataDir = Annotated[Path, typer.Option("--data", help="The service's data folder.", envvar="KINLINK_DATA_DIR")]
Out = Annotated[Path | None, typer.Option(help="The file to write; left out: the screen.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
HERE = Path("kinlink-data")
DPO = "data-protection-officer"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, emoji=False)


def _private(path: Path) -> TextIO:
    """A new file that only this user reads: what it holds may be about people. One that is there already is written anew, not shared."""
    try:
        path.unlink(missing_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE), "w", encoding="utf-8")
    except OSError as error:
        raise InputError(f"`{path}` cannot be written.", next_step="Name a file in a folder that is yours.") from error


@contextmanager
def _opened(data: Path) -> Iterator[Service]:
    service = open_service(load_settings(data))
    try:
        yield service
    finally:
        service.close()


@audit_app.command("verify")
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
    console = _console()
    if is_proof(copy):
        console.print(_proved(copy, vkey), markup=False)
        return
    held = tuple(path.read_text("utf-8") for path in checkpoint or ())
    with opened(copy) as there:
        _verify(console, there, vkey, held, answer or [], witness or [])


def _verify(
    console: Console, copy: Path, vkey: NoteKey | None, held: tuple[str, ...], answers: list[str], witnesses: list[Path]
) -> None:
    report = check_copy(copy, vkey, held, answers)
    for finding in report.findings:
        console.print(f"  {finding}", markup=False)
    report.raise_for_findings()
    gaps = check_copy_store(copy)
    for gap in gaps or ():
        console.print(f"  {gap}", markup=False)
    if gaps:
        raise VerificationError(
            f"The audit log is whole, but {len(gaps)} things in the copy do not fit it.",
            next_step="Keep this copy and tell the data protection officer.",
        )
    console.print(
        f"The audit log verifies: {report.size} entries, root {report.root.hex()[:16]}…, {report.signed} of them under "
        f"{report.checkpoints} signed checkpoints, {report.openings} commitments opened."
    )
    if answers:
        console.print(f"On record: {', '.join(answers)}.")
    if report.signed < report.size and vkey is not None:
        console.print(
            f"Entries {report.signed} to {report.size - 1} are under no signed checkpoint yet: nothing proves them before the next one."
        )
    if gaps is not None:
        console.print(
            "Complete: every answer, view, refusal, review, approval, correction, link, run and emergency access has its entry, and says what it says."
        )
    for path in witnesses:
        theirs = open_card(path.read_text("utf-8"))
        until = cosigned_until(copy, theirs)
        console.print(
            f"{theirs.party} cosigned the first {until} entries." if until else f"{theirs.party} cosigned none."
        )
    if vkey is None:
        console.print(
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


@audit_app.command("export")
def export(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    data: DataDir = HERE,
    openings: Annotated[bool, typer.Option(help="With what opens the commitments: personal data.")] = False,
) -> None:
    """Write the log to a file that anyone can check."""
    with _opened(data) as service:
        origin, key = service.settings.origin, service.keys.signing
        with service.store.writing() as tx:
            size = tx.audit.size()
            root = tx.audit.root(size).hex()
            tx.audit.append(AuditExported(actor="operator", size=size, root=root, openings=openings))
            sign_checkpoint(tx.audit, origin, key)
        with service.store.reading() as tx, _private(out) as target:
            size = tx.audit.checkpointed()
            for line in export_lines(tx.audit, service.log_key, openings):
                target.write(line + "\n")
    _console().print(f"Wrote {size} entries to {out}.")


@audit_app.command("checkpoint")
def checkpoint(data: DataDir = HERE) -> None:
    """Print the log's signed head."""
    with _opened(data) as service, service.store.writing() as tx:
        note = sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
    typer.echo(note, nl=False)


@audit_app.command("proof")
def proof(
    entry: Annotated[int, typer.Argument(help="The entry's index.", min=0)],
    data: DataDir = HERE,
    out: Annotated[Path | None, typer.Option(help="The file to write; left out: entry-N.tlog-proof.")] = None,
) -> None:
    """Write the proof that an entry is in the log, to be checked offline."""
    with _opened(data) as service, service.store.writing() as tx:
        sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
        text = prove(tx.audit, entry).text()
    path = out or Path(f"entry-{entry}.tlog-proof")
    path.write_text(text, "utf-8")
    _console().print(f"Wrote {path}.")


@audit_app.command("fsck")
def fsck(data: DataDir = HERE) -> None:
    """Derive everything again that can be derived, and say what does not fit."""
    with _opened(data) as service, service.store.reading() as tx:
        found = list(check_store(tx.session, tx, service.folder.submissions))
    for item in found:
        _console().print(f"  {item}", markup=False)
    if found:
        raise VerificationError(
            f"{len(found)} things do not fit.", next_step="Keep a copy, then restore the last backup."
        )
    _console().print("Everything fits.")


@audit_app.command("certificate")
def certificate(
    day: Annotated[
        str | None, typer.Argument(help="The day, such as 2026-11-23; left out: the days that have one.")
    ] = None,
    agency: Annotated[str | None, typer.Option(help="As this agency gets it: what was deleted of its own.")] = None,
    data: DataDir = HERE,
    out: Out = None,
) -> None:
    """What was deleted on a day, signed by the service (a JWS: `--out` writes it as it is)."""
    with _opened(data) as service, service.store.reading() as tx:
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
        _console().print(f"Wrote {out}.")


def _ask(
    data: Path,
    title: str,
    out: Path | None,
    as_json: bool,
    answer: Callable[[Service, Transaction, questions.Asking], dict[str, Any]],
) -> None:
    with _opened(data) as service, service.store.writing() as tx:
        body = answer(service, tx, questions.Asking(DPO, service.now()))
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n" if as_json else as_text(title, body)
    if out is None:
        typer.echo(text, nl=False)
    else:
        with _private(out) as target:
            target.write(text)
        _console().print(f"Wrote {out}.")


@audit_app.command("who-saw")
def who_saw(
    family: Annotated[str, typer.Argument(help="The family's reference.")],
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Everyone who asked about a family: answers, refusals, emergency accesses."""
    _ask(data, f"Who saw {family}", out, as_json, lambda _, tx, who: questions.who_saw(tx.questions, family, who))


@audit_app.command("released")
def released(
    agency: Annotated[str, typer.Argument(help="The agency.")],
    record: Annotated[str, typer.Argument(help="The agency's record.")],
    as_of: Annotated[datetime | None, typer.Option(help="Up to this moment (UTC); left out: now.")] = None,
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """What was released about a record as of a date, to whom, when, which attributes."""

    def answer(service: Service, tx: Transaction, who: questions.Asking) -> dict[str, Any]:
        until = as_of.replace(tzinfo=UTC) if as_of else service.now()
        return questions.released_about(tx.questions, agency, record, until, who)

    _ask(data, f"Released about one record of {agency}", out, as_json, answer)


@audit_app.command("breach")
def breach(
    link: Annotated[str, typer.Argument(help="The link that was wrong.")],
    aware: Annotated[datetime | None, typer.Option(help="When it became known (UTC); left out: now.")] = None,
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Everyone who saw something through a wrong link, and by when the regulator must know."""

    def answer(service: Service, tx: Transaction, who: questions.Asking) -> dict[str, Any]:
        found = tx.links.link(link)
        if found is None:
            raise NotFound(f"There is no link `{link}`.", next_step="See the recalls, or `kinlink audit released`.")
        at = aware.replace(tzinfo=UTC) if aware else service.now()
        return questions.breach(tx.questions, found, at, who)

    _ask(data, "Breach pack", out, as_json, answer)


@audit_app.command("subject-access")
def subject_access(
    member: Annotated[str, typer.Argument(help="The person's record at children's social care.")],
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """A draft of a subject-access answer, for a person to check before it is sent. Third parties are left out."""

    def answer(service: Service, tx: Transaction, who: questions.Asking) -> dict[str, Any]:
        protocol = service.protocols.last(tx.identity).document
        return drafted(tx.questions, member, protocol, who)

    _ask(data, "Subject access: draft", out, as_json, answer)


@audit_app.command("consent-receipts")
def consent_receipts(
    member: Annotated[str, typer.Argument(help="The person's record at children's social care.")],
    data: DataDir = HERE,
    out: Out = None,
) -> None:
    """The consents and refusals about one person as ISO/IEC TS 27560 records (JSON), to give to whoever gave them."""

    def answer(service: Service, tx: Transaction, who: questions.Asking) -> dict[str, Any]:
        protocol = service.protocols.last(tx.identity).document
        return {"receipts": consent_receipts_of(tx.questions, member, protocol, who)}

    _ask(data, "Consent receipts", out, True, answer)


@audit_app.command("article-30")
def article_30(
    agency: Annotated[str, typer.Argument(help="The agency.")],
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """The record of processing of one agency, from the agreement that is enforced."""

    def answer(service: Service, tx: Transaction, who: questions.Asking) -> dict[str, Any]:
        protocol = service.protocols.last(tx.identity).document
        return processing(tx.questions, agency, protocol, tx.identity.contacts(agency), who)

    _ask(data, "Record of processing", out, as_json, answer)


@audit_app.command("explain")
def explain(
    decision: Annotated[str, typer.Argument(help="A decision's id, from a profile.")],
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """What a decision was, by which rule or with every failed condition, and what it depended on."""

    def answer(service: Service, tx: Transaction, who: questions.Asking) -> dict[str, Any]:
        def version(digest: str) -> LoadedProtocol:
            return service.protocols.version(tx.identity, digest)

        return questions.explain(tx.questions, tx.profiles, version, decision, who)

    _ask(data, f"Decision {decision}", out, as_json, answer)
