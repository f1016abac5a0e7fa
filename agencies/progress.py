"""How long work reports how far it is: a stage's name, what is done, and the whole if it is known."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]


def no_progress(stage: str, done: int, total: int | None) -> None:
    """For callers that show nothing."""
