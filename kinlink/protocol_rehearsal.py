"""A version of the sharing protocol is rehearsed at the service: asked for, waited for, shown."""

from __future__ import annotations

from typing import Any

import typer

from kinlink.protocol_side import Side
from protocols.errors import InputError, Refusal


def rehearsed(side: Side, digest: str) -> dict[str, Any]:
    """Have a version rehearsed, wait, and show what it found; returns the rehearsal.

    Whoever stops waiting leaves the rehearsal to the service, and finds the same one by asking again. Raises `Refusal` if it fails
    and `InputError` if it did not pass.
    """
    from api.following import follow  # a bar for people who wait, which nobody else needs

    asked = str(side.call("POST", f"/v1/protocols/{digest}/rehearsal", None)["rehearsal_id"])
    typer.echo(f"Rehearsal {asked} is asked for.")
    try:
        found = follow(lambda: dict(side.call("GET", f"/v1/rehearsals/{asked}", None)))
    except KeyboardInterrupt:
        typer.echo("The service goes on rehearsing. The same command later waits for the same rehearsal.")
        raise
    if found["state"] == "failed":
        why = found["problem"] or "the service's operator is told why."
        raise Refusal(f"The rehearsal failed: {why}", next_step="Put it right, then ask again.")
    show_rehearsal(found)
    return found


def show_rehearsal(found: dict[str, Any]) -> None:
    """Print what a rehearsal found. Raises `InputError` if it did not pass."""
    report, links = found["report"], found["report"]["links"]
    added, removed = (sum(item["count"] for item in report[name]) for name in ("added", "removed"))
    typer.echo(
        f"Rehearsed on {report['questions']} questions: {added} releases added, {removed} removed, for {report['adults']} adults "
        f"and {report['children']} children; outside any open case: {report['outside']}."
    )
    if links:
        typer.echo(
            f"Links: {links['gained']} gained, {links['lost']} lost; for review {links['review_before']} before, "
            f"{links['review_after']} after."
        )
    elif not found["exact"]:
        typer.echo("Counts are rounded up to tens. What the matcher would do is for the operator to see.")
    else:
        typer.echo("Links: only new encodings could tell.")
    for failure in report["failed_personas"]:
        typer.echo(f"  {failure}")
    if not found["passes"]:
        raise InputError("The rehearsal did not pass.", next_step="Change the draft; it is a new version then.")
