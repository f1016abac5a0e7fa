"""A report in plain English: for a data protection officer to act on."""

from __future__ import annotations

from agencies.attack.report import AttackReport
from agencies.attack.verdict import Finding, Measure, Verdict


def verdict_sentence(report: AttackReport) -> str:
    """The verdict in one or two sentences."""
    failed = [each for each in report.findings if each.verdict is Verdict.FAIL]
    warned = [each for each in report.findings if each.verdict is Verdict.WARN]
    if failed:
        blocking = [each.test for each in failed if each.test in report.blocking]
        names = ", ".join(f"{each.test} ({each.title.lower()})" for each in failed)
        stop = "A submission encoded like this is not made." if blocking else "None of these blocks a submission."
        return f"An attacker would get past the agreed limits in {names}. {stop}"
    if warned:
        names = ", ".join(f"{each.test} ({each.title.lower()})" for each in warned)
        return f"No attack gets past the agreed limits. Close to them: {names}."
    return "No attack gets past the agreed limits, or near them."


def given_and_got(finding: Finding) -> str:
    """What the attacker was given and what they got, as one sentence."""
    return f"Given {finding.given}, the attacker gets: {finding.got}."


def shown(measure: Measure) -> str:
    """A figure as people read it."""
    if measure.trials is not None and measure.successes is not None:
        return f"{measure.successes:,} of {measure.trials:,} ({measure.value:.2%})"
    if measure.value == int(measure.value) and abs(measure.value) >= 1:
        return f"{int(measure.value):,}"
    return f"{measure.value:.4f}"
