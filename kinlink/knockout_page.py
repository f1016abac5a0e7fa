"""The knock-out table in words: on the screen, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from linkage.knockout import Line, Shares, failures
from protocols.load import LoadedProtocol
from protocols.markdown import MADE, joined

_HEAD = ("what the two records have in common", "on its own", "beside another member")
_ABOUT = (
    "Made-up people of the demo county are encoded and hardened as this protocol says, in pairs of which exactly the named "
    "parts agree, and graded by the matcher itself. The middle name goes with the given name; sex always agrees. Probabilities "
    "are learnt as in a run, from the county's children's social care and its hospitals."
)
_COLUMNS = (
    "`On its own` is what the two records alone give; `beside another member` is what they give when another member of the "
    "family has been found, without help, in the same group at the agency (a household, a case). Shares of the pairs follow "
    "the grade; a grade without one is that of every pair."
)


def table_text(loaded: LoadedProtocol, lines: Sequence[Line]) -> str:
    """The table for a screen, with the verdict."""
    rows = [_HEAD, *(_row(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([f"{loaded.label}, {lines[0].pairs} pairs a line", "", *table, "", verdict(lines)])


def matching_page(loaded: LoadedProtocol, lines: Sequence[Line]) -> str:
    """The table as Markdown."""
    cells = [" | ".join(_row(line)) for line in lines]
    table = "\n".join([f"| {' | '.join(_HEAD)} |", "|---|---|---|", *(f"| {row} |" for row in cells)])
    return joined(
        [
            MADE,
            f"# If exactly this agrees: {loaded.document.title}, version {loaded.document.version}",
            _ABOUT,
            _COLUMNS,
            table,
            verdict(lines),
            f"Computed under the protocol with digest `{loaded.digest}`, {lines[0].pairs} pairs a line, by "
            "`kinlink protocol explain --matching`.",
        ]
    )


def verdict(lines: Sequence[Line]) -> str:
    """Whether anything is certain that must never be."""
    failed = failures(lines)
    if failed:
        return f"FAILS: certain, and must never be: {'; '.join(failed)}. Such a protocol cannot go live."
    return (
        "Holds: a name alone, a date alone, a place alone, and a name with a place without the date are never certain on "
        "their own (lines marked with *); a twin, and a father and a son of one name, not even beside the family, which "
        "they share (**)."
    )


def _row(line: Line) -> tuple[str, str, str]:
    mark = " **" if line.case.shared else " *" if line.case.never_certain else ""
    return line.case.name + mark, _shares(line.alone), _shares(line.with_family)


def _shares(shares: Shares) -> str:
    """The grades that occur, the stronger first, with their shares; nothing is rounded away."""
    parts = [
        (name, share)
        for name, share in (("certain", shares.certain), ("probable", shares.probable), ("none", shares.none))
        if share > 0.0
    ]
    if len(parts) == 1:
        return parts[0][0]
    return ", ".join(f"{name} {100 * share:.1f} %" for name, share in parts)
