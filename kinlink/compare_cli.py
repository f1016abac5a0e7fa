"""`kinlink compare A B`: similar pairs of two files of CLKs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from kinlink.compare import compare_files
from protocols.errors import InputError
from protocols.matching import SearchKind


def compare_command(
    left: Annotated[Path, typer.Argument(metavar="A", help="CLKs as clkhash writes them (JSON), or a submission.")],
    right: Annotated[Path, typer.Argument(metavar="B", help="The CLKs to compare them with.")],
    threshold: Annotated[float, typer.Option(help="The lowest Dice similarity to write, above 0 and at most 1.")],
    search: Annotated[
        SearchKind,
        typer.Option(help="`exact` finds every pair; `lsh` is for millions of plain CLKs; `auto` takes the cheaper."),
    ] = SearchKind.EXACT,
    recall: Annotated[float, typer.Option(help="For `lsh`: the share of the pairs that it must find.")] = 0.999,
    service: Annotated[
        Path | None, typer.Option(help="For submissions: the data folder of the service that they are sealed to.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the pairs (CSV).")] = Path("pairs.csv"),
) -> None:
    """Write the pairs of two sets of CLKs that are at least as similar as the threshold.

    The file holds similarities, which can identify people: it is for the owner of both sets, on this machine.
    """
    if not out.parent.is_dir():
        raise InputError(f"There is no folder `{out.parent}` to write to.", next_step="Make it, or name another.")
    begun = time.monotonic()
    done = compare_files(left, right, threshold, out, search=search, recall=recall, service=service)
    seconds = time.monotonic() - begun
    typer.echo(f"Search: {done.search.kind} ({done.search.why}).")
    if done.search.kind == SearchKind.LSH:
        typer.echo(f"Recall promised {done.search.promised_recall:g}, on a sample {done.search.measured_recall:.4f}.")
    typer.echo(
        f"{done.left:,} × {done.right:,} CLKs compared in {seconds:.1f} s; {done.pairs:,} pairs written to {out}."
    )
