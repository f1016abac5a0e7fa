"""The check's report on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from agencies.check import Report
from agencies.quality.rules import SEVERITY_WORDS, Severity

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_ENOUGH, _THIN = 0.9, 0.6


def print_report(report: Report, console: Console, *, most_rows: int = 8) -> None:
    """Print it: the verdict first, then what was read, the defects, the coverage, what is held back."""
    tally = report.tally
    console.print(f"[bold]{escape(report.layout.name)}[/] · {escape(report.agency)} · {escape(report.protocol)}")
    console.print(_verdict(report))
    said = "; ".join((report.layout.format, *report.layout.said))
    console.print(
        f"{report.rows:,} rows, {report.tally.records:,} records, {tally.encodings:,} encodings "
        f"(as of {report.extract_date:%d %b %Y}). {escape(said)}."
    )
    if report.columns_ignored:
        console.print(f"[dim]Not in the mapping, and not read: {_counted(report.columns_ignored, 'column')}.[/]")
    if report.families or report.consents:
        console.print(f"{report.families:,} families and {report.consents:,} consents declared.")
    _print_difference(report, console)
    _print_findings(report, console, most_rows)
    _print_coverage(report, console)
    _print_held_back(report, console)


def _verdict(report: Report) -> str:
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    counted = f"{errors:,} errors, {warnings:,} warnings, {report.count(Severity.INFO):,} notes"
    if report.blockers:
        return f"[bold red]Would stop.[/] {escape(' '.join(report.blockers))} {counted}."
    return f"[bold green]Can be submitted.[/] {counted}."


def _print_difference(report: Report, console: Console) -> None:
    difference = report.difference
    if difference is None:
        console.print("No earlier submission to compare with.")
        return
    alarm = difference.alarming(report.difference_limit)
    text = (
        f"Since the last submission: {difference.added:,} new, {difference.removed:,} gone, {difference.changed:,} changed, "
        f"{difference.unchanged:,} the same ({difference.share:.0%})."
    )
    console.print(f"[bold red]{text} More than usual: is the extract whole?[/]" if alarm else text)


def _print_findings(report: Report, console: Console, most_rows: int) -> None:
    if not report.findings:
        console.print("[green]No defects found.[/]")
        return
    console.print()
    for each in report.findings:
        style = _STYLE[each.rule.severity]
        column = f" in `{escape(each.column)}`" if each.column else ""
        console.print(f"[{style}]{SEVERITY_WORDS[each.rule.severity]:<8}{each.rule.code}[/]{column}: {each.rule.title}")
        console.print(
            f"        {_counted(len(each.rows), 'row')}: {each.places(most_rows)}. [dim]So: {each.rule.effect}.[/]"
        )
    console.print()


def _print_coverage(report: Report, console: Console) -> None:
    shares = []
    for name, share in report.tally.coverage():
        style = "green" if share >= _ENOUGH or name == "middle_name" else "yellow" if share >= _THIN else "red"
        shares.append(f"{name} [{style}]{share:.1%}[/]")
    console.print(f"Identifiers present: {', '.join(shares)}.")
    for name, values, records in report.tally.attribute_coverage():
        console.print(f"  {name}: {values:,} recorded of {records:,}")


def _print_held_back(report: Report, console: Console) -> None:
    tally = report.tally
    if report.suppressed_column is None:
        console.print(
            "[yellow]The mapping has no `suppressed` flag: nobody is removed before encoding.[/] "
            "If the system marks protected people, map that column."
        )
    else:
        console.print(
            f"Removed before encoding, because `{escape(report.suppressed_column)}` says so: {tally.suppressed:,} people. "
            "[dim]No count of them leaves.[/]"
        )
    flags = ", ".join(f"{tally.flags[name]:,} {name}" for name in ("shielded", "silent", "deceased"))
    console.print(f"Flagged: {flags}; {tally.flags['hold']:,} held. Left out because of defects: {tally.left_out:,}.")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
