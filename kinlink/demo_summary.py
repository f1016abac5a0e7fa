"""The table at the end of the demo: submitted, linked, asked, released, refused, and what the links are worth."""

from __future__ import annotations

import json
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from sqlalchemy import create_engine, text

from agencies.folder import AgencyFolder
from agencies.receipts import receipts
from config.resources import COUNTY_DATA
from kinlink.demo_stage import Stage
from kinlink.demo_truth import ANCHOR, measure
from kinlink.quality import Quality
from protocols.audit.events.vocabulary import EventKind
from protocols.submission import Counts

_EVENTS = text("SELECT body FROM audit_entries ORDER BY entry")


def print_summary(stage: Stage, agencies: Sequence[str], database: Path, seconds: float) -> None:
    """Print the table. The figures come from receipts, the audit log, and the generator's truth."""
    url = f"sqlite:///{database}"
    measured = {item.agency: item for item in measure(stage.home, agencies, COUNTY_DATA / "truth.csv", url)}
    stage.console.print()
    stage.console.print(_agencies(stage.home, agencies, measured))
    stage.console.print(_questions(_events(url)))
    stage.console.print(
        f"Precision: share of certain links that join one person. Recall: share of a person's records that are linked. "
        f"Both against what the generator knows.\nThe whole way took {seconds:.0f} s; "
        f"the largest process had {_peak_megabytes():.0f} MB."
    )


def _agencies(home: Path, agencies: Sequence[str], measured: dict[str, Quality]) -> Table:
    table = Table(title="Submitted and linked", title_justify="left")
    table.add_column("agency")
    for name in (
        "records",
        "encodings",
        "sealed values",
        "certain",
        "probable",
        "precision",
        "recall",
        "with probable",
    ):
        table.add_column(name, justify="right")
    for agency in agencies:
        counts = _submitted(home, agency)
        row = [agency, f"{counts.records:,}", f"{counts.encodings:,}", f"{counts.cells:,}"]
        if agency == ANCHOR:
            row += ["declares", f"{counts.families:,} families", "", "", ""]
        else:
            found = measured[agency]
            row += [f"{found.certain:,}", f"{found.probable:,}"]
            row += [f"{found.precision:.4f}", f"{found.recall:.4f}", f"{found.recall_with_probable:.4f}"]
        table.add_row(*row)
    return table


def _submitted(home: Path, agency: str) -> Counts:
    return receipts(AgencyFolder(home / agency))[-1].counts


def _questions(events: list[dict[str, Any]]) -> Table:
    table = Table(title="Asked", title_justify="left")
    for name in ("asked as", "released", "refused", "answer"):
        table.add_column(name, justify="left" if name in ("asked as", "answer") else "right")
    for event in events:
        facts = event["facts"]
        if event["kind"] == EventKind.PROFILE_ANSWERED:
            table.add_row(facts["role_function"], str(facts["released"]), str(facts["refused"]), "a profile")
        elif event["kind"] == EventKind.PROFILE_REFUSED:
            table.add_row(facts["role_function"], "0", "all", "refused, logged, alert raised")
    return table


def _events(url: str) -> list[dict[str, Any]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        events = [json.loads(body) for (body,) in connection.execute(_EVENTS)]
    engine.dispose()
    return events


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
