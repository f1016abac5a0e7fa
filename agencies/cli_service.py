"""`kinlink agency`: what goes to the central service and comes back: submissions, receipts, the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from agencies.cli_parties import FolderOption
from agencies.console import output, progress_bar
from agencies.folder import AgencyFolder

# What the service calls a submission's state, for people.
_STATES = {
    "received": "in force, to be linked at the next run",
    "current": "in force",
    "superseded": "replaced",
    "withdrawn": "withdrawn",
}


def submit(
    file: Annotated[Path | None, typer.Argument(help="A submission; else the newest in the outbox.")] = None,
    folder: FolderOption = Path(),
) -> None:
    """Send a submission to the central service and keep its signed receipt. Cut off? Run it again: it goes on where it stopped."""
    from agencies.client import ServiceClient
    from agencies.submit import newest_in_outbox
    from agencies.submit import submit as send

    opened = AgencyFolder(folder)
    with ServiceClient(opened) as client, progress_bar() as progress:
        sent = send(opened, file or newest_in_outbox(opened), client, progress)
    receipt, console = sent.receipt, output()
    if not sent.sent_parts:
        console.print("The service had this submission already; nothing had to be sent.")
    console.print(
        f"[bold green]Received.[/] {receipt.submission}, {receipt.counts.records:,} records, at {receipt.received_at:%d %b %Y %H:%M:%S} UTC."
    )
    if sent.held_parts and sent.sent_parts:
        console.print(f"{sent.held_parts} parts were there already, {sent.sent_parts} were sent now.")
    console.print(f"The receipt is signed by the service and kept in receipts/{receipt.submission}.json.")


def receipt(
    given: Annotated[str, typer.Argument(help="A receipt's file or a submission's id.")],
    folder: FolderOption = Path(),
    file: Annotated[Path | None, typer.Option("--file", help="Check that this submission is the one.")] = None,
) -> None:
    """Verify a receipt offline, with the service's trusted card."""
    from agencies.receipts import check_file, read_receipt

    held = read_receipt(AgencyFolder(folder), given)
    if file:
        check_file(file, held)
    output().print(f"[bold green]The receipt holds.[/] {held.submission} of {held.agency}, {held.counts.records:,} records, "
                   f"received {held.received_at:%d %b %Y %H:%M:%S} UTC, file {held.file_sha256[:16]}…")  # fmt: skip


def submissions(folder: FolderOption = Path()) -> None:
    """List this agency's submissions as the service has them."""
    from agencies.client import ServiceClient
    from agencies.submit import submissions as listed

    opened = AgencyFolder(folder)
    with ServiceClient(opened) as client:
        found = listed(opened, client)
    console, below = output(), _below(found)
    for each in found:
        counts, state = each.get("counts") or {}, str(each.get("state"))
        words = "kept under a delta" if each.get("id") in below else _STATES.get(state, state)
        console.print(
            f"{escape(str(each.get('id', '')))}  {escape(words)}  "
            f"{'a delta of ' if each.get('kind') == 'delta' else ''}{counts.get('records', 0):,} records, extract of {escape(str(each.get('extract_date', '')))}, "
            f"received {escape(str(each.get('received_at', ''))[:16].replace('T', ' '))} UTC"
        )
    if not found:
        console.print("The service has no submission of this agency.")


def _below(found: Iterable[Mapping[str, Any]]) -> set[Any]:
    """The submissions that deltas in force stand on; `found` has the newest first."""
    below: set[Any] = set()
    for each in found:
        if each.get("base") and (each.get("state") in ("received", "current") or each.get("id") in below):
            below.add(each["base"])
    return below


def watch_log(folder: FolderOption = Path()) -> None:
    """Check that the service's audit log has only grown since last time, keep its head, and cosign it."""
    from agencies.client import ServiceClient
    from agencies.witness import watch_log as watch

    opened = AgencyFolder(folder)
    with opened.lock(), ServiceClient(opened) as client:
        seen = watch(opened, client)
    grown = f"the {seen.before:,} seen before are its beginning" if seen.before else "seen for the first time"
    output().print(
        f"[bold green]The audit log holds.[/] {seen.size:,} entries; {grown}. Its head is kept and cosigned."
    )


def alerts(
    folder: FolderOption = Path(),
    seen: Annotated[
        list[str] | None, typer.Option("--seen", help="Say that somebody has looked at this alert (alr-…).")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Those that somebody has looked at too.")] = False,
) -> None:
    """Show what somebody at this agency should look at, newest first. No alert names a person."""
    from agencies.alerts import read_alerts, see_alert
    from agencies.client import ServiceClient
    from protocols.alerts import in_words

    console = output()
    with ServiceClient(AgencyFolder(folder)) as client:
        for alert in seen or ():
            see_alert(client, alert)
        found = read_alerts(client, unseen=not all_)
    for item in found:
        at = f"{item.at:%d %b %Y %H:%M} UTC"
        console.print(f"{item.alert}  {at}  {escape(in_words(item.about))}{'  (seen)' if item.seen else ''}")
    if not found:
        console.print("There is nothing to look at.")


def withdraw(
    submission: Annotated[str, typer.Argument(help="A submission's id.")],
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a submission back: the service deletes its encodings and values."""
    from agencies.client import ServiceClient
    from agencies.submit import withdraw as take_back

    if not yes:
        typer.confirm(f"Withdraw {submission}?", abort=True)
    opened = AgencyFolder(folder)
    with ServiceClient(opened) as client:
        take_back(opened, submission, client)
    output().print(f"[bold]{escape(submission)} is withdrawn.[/]")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the agency's program."""
    for command in (submit, receipt, submissions, withdraw, alerts):
        app.command()(command)
    app.command("watch-log")(watch_log)
