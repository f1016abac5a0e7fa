"""What the commands share on a terminal: plain text out, problems raised, a bar for whatever takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from agencies.progress import Progress as ProgressCall

_PATIENCE_SECONDS = 2.0


def output(*, wrap: bool = False) -> Console:
    """Where results go. Lines are left whole for the terminal or a pipe to break, unless they are to `wrap` with their indent."""
    return Console(highlight=False, soft_wrap=not wrap)


@contextmanager
def progress_bar() -> Iterator[ProgressCall]:
    """A callback (stage, done, total) that shows a bar on the terminal once two seconds have passed; nothing before, nothing in logs."""
    begun = time.monotonic()
    bar: Progress | None = None
    tasks: dict[str, TaskID] = {}

    def show(stage: str, done: int, total: int | None) -> None:
        nonlocal bar
        if bar is None:
            if time.monotonic() - begun < _PATIENCE_SECONDS or not sys.stderr.isatty():
                return
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.completed:,}"),
            )
            bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
            bar.start()
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, total=total)

    try:
        yield show
    finally:
        if bar is not None:
            bar.stop()
