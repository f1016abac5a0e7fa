"""The gate: no submission without a report about it, none past a blocking verdict, an override only with a reason."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agencies.attack.gate import (
    clear,
    require_report,
    store_report,
    stored_reports,
    terms_of,
    trend,
)
from agencies.attack.page import html_report
from agencies.attack.report import AttackReport, Subject, blocking_findings, open_report, sign_report
from agencies.attack.verdict import CutOffs, Finding, Measure, Verdict
from config.resources import PROTOCOL_FILE
from protocols.attack_gate import AttackCutOffs, AttackGate
from protocols.errors import ProtocolError, SubmissionError, VerificationError
from protocols.load import load_protocol
from protocols.signing import SigningKey

SUBJECT = Subject(
    agency="police",
    protocol="herts v1",
    protocol_digest="a" * 64,
    epoch=1,
    encoding="standard, t = 5, 1,024 bits, 7 features",
    encoding_sha256="e" * 64,
    key_check="3f2a-9c01-77be-0d54",
    records=400,
    extract_sha256="b" * 64,
    extract_date=date(2026, 11, 16),
)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
TERMS = terms_of(AttackGate(blocking=("T6",)))
REASON = "Agreed with both data protection officers on 16 November for the trial only."


def make_report(fidelity: float = 0.01, day: int = 16, subject: Subject | None = SUBJECT) -> AttackReport:
    measure = Measure(name="fidelity", about="index", value=fidelity, limit="fidelity")
    verdict = CutOffs().judge(measure)
    found = Finding(test="T6", title="Fidelity", verdict=verdict, given="a list", got="little", measures=(measure,))
    return AttackReport(
        made_at=datetime(2026, 11, day, tzinfo=UTC),
        subject=subject,
        encoding=SUBJECT.encoding,
        encodings=500,
        rows=500,
        groups=200,
        deep=False,
        seed=1,
        attacker_list="the extract itself",
        cut_offs={"fidelity": (0.1, 0.2)},
        blocking=("T6",),
        verdict=verdict,
        findings=(found,),
        seconds=1.5,
    )


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate()


def test_a_passing_report_clears_its_own_encoding_only() -> None:
    clearance = clear(make_report(), SUBJECT, TERMS, NOW)
    assert (clearance.report, clearance.overridden, clearance.override) == (make_report().digest, (), None)
    for change, words in (
        ({"encoding_sha256": "c" * 64}, "schema or hardening"),
        ({"epoch": 2}, "epoch"),
        ({"key_check": "0000-0000-0000-0000"}, "linkage secret"),
        ({"agency": "health"}, "agency"),
    ):
        with pytest.raises(SubmissionError, match=words):
            clear(make_report(), SUBJECT.model_copy(update=change), TERMS, NOW)
    for none in (None, make_report(subject=None)):
        with pytest.raises(SubmissionError, match="attack EXTRACT"):
            clear(none, SUBJECT, TERMS, NOW)


def test_another_extract_of_the_same_encoding_is_cleared_unless_it_has_grown() -> None:
    again = SUBJECT.model_copy(update={"extract_sha256": "c" * 64, "extract_date": date(2026, 11, 19), "records": 600})
    assert clear(make_report(), again, TERMS, NOW).report == make_report().digest
    with pytest.raises(SubmissionError, match="601 now"):
        clear(make_report(), again.model_copy(update={"records": 601}), TERMS, NOW)


def test_an_old_report_is_stale_by_what_the_protocol_says() -> None:
    made = make_report().made_at
    assert clear(make_report(), SUBJECT, TERMS, made + timedelta(days=30, hours=23)).report
    with pytest.raises(SubmissionError, match="31 days old"):
        clear(make_report(), SUBJECT, TERMS, made + timedelta(days=31))
    strict = terms_of(AttackGate.model_validate({"fresh_days": 2, "blocking": ["T6"]}, strict=False))
    with pytest.raises(SubmissionError, match="last 2"):
        clear(make_report(), SUBJECT, strict, NOW)
    assert clear(make_report(), SUBJECT, strict, NOW, REASON).overridden == ("stale",)


def test_a_report_about_too_few_or_without_a_blocking_test_is_not_enough() -> None:
    with pytest.raises(SubmissionError, match="wants 501"):
        clear(
            make_report().model_copy(update={"encodings": 600}),
            SUBJECT,
            terms_of(AttackGate.model_validate({"least_rows": 501, "blocking": ["T6"]}, strict=False)),
            NOW,
        )
    assert clear(
        make_report(),
        SUBJECT,
        terms_of(AttackGate.model_validate({"least_rows": 5000, "blocking": ["T6"]}, strict=False)),
        NOW,
    ).report  # all there are
    with pytest.raises(SubmissionError, match="leaves out T8"):
        clear(
            make_report(), SUBJECT, terms_of(AttackGate.model_validate({"blocking": ["T6", "T8"]}, strict=False)), NOW
        )


def test_a_blocking_verdict_stops_and_a_reason_overrides_it_visibly() -> None:
    report = make_report(fidelity=0.5)
    with pytest.raises(SubmissionError, match="T6"):
        clear(report, SUBJECT, TERMS, NOW)
    for short in ("because", " " * 30, "x" * 501):
        with pytest.raises(SubmissionError, match="of 20 to 500"):
            clear(report, SUBJECT, TERMS, NOW, short)
    clearance = clear(report, SUBJECT, TERMS, NOW, REASON)
    assert (clearance.overridden, clearance.reason) == (("T6",), REASON)
    assert clearance.override is not None
    assert (clearance.override.tests, clearance.override.reason) == (("T6",), REASON)
    missing = clear(None, SUBJECT, TERMS, NOW, REASON)
    assert (missing.report, missing.overridden) == (None, ("missing",))


def test_a_reason_is_kept_only_where_something_is_overridden() -> None:
    assert clear(make_report(), SUBJECT, TERMS, NOW, REASON).reason is None


def gate_of(**terms: Any) -> CutOffs:
    return terms_of(AttackGate.model_validate_json(json.dumps(terms))).cut_offs


def test_the_protocol_says_what_blocks() -> None:
    lenient = gate_of(cut_offs={"fidelity": {"warn": 0.5, "fail": 0.9}})
    assert blocking_findings(make_report(fidelity=0.5), lenient) == ()
    strict = gate_of(cut_offs={"fidelity": {"warn": 0, "fail": 0.001}})
    assert [each.test for each in blocking_findings(make_report(), strict)] == ["T6"]
    assert blocking_findings(make_report(fidelity=0.5), gate_of(blocking=["T8"])) == ()
    assert gate_of() == CutOffs()


def test_the_shipped_protocol_writes_every_cut_off_out_as_the_program_has_it() -> None:
    gate = load_protocol(PROTOCOL_FILE).document.attack_gate
    assert set(gate.lines) == set(AttackCutOffs.model_fields) == {each.name for each in fields(CutOffs)} - {"blocking"}
    assert terms_of(gate) == terms_of(AttackGate())


@pytest.mark.parametrize(
    "gate",
    [
        {"blocks": []},
        {"fresh_days": 0},
        {"fresh_days": True},
        {"fresh_days": "31"},
        {"least_rows": 50_001},
        {"blocking": ["T12"]},
        {"blocking": "T8"},
        {"cut_offs": {"fidelty": {"warn": 0, "fail": 1}}},
        {"cut_offs": {"fidelity": {"fail": 1}}},
        {"cut_offs": {"fidelity": {"warn": True, "fail": 1}}},
        {"cut_offs": {"fidelity": {"warn": 0.5, "fail": 0.1}}},
        {"cut_offs": {"fidelity": {"warn": -1, "fail": 0.1}}},
    ],
)
def test_a_wrong_attack_gate_is_refused_with_its_line(gate: dict[str, object], tmp_path: Path) -> None:
    text = PROTOCOL_FILE.read_text()
    start = text.index("attack_gate:")
    path = tmp_path / "protocol.yaml"
    path.write_text(f"{text[:start]}attack_gate: {json.dumps(gate)}\n")
    line = text[:start].count("\n") + 1
    with pytest.raises(ProtocolError, match=rf"protocol\.yaml:{line}:"):
        load_protocol(path)


def test_a_report_is_signed_and_an_altered_one_is_not_read(key: SigningKey) -> None:
    report = make_report()
    signature = sign_report(report, key)
    assert open_report(report.canonical(), signature, key.public) == report
    altered = report.canonical().replace(b"0.01", b"0.00")
    with pytest.raises(VerificationError):
        open_report(altered, signature, key.public)
    with pytest.raises(VerificationError):
        open_report(report.canonical(), signature, SigningKey.generate().public)


def test_the_newest_kept_report_about_an_extract_decides(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(SubmissionError, match="not been attacked"):
        require_report(tmp_path, key.public, SUBJECT, TERMS, NOW)
    for report in (make_report(0.5, 14), make_report(0.02, 15)):
        store_report(tmp_path, report, key, html_report(report))
    other = make_report(0.5, 16, SUBJECT.model_copy(update={"epoch": 2}))
    store_report(tmp_path, other, key, html_report(other))
    assert require_report(tmp_path, key.public, SUBJECT, TERMS, NOW).report == make_report(0.02, 15).digest
    assert [point.fidelity for point in trend(stored_reports(tmp_path, key.public))] == [0.5, 0.02, 0.5]


def test_an_altered_report_does_not_count(tmp_path: Path, key: SigningKey) -> None:
    path = store_report(tmp_path, make_report(0.5), key, "")
    path.chmod(0o600)
    path.write_bytes(make_report(0.01).canonical())
    assert stored_reports(tmp_path, key.public) == []
    with pytest.raises(SubmissionError):
        require_report(tmp_path, key.public, SUBJECT, TERMS, NOW)


def test_reports_are_kept_private(tmp_path: Path, key: SigningKey) -> None:
    path = store_report(tmp_path, make_report(), key, "<p>page</p>")
    for suffix in (".json", ".jws", ".html"):
        assert path.with_suffix(suffix).stat().st_mode & 0o077 == 0


def test_a_verdict_is_part_of_the_clearance() -> None:
    assert clear(make_report(fidelity=0.15), SUBJECT, TERMS, NOW).verdict == Verdict.WARN
