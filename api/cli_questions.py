"""The questions of a data protection officer, as commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api import questions
from api.article_30 import article_30 as processing
from api.cli_options import HERE, AsJson, DataDir, Out, console, opened_service, private
from api.consent_receipts import consent_receipts as consent_receipts_of
from api.packs import as_text
from api.problems import NotFound
from api.service import Service
from api.store.store import Transaction
from api.subject_access import subject_access as drafted
from protocols.document import SharingProtocol
from protocols.load import LoadedProtocol

DPO = "data-protection-officer"


def _ask(
    data: Path,
    title: str,
    out: Path | None,
    as_json: bool,
    answer: Callable[[Service, Transaction, questions.Asking], dict[str, Any]],
) -> None:
    with opened_service(data) as service, service.store.writing() as tx:
        body = answer(service, tx, questions.Asking(DPO, service.now()))
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n" if as_json else as_text(title, body)
    if out is None:
        typer.echo(text, nl=False)
    else:
        with private(out) as target:
            target.write(text)
        console().print(f"Wrote {out}.")


def _agreed(service: Service, tx: Transaction) -> SharingProtocol:
    """What is agreed, or was last: people are answered also while it is suspended."""
    return service.protocols.last(tx.identity).document


def who_saw(
    family: Annotated[str, typer.Argument(help="The family's reference.")],
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Everyone who asked about a family: answers, refusals, emergency accesses."""
    _ask(data, f"Who saw {family}", out, as_json, lambda _, tx, who: questions.who_saw(tx.questions, family, who))


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


def subject_access(
    member: Annotated[str, typer.Argument(help="The person's record at children's social care.")],
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """A draft of a subject-access answer, for a person to check before it is sent. Third parties are left out."""

    _ask(
        data,
        "Subject access: draft",
        out,
        as_json,
        lambda service, tx, who: drafted(tx.questions, member, _agreed(service, tx), who),
    )


def consent_receipts(
    member: Annotated[str, typer.Argument(help="The person's record at children's social care.")],
    data: DataDir = HERE,
    out: Out = None,
) -> None:
    """The consents and refusals about one person as ISO/IEC TS 27560 records (JSON), to give to whoever gave them."""

    _ask(
        data,
        "Consent receipts",
        out,
        True,
        lambda service, tx, who: {"receipts": consent_receipts_of(tx.questions, member, _agreed(service, tx), who)},
    )


def article_30(
    agency: Annotated[str, typer.Argument(help="The agency.")],
    data: DataDir = HERE,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """The record of processing of one agency, from the agreement that is enforced."""

    def answer(service: Service, tx: Transaction, who: questions.Asking) -> dict[str, Any]:
        return processing(tx.questions, agency, _agreed(service, tx), tx.identity.contacts(agency), who)

    _ask(data, "Record of processing", out, as_json, answer)


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
