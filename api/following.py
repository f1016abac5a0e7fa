"""Waiting at the keyboard for a job of the service, with a bar that shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

LOOK_SECONDS = 0.3
ENDED = ("completed", "failed")


def follow(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Look at a job until it has ended; returns how it ended. Whoever stops waiting (Ctrl-C) does not stop the job."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("waiting", total=None)
        while (found := look())["state"] not in ENDED:
            stage, progress = found["stage"], found["progress"]
            if stage is None:  # only the operator is shown how far it is
                bar.update(task, description=found["state"])
            else:
                name = f"{stage['number']} of {stage['of']}: {stage['name']}" if stage["of"] else "waiting"
                bar.update(task, description=name, completed=progress["done"], total=progress["total"] or None)
            time.sleep(LOOK_SECONDS)
    return found
