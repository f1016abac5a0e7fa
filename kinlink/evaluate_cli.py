"""`kinlink evaluate FOLDER`: what the encoder and the matcher would make of a folder of extracts."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.resources import PROTOCOL_FILE
from kinlink.evaluate import Evaluation, evaluate, expected_false, searches, write_links
from kinlink.evaluate_groups import divisions
from kinlink.evaluate_report import write_report
from kinlink.evaluate_score import gaps
from kinlink.quality import Quality
from protocols.errors import InputError
from protocols.load import load_protocol
from protocols.vocabulary import Grade

_WIDTH = 160


def evaluate_command(
    folder: Annotated[
        Path, typer.Argument(help="A folder with one CSV for each agency, and truth.csv if it is known.")
    ],
    anchor: Annotated[str, typer.Option(help="The agency that declares the families.")] = "social_care",
    protocol: Annotated[Path, typer.Option(help="The sharing protocol: encoding and match rules.")] = PROTOCOL_FILE,
    links_out: Annotated[Path | None, typer.Option("--links-out", help="Write the links here, one line each.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write a readable report (HTML) here; needs truth.csv.")
    ] = None,
    guards: Annotated[
        bool,
        typer.Option(
            "--guards/--no-guards",
            help="Grade with the protocol's guards, as a live run would: links that rest on shared evidence alone go to "
            "review. Without them a link has the grade of its probability. Either way the first table shows both.",
        ),
    ] = False,
    seed: Annotated[
        str | None,
        typer.Option("--seed-secret", help="Make the linkage secret from this text, to repeat a measurement."),
    ] = None,
) -> None:
    """Encode, link and measure a folder of extracts. Nothing leaves this machine, and no server is needed."""
    for target in (links_out, report):
        if target is not None and not target.parent.is_dir():
            raise InputError(
                f"There is no folder `{target.parent}` to write to.", next_step="Make it, or name another."
            )
    begun = time.monotonic()
    secret = os.urandom(32) if seed is None else hashlib.sha256(seed.encode()).digest()
    # Into a file or a pipe the tables are written whole, not cut to a terminal's width.
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDTH)
    with console.status("Encoding and linking …"):
        found = evaluate(folder, anchor, load_protocol(protocol), secret, guards=guards)
    if links_out is not None:
        write_links(links_out, found.result.links, found.held)
    if report is not None:
        write_report(report, found)
    if found.quality is None or found.other is None:
        console.print(_counts(found, anchor))
    else:
        console.print(
            _side_by_side(*((found.other, found.quality) if guards else (found.quality, found.other)), guards)
        )
        console.print(_measured(found.quality, guards))
        console.print(_families(found))
    console.print(_rules(found))
    console.print(_searches(found))
    console.print(
        f"{sum(map(len, found.folder.extracts.values())):,} records of {len(found.folder.extracts)} agencies "
        f"in {time.monotonic() - begun:.1f} s."
        + (f" {len(found.result.links):,} links written to {links_out}." if links_out else "")
    )


def _counts(found: Evaluation, anchor: str) -> Table:
    table = Table(
        "agency", "records", "certain", "probable", title=f"Links to {anchor} (no truth.csv)", title_justify="left"
    )
    for report in found.result.report.agencies:
        table.add_row(report.agency, f"{report.records:,}", f"{report.certain:,}", f"{report.probable:,}")
    return table


def _side_by_side(plain: tuple[Quality, ...], held: tuple[Quality, ...], guards: bool) -> Table:
    table = Table(
        title="Certain links by probability, and with the guards of the match rules as in a live run "
        f"(the links written and the tables below are {'with' if guards else 'by probability, without'} guards)",
        title_justify="left",
    )
    table.add_column("agency")
    for name in ("by probability: precision", "recall", "review", "with guards: precision", "recall", "review"):
        table.add_column(name, justify="right")
    for a, b in zip(plain, held, strict=True):
        cells = (f"{q.precision:.4f} {q.recall:.4f} {q.review_load:.1%}".split() for q in (a, b))
        table.add_row(a.agency, *(cell for part in cells for cell in part))
    return table


def _rules(found: Evaluation) -> Table:
    table = Table(
        "agency",
        "rule",
        "links",
        "expected false",
        title="Links by rule, by their own probabilities",
        title_justify="left",
    )
    for agency, rule, links, false in expected_false(found):
        table.add_row(agency, rule, f"{links:,}", f"{false:.1f}")
    return table


def _searches(found: Evaluation) -> Table:
    table = Table(
        "agency", "search", "close pairs found", "why", title="How candidate pairs were found", title_justify="left"
    )
    for line in searches(found):
        table.add_row(*line)
    return table


def _families(found: Evaluation) -> str:
    links = found.result.links
    whole = found.scorer.families(links)
    lines = [
        f"Families: {whole.right_certain:,} of {whole.families:,} have every member's records right by certain links alone, "
        f"{whole.right_with_probable:,} with the probable ones; {whole.with_wrong_certain:,} have a certain link to somebody "
        "else.",
        *(
            f"Largest gap in certain recall by {gap.by}: {100 * gap.recall_gap:.1f} points ({gap.worst} below {gap.best})."
            for gap in gaps(found.scorer.groups(links, divisions(found.folder.year)))
        ),
    ]
    return "\n".join(lines)


def _measured(quality: tuple[Quality, ...], guards: bool) -> Table:
    table = Table(
        title=f"Links measured against truth.csv ({Grade.CERTAIN}; then with {Grade.PROBABLE}), "
        f"{'with' if guards else 'without'} guards",
        title_justify="left",
    )
    table.add_column("agency")
    for name in (
        "true pairs",
        "certain",
        "wrong",
        "precision",
        "recall",
        "F1",
        "probable",
        "precision+",
        "recall+",
        "review",
        "wrong disclosure",
    ):
        table.add_column(name, justify="right")
    for item in quality:
        table.add_row(
            item.agency,
            f"{item.true_pairs:,}",
            f"{item.certain:,}",
            f"{item.certain - item.certain_right:,}",
            f"{item.precision:.4f}",
            f"{item.recall:.4f}",
            f"{item.f1:.4f}",
            f"{item.probable:,}",
            f"{item.precision_with_probable:.4f}",
            f"{item.recall_with_probable:.4f}",
            f"{item.review_load:.1%}",
            f"{item.wrong_disclosure:.4f}",
        )
    return table
