"""The first rows as they are compared: for the data officer's own screen. It shows identifiers and goes nowhere else."""

from __future__ import annotations

from dataclasses import fields
from itertools import islice

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agencies.reading import Reading
from agencies.records import LeftOut, Record, Suppressed
from agencies.standardise.person import StandardPerson, explain

_NAMES = tuple(each.name for each in fields(StandardPerson))


def print_preview(reading: Reading, console: Console, most: int) -> None:
    """Print the first records: one line for each encoding, under the rows that it comes from."""
    table = Table(
        box=None, pad_edge=False, header_style="bold", title="As they are compared: this stays on this screen"
    )
    for name in ("rows", "kind", *_NAMES):
        table.add_column(name.replace("_", " "))
    for outcome in islice(reading.records(), most):
        rows = ", ".join(map(str, outcome.rows))
        if isinstance(outcome, Record):
            for at, person in enumerate(outcome.people or (StandardPerson(),)):
                first = (rows, outcome.kind.value.lower()) if at == 0 else ("", "")
                table.add_row(*first, *(escape(getattr(person, name)) for name in _NAMES))
        elif isinstance(outcome, Suppressed):
            table.add_row(rows, "suppressed", *("" for _ in _NAMES), style="dim")
        elif isinstance(outcome, LeftOut):
            table.add_row(rows, "left out", *("" for _ in _NAMES), style="red")
    console.print(table)


def print_explanation(reading: Reading, console: Console, most: int) -> None:
    """Print, for each of the first records' rows, every step of standardising that changed something."""
    shown = {row for each in islice(reading.records(), most) if isinstance(each, Record) for row in each.rows}
    table = Table(
        box=None, pad_edge=False, header_style="bold", title="What standardising does: this stays on this screen"
    )
    for name in ("row", "field", "step", "before", "after"):
        table.add_column(name)
    for number, row in reading.extract.rows():
        if number not in shown:
            continue
        shown.discard(number)
        for change in explain(reading.columns.person(row), reading.rules):
            cells = (
                str(number),
                change.field.replace("_", " "),
                change.step,
                change.before,
                change.after or "(nothing)",
            )
            table.add_row(*map(escape, cells))
        if not shown:
            break
    console.print(table)
