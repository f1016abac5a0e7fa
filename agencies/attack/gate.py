"""Between the attack report and the submission: a submission is not made past a blocking verdict, unless somebody answers for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, Field

from agencies.attack.report import AttackReport, Subject, TrendPoint, blocking_findings, open_report, sign_report
from agencies.attack.verdict import CutOffs, Finding, Limit
from agencies.files import private_folder, write_private
from protocols.errors import InputError, ProtocolError, SubmissionError, VerificationError
from protocols.signing import SigningKey, VerifyingKey, Wire
from protocols.submission import SHA256

FOLDER = "attack"
SHORTEST_REASON = 20


class Clearance(Wire):
    """That a submission may be made: by which report, and, where findings blocked, who overrode them and why.

    Its values may be shown to every data protection officer of the protocol: it holds no figure about a person.
    """

    report: str = Field(pattern=SHA256)
    verdict: str
    overridden: tuple[str, ...] = ()
    reason: str | None = Field(default=None, min_length=SHORTEST_REASON, max_length=500)
    made_at: AwareDatetime


def cut_offs_of(attack_gate: Mapping[str, Any]) -> CutOffs:
    """The cut-offs of a sharing protocol's `attack_gate`, defaults for what it does not name. Raises `ProtocolError`.

    Its keys: `blocking`, a list of tests (such as `T8`); `cut_offs`, for each name `{warn: …, fail: …}`.
    """
    names = {each.name for each in fields(CutOffs)} - {"blocking"}
    unknown = sorted(set(attack_gate) - {"blocking", "cut_offs"})
    if unknown:
        raise _wrong(f"has `{unknown[0][:40]}`, which is neither `blocking` nor `cut_offs`")
    changes: dict[str, Any] = {}
    for name, limit in (attack_gate.get("cut_offs") or {}).items():
        if name not in names:
            raise _wrong(f"sets a cut-off `{str(name)[:40]}` that there is not; there are {', '.join(sorted(names))}")
        if not isinstance(limit, Mapping) or set(limit) != {"warn", "fail"} or not all(map(_is_number, limit.values())):
            raise _wrong(f"needs two numbers, `warn` and `fail`, for `{name}`")
        changes[name] = Limit(float(limit["warn"]), float(limit["fail"]))
    if "blocking" in attack_gate:
        tests, known = attack_gate["blocking"], CutOffs().blocking
        if not isinstance(tests, list | tuple) or not set(tests) <= known:
            raise _wrong(f"needs a list of tests under `blocking`, out of {', '.join(sorted(known))}")
        changes["blocking"] = frozenset(tests)
    try:
        return replace(CutOffs(), **changes)
    except InputError as error:
        raise _wrong(f"is not usable: {error.what}") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(problem: str) -> ProtocolError:
    return ProtocolError(
        f"The protocol's `attack_gate` {problem}.", next_step="Correct it, or leave it out for the defaults."
    )


def clear(report: AttackReport, subject: Subject, cut_offs: CutOffs, reason: str | None = None) -> Clearance:
    """Clear a submission of `subject`, or refuse. Raises `SubmissionError`.

    Refused are a report about something else, and findings that block; the latter can be overridden with a `reason` of at least 20
    characters, which every data protection officer of the protocol will read.
    """
    if report.subject is None or report.subject != subject:
        raise SubmissionError(
            f"The attack report is about something else: {_difference(report.subject, subject)}.",
            next_step="Attack this extract: kinlink agency attack EXTRACT",
        )
    blocking = blocking_findings(report, cut_offs)
    if blocking and (reason is None or len(reason.strip()) < SHORTEST_REASON):
        raise SubmissionError(
            f"The attack report stands in the way: {refusal_words(blocking)}. Nothing was made.",
            next_step="Change the encoding in the sharing protocol. To go on all the same, give a reason of at least "
            f"{SHORTEST_REASON} characters; every data protection officer of the protocol will read it.",
        )
    return Clearance(
        report=report.digest,
        verdict=report.verdict.value,
        overridden=tuple(each.test for each in blocking),
        reason=reason.strip() if blocking and reason else None,
        made_at=report.made_at,
    )


def refusal_words(blocking: tuple[Finding, ...]) -> str:
    """Which attacks block, in words."""
    return ", ".join(f"{each.test} {each.title.lower()}" for each in blocking)


def _difference(held: Subject | None, wanted: Subject) -> str:
    if held is None:
        return "it names no extract"
    names = [name for name in Subject.model_fields if getattr(held, name) != getattr(wanted, name)]
    return "another " + ", ".join(names).replace("_", " ")


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
    local: Path, key: VerifyingKey, subject: Subject, cut_offs: CutOffs, reason: str | None = None
) -> Clearance:
    """Clear a submission by the newest kept report about it. Raises `SubmissionError`."""
    about = [each for each in stored_reports(local, key) if each.subject == subject]
    if not about:
        raise SubmissionError(
            "This extract has not been attacked yet, as it is encoded now.",
            next_step="Do that first, it takes minutes: kinlink agency attack EXTRACT",
        )
    return clear(about[-1], subject, cut_offs, reason)
