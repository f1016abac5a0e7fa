"""Between the attack report and the submission: a submission is not made past a blocking verdict, unless somebody answers for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from agencies.attack.report import AttackReport, Subject, TrendPoint, blocking_findings, open_report, sign_report
from agencies.attack.verdict import CutOffs, Finding, Limit
from agencies.files import private_folder, write_private
from protocols.attack_gate import AttackGate
from protocols.errors import SubmissionError, VerificationError
from protocols.signing import SigningKey, VerifyingKey, Wire
from protocols.submission import SHA256, AttackOverride

FOLDER = "attack"
SHORTEST_REASON, LONGEST_REASON = 20, 500
MOST_GROWTH = 1.5
MISSING, STALE = "missing", "stale"
ATTACK_FIRST = "Attack them first, it takes minutes: kinlink agency attack EXTRACT (or --quick, for a small sample)"


class Clearance(Wire):
    """That a submission may be made: by which report, and, where something stood in the way, what, and why it was overridden.

    `overridden` are the tests that block, or `missing` or `stale` for the report itself. Every data protection officer of the protocol
    may see it: it holds no figure about a person.
    """

    report: str | None = Field(default=None, pattern=SHA256)
    verdict: str
    overridden: tuple[str, ...] = ()
    reason: str | None = Field(default=None, min_length=SHORTEST_REASON, max_length=LONGEST_REASON)

    @property
    def override(self) -> AttackOverride | None:
        """What the manifest says of it."""
        return None if self.reason is None else AttackOverride(tests=self.overridden, reason=self.reason)


@dataclass(frozen=True, slots=True)
class GateTerms:
    """What a sharing protocol asks of a report: its cut-offs, for how many days it counts, how many encodings it must be about (or all
    that there are)."""

    cut_offs: CutOffs = field(default_factory=CutOffs)
    fresh_days: int = AttackGate().fresh_days
    least_rows: int = AttackGate().least_rows


def terms_of(gate: AttackGate) -> GateTerms:
    """What a sharing protocol's `attack_gate` asks; what it does not set is as in `CutOffs()`."""
    changes: dict[str, Any] = {name: Limit(cut.warn, cut.fail) for name, cut in gate.lines.items()}
    if gate.blocking is not None:
        changes["blocking"] = frozenset(gate.blocking)
    return GateTerms(replace(CutOffs(), **changes), gate.fresh_days, gate.least_rows)


def clear(
    report: AttackReport | None, subject: Subject, terms: GateTerms, now: datetime, reason: str | None = None
) -> Clearance:
    """Clear a submission of `subject` by a report about the same encoding, or by nothing. Raises `SubmissionError`.

    Refused are: no report; one about another encoding; one that is too old, or of an extract that has grown by half since; findings
    that block. Each can be overridden with a `reason` of at least 20 characters, which every data protection officer will read.
    """
    stops, words, next_step = _stops(report, subject, terms, now)
    if stops and (reason is None or not SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON):
        raise SubmissionError(
            f"{words} Nothing was made.",
            next_step=f"{next_step} To go on all the same: --override-report REASON, of {SHORTEST_REASON} to {LONGEST_REASON} characters; "
            "every data protection officer of the protocol will read it.",
        )
    return Clearance(
        report=report.digest if report else None,
        verdict=report.verdict.value if report else "none",
        overridden=stops,
        reason=reason.strip() if stops and reason else None,
    )


def _stops(
    report: AttackReport | None, subject: Subject, terms: GateTerms, now: datetime
) -> tuple[tuple[str, ...], str, str]:
    """What stands in the way, in short, in a sentence, and what to do about it."""
    if report is None:
        return (MISSING,), "These encodings have not been attacked yet, as they are made now.", f"{ATTACK_FIRST}."
    different = report.subject.differences(subject) if report.subject else ("extract",)
    if different:
        return (MISSING,), f"The attack report is about another {' and another '.join(different)}.", f"{ATTACK_FIRST}."
    stops: tuple[str, ...] = ()
    sentences, steps = [], []
    held = report.subject.records if report.subject else 0
    days = (now - report.made_at).days
    if days >= terms.fresh_days or subject.records > MOST_GROWTH * held:
        stops += (STALE,)
        sentences.append(
            f"The attack report is {days} days old, and the protocol wants one of the last {terms.fresh_days}."
            if days >= terms.fresh_days
            else f"The attack report is about {held:,} records; there are {subject.records:,} now."
        )
        steps.append(f"{ATTACK_FIRST}.")
    thin = report.rows < min(terms.least_rows, report.encodings)
    untested = sorted(terms.cut_offs.blocking - {each.test for each in report.findings})
    if thin or untested:
        stops += () if stops else (STALE,)
        sentences.append(
            f"The attack report is about {report.rows:,} encodings, and the protocol wants {terms.least_rows:,}."
            if thin
            else f"The attack report leaves out {', '.join(untested)}."
        )
        steps.append(f"{ATTACK_FIRST}.")
    blocking = blocking_findings(report, terms.cut_offs)
    if blocking:
        stops += tuple(each.test for each in blocking)
        sentences.append(f"The attack report stands in the way: {refusal_words(blocking)}.")
        steps.append("Change the encoding in the sharing protocol.")
    return stops, " ".join(sentences), " ".join(dict.fromkeys(steps))


def refusal_words(blocking: tuple[Finding, ...]) -> str:
    """Which attacks block, in words."""
    return ", ".join(f"{each.test} {each.title.lower()}" for each in blocking)


def store_report(local: Path, report: AttackReport, key: SigningKey, page: str) -> Path:
    """Keep a signed report, and its page, under an agency's `local` folder; returns the JSON file."""
    folder = private_folder(local / FOLDER)
    path = folder / f"{report.made_at:%Y%m%dT%H%M%S%f}-{report.digest[:12]}.json"
    write_private(path, report.canonical())
    write_private(path.with_suffix(".jws"), sign_report(report, key).encode())
    write_private(path.with_suffix(".html"), page.encode())
    return path


def stored_reports(local: Path, key: VerifyingKey) -> list[AttackReport]:
    """The reports that are kept, oldest first; one that was altered is left out."""
    found = []
    for path in sorted((local / FOLDER).glob("*.json")):
        try:
            found.append(open_report(path.read_bytes(), path.with_suffix(".jws").read_text("ascii"), key))
        except (OSError, ValueError, VerificationError):
            continue
    return found


def trend(reports: list[AttackReport]) -> list[TrendPoint]:
    """The headline index of earlier reports."""
    return [each.trend_point() for each in reports if any(finding.test == "T6" for finding in each.findings)]


def require_report(
    local: Path, key: VerifyingKey, subject: Subject, terms: GateTerms, now: datetime, reason: str | None = None
) -> Clearance:
    """Clear a submission by the newest kept report about the same encoding. Raises `SubmissionError`."""
    about = [each for each in stored_reports(local, key) if each.subject and not each.subject.differences(subject)]
    return clear(about[-1] if about else None, subject, terms, now, reason)
