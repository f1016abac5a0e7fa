"""The report on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from agencies.attack.report import AttackReport
from agencies.attack.sentences import given_and_got, verdict_sentence
from agencies.attack.verdict import Verdict

_STYLE = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.TOLD: "dim"}
_WORD = {Verdict.PASS: "pass", Verdict.WARN: "warning", Verdict.FAIL: "FAIL", Verdict.TOLD: "told"}


def print_report(report: AttackReport, console: Console) -> None:
    """Print it: the verdict first, then one line for each attack, then what to change."""
    console.print(
        f"[bold]{escape(report.encoding)}[/]: {report.rows:,} of {report.encodings:,} encodings attacked, in {report.groups:,} groups; "
        f"the attacker's list is {escape(report.attacker_list)}."
    )
    console.print(f"[{_STYLE[report.verdict]}]{_WORD[report.verdict].upper()}.[/] {escape(verdict_sentence(report))}\n")
    for each in report.findings:
        console.print(
            f"[{_STYLE[each.verdict]}]{_WORD[each.verdict]:<8}[/] [bold]{each.test} {escape(each.title)}.[/] "
            f"{escape(given_and_got(each))} [dim]{each.seconds:.0f} s[/]"
        )
    advice = list(dict.fromkeys(each.advice for each in report.findings if each.advice))
    if advice:
        console.print("\n[bold]What to change[/]")
        for line in advice:
            console.print(f"- {escape(line)}")
    earlier = [point for point in report.history if point.fidelity]
    if earlier:
        trend = ", ".join(f"{point.fidelity:.3f} ({point.made_at:%d %b %Y})" for point in earlier[-5:])
        console.print(f"\nSimilarity-graph fidelity before: {trend}.")
    console.print(f"[dim]{report.seconds:,.0f} seconds, random seed {report.seed}.[/]")
