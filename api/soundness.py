"""Whether a version's match rules may decide about people at all: asked before it goes live.

A link must never be certain on a name, a date or a place alone, nor on a name and a place without the date. That is found
out by encoding pairs of made-up people, which needs an encoder; this side has none and sees no names. So the program that
is made of both sides lends a judge, and without one nothing goes live.
"""

from __future__ import annotations

from collections.abc import Callable

from protocols.errors import Refusal
from protocols.load import LoadedProtocol

Judge = Callable[[LoadedProtocol], tuple[str, ...]]
"""Names the cases in which a link would be certain on too little. May take seconds; the same for the same digest."""

_judges: list[Judge] = []


def judged_by(judge: Judge | None) -> None:
    """Have this judge asked from now on; None: nobody."""
    _judges[:] = [] if judge is None else [judge]


def require_sound(loaded: LoadedProtocol) -> None:
    """Raise `Refusal` if a link could be certain on too little under this version, or if nobody can tell.

    Call it before a transaction begins: it may take seconds.
    """
    if not _judges:
        raise Refusal(
            f"Nobody can tell whether the match rules of {loaded.label} are sound: this program has no encoder.",
            next_step="Use the `kinlink` command.",
        )
    failed = _judges[0](loaded)
    if failed:
        raise Refusal(
            f"{loaded.label} cannot go live: a link would be certain by what must never be enough: {'; '.join(failed)}.",
            next_step="See `kinlink protocol explain --matching`, and change the match rules.",
        )
