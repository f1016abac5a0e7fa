"""`kinlink evaluate FOLDER`: what the encoder and the matcher would make of a folder of extracts."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.resources import PROTOCOL_FILE
from kinlink.evaluate import Evaluation, Quality, evaluate, write_links
from protocols.errors import InputError
from protocols.load import load_protocol
from protocols.vocabulary import Grade


def evaluate_command(
    folder: Annotated[
        Path, typer.Argument(help="A folder with one CSV for each agency, and truth.csv if it is known.")
    ],
    anchor: Annotated[str, typer.Option(help="The agency that declares the families.")] = "social_care",
    protocol: Annotated[Path, typer.Option(help="The sharing protocol: encoding and match rules.")] = PROTOCOL_FILE,
    links_out: Annotated[Path | None, typer.Option("--links-out", help="Write the links here, one line each.")] = None,
    seed: Annotated[
        str | None,
        typer.Option("--seed-secret", help="Make the linkage secret from this text, to repeat a measurement."),
    ] = None,
) -> None:
    """Encode, link and measure a folder of extracts. Nothing leaves this machine, and no server is needed."""
    if links_out is not None and not links_out.parent.is_dir():
        raise InputError(f"There is no folder `{links_out.parent}` to write to.", next_step="Make it, or name another.")
    begun = time.monotonic()
    secret = os.urandom(32) if seed is None else hashlib.sha256(seed.encode()).digest()
    console = Console(highlight=False, soft_wrap=True)
    with console.status("Encoding and linking …"):
        found = evaluate(folder, anchor, load_protocol(protocol), secret)
    if links_out is not None:
        write_links(links_out, found.result.links)
    console.print(_counts(found, anchor) if found.quality is None else _measured(found.quality))
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


def _measured(quality: tuple[Quality, ...]) -> Table:
    table = Table(
        title=f"Links measured against truth.csv ({Grade.CERTAIN}; then with {Grade.PROBABLE})", title_justify="left"
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
