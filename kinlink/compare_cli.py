"""`kinlink compare A B`: similar pairs of two files of CLKs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from kinlink.compare import compare_files
from protocols.errors import InputError


def compare_command(
    left: Annotated[Path, typer.Argument(metavar="A", help="CLKs as clkhash writes them (JSON).")],
    right: Annotated[Path, typer.Argument(metavar="B", help="The CLKs to compare them with.")],
    threshold: Annotated[float, typer.Option(help="The lowest Dice similarity to write, above 0 and at most 1.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the pairs (CSV).")] = Path("pairs.csv"),
) -> None:
    """Write the pairs of two sets of CLKs that are at least as similar as the threshold.

    The file holds similarities, which can identify people: it is for the owner of both sets, on this machine.
    """
    if not out.parent.is_dir():
        raise InputError(f"There is no folder `{out.parent}` to write to.", next_step="Make it, or name another.")
    begun = time.monotonic()
    done = compare_files(left, right, threshold, out)
    seconds = time.monotonic() - begun
    typer.echo(
        f"{done.left:,} × {done.right:,} CLKs compared in {seconds:.1f} s; {done.pairs:,} pairs written to {out}."
    )
