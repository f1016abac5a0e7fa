"""`kinlink protocol`, the part that acts: advise, approve, override, schedule, go live, stop and start, with what each leads to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kinlink.protocol_rehearsal import rehearsed
from kinlink.protocol_side import side_of
from protocols.lifecycle import Deed, Office, Verdict
from protocols.load import load_protocol

FolderOption = Annotated[Path | None, typer.Option("-C", "--folder", help="The agency's folder.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="The service's data folder, for its operator.")]
DataOnly = Annotated[Path, typer.Option("--data", help="The service's data folder.", envvar="KINLINK_DATA_DIR")]
DigestArgument = Annotated[str, typer.Argument(help="The version's digest, or how it begins.")]
PersonOption = Annotated[str, typer.Option("--person", help="Whose act it is: a staff id.")]
ReasonsOption = Annotated[str, typer.Option("--reasons", help="Why.")]
CaldicottOption = Annotated[bool, typer.Option("--caldicott", help="As Caldicott Guardian.")]
HERE = Path("kinlink-data")


def add_to(app: typer.Typer) -> None:
    """Add the commands to a group."""
    for command in (
        versions,
        propose,
        advise,
        approve,
        override,
        schedule,
        retire,
        stop,
        start,
        suspend,
        resume,
        inputs,
    ):
        app.command()(command)
    app.command("go-live")(go_live)


def versions(
    digest: Annotated[str | None, typer.Argument(help="One version, with its whole record.")] = None,
    folder: FolderOption = None,
    data: DataOption = None,
) -> None:
    """List the versions, or show where one stands: who advised and approved, what is missing, who has stopped."""
    with side_of(folder, data) as side:
        if digest is not None:
            _show(side.standing(side.whole(digest)))
            return
        for item in side.versions():
            typer.echo(f"{item['digest'][:16]}  {item['id']} version {item['version']}: {item['status']}")


def propose(
    file: Annotated[Path, typer.Argument(help="The draft.", exists=True, dir_okay=False)], data: DataOnly = HERE
) -> None:
    """Give a draft to the service, for everybody to read, rehearse and advise on."""
    loaded = load_protocol(file)
    with side_of(None, data) as side:
        _show(dict(side.call("POST", "/v1/protocols", {"text": loaded.text})))


def advise(
    digest: DigestArgument,
    person: PersonOption,
    verdict: Annotated[Verdict, typer.Option("--verdict", help="What the data protection officer advises.")],
    reasons: ReasonsOption,
    folder: FolderOption = Path(),
) -> None:
    """Advise, as the agency's data protection officer. Advice is no approval."""
    with side_of(folder, None) as side:
        office = Office.DATA_PROTECTION_OFFICER
        _show(side.act(Deed.ADVISE, side.whole(digest), office, person, verdict=verdict, reasons=reasons))


def approve(
    digest: DigestArgument, person: PersonOption, caldicott: CaldicottOption = False, folder: FolderOption = Path()
) -> None:
    """Approve exactly this digest, as the agency's senior risk owner or its Caldicott Guardian."""
    with side_of(folder, None) as side:
        _show(side.act(Deed.APPROVE, side.whole(digest), _approver(caldicott), person))


def override(
    digest: DigestArgument, person: PersonOption, reasons: ReasonsOption, folder: FolderOption = Path()
) -> None:
    """Go on against the objection of the own data protection officer, in writing, as senior risk owner."""
    with side_of(folder, None) as side:
        _show(side.act(Deed.OVERRIDE, side.whole(digest), Office.SENIOR_RISK_OWNER, person, reasons=reasons))


def schedule(
    digest: DigestArgument,
    on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The day on which it goes live.")],
    person: PersonOption = "operator",
    data: DataOnly = HERE,
) -> None:
    """Rehearse an approved version on what was really asked, and if that passes set the day on which it goes live."""
    with side_of(None, data) as side:
        whole = side.whole(digest)
        report = str(rehearsed(side, whole)["report_digest"])
        _show(side.act(Deed.SCHEDULE, whole, Office.OPERATOR, person, day=on.date(), rehearsal=report))


def go_live(digest: DigestArgument, person: PersonOption = "operator", data: DataOnly = HERE) -> None:
    """Put a scheduled version in force, on its day or later. The version before it retires in the same moment."""
    with side_of(None, data) as side:
        _show(side.act(Deed.GO_LIVE, side.whole(digest), Office.OPERATOR, person))


def retire(digest: DigestArgument, person: PersonOption = "operator", data: DataOnly = HERE) -> None:
    """Drop a version for good. If it is in force, nothing is released any more."""
    with side_of(None, data) as side:
        _show(side.act(Deed.RETIRE, side.whole(digest), Office.OPERATOR, person))


def stop(person: PersonOption, reasons: ReasonsOption, folder: FolderOption = Path()) -> None:
    """Stop everything that the agency tells, at once, as its data protection officer."""
    with side_of(folder, None) as side:
        _show(
            side.act(Deed.STOP_OWN, side.in_force(), Office.DATA_PROTECTION_OFFICER, person, reasons=reasons),
        )


def start(person: PersonOption, folder: FolderOption = Path()) -> None:
    """Let the agency tell again, as its senior risk owner."""
    with side_of(folder, None) as side:
        _show(side.act(Deed.START_OWN, side.in_force(), Office.SENIOR_RISK_OWNER, person))


def suspend(
    person: PersonOption,
    reasons: ReasonsOption,
    caldicott: CaldicottOption = False,
    folder: FolderOption = None,
    data: DataOption = None,
) -> None:
    """Stop everything that anybody tells, at once: as an approver of an agency, or as operator."""
    with side_of(folder, data) as side:
        office = Office.OPERATOR if data is not None else _approver(caldicott)
        _show(side.act(Deed.SUSPEND, side.in_force(), office, person, reasons=reasons))


def resume(person: PersonOption, folder: FolderOption = Path()) -> None:
    """Let a suspended version release again, as a senior risk owner."""
    with side_of(folder, None) as side:
        _show(side.act(Deed.RESUME, side.in_force(), Office.SENIOR_RISK_OWNER, person))


def inputs(out: Annotated[Path, typer.Option("--out", help="The file to write.")], data: DataOnly = HERE) -> None:
    """Export the kept inputs of decisions for `kinlink protocol rehearse`: no names, no references. It is on record."""
    from api.kept_inputs import export_inputs, kept_since
    from api.service import open_service
    from api.settings import load_settings

    service = open_service(load_settings(data))
    try:
        with service.store.writing() as tx, out.open("w", encoding="utf-8") as target:
            since = kept_since(service.protocols.live(tx.identity), service.now())
            count = 0
            for line in export_inputs(tx, since, "data-protection-officer"):
                target.write(line + "\n")
                count += 1
    finally:
        service.close()
    typer.echo(f"Wrote {count} decisions since {since.date()} to {out}.")


def explained(decision: str, data: Path) -> str:
    """Why a decision that the service made came out as it did. Raises `InputError` where there is none. It is on record."""
    from api import questions
    from api.service import open_service
    from api.settings import load_settings

    service = open_service(load_settings(data))
    try:
        with service.store.writing() as tx:
            asking = questions.Asking("data-protection-officer", service.now())
            found = questions.explain(
                tx.questions,
                tx.profiles,
                lambda digest: service.protocols.version(tx.identity, digest),
                decision,
                asking,
            )
    finally:
        service.close()
    return "\n".join([f"Told: {found['state']}.\n", *found["why"]])


def _approver(caldicott: bool) -> Office:
    return Office.CALDICOTT_GUARDIAN if caldicott else Office.SENIOR_RISK_OWNER


def _show(standing: dict[str, Any]) -> None:
    typer.echo(f"{standing['id']} version {standing['version']} ({standing['digest'][:16]}…): {standing['status']}")
    if standing["day"]:
        typer.echo(f"Goes live from {standing['day']}.")
    for act in standing["acts"]:
        said = ": ".join(word for word in (act["verdict"], act["reasons"]) if word)
        typer.echo(
            f"  {act['at'][:16]} {act['deed']}, {act['office']} of {act['agency']}{f' ({said})' if said else ''}"
        )
    _list("Advice is missing from", standing["missing_advice"])
    _list("Approval is missing from", [f"{m['office']} of {m['agency']}" for m in standing["missing_approvals"]])
    _list("Objections that nobody overrode", standing["objections"])
    _list("Releases are stopped of", standing["stopped"])


def _list(title: str, names: list[str]) -> None:
    if names:
        typer.echo(f"{title}: {', '.join(names)}.")
