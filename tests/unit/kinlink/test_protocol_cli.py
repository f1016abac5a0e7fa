"""`kinlink protocol`, run as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.resources import PROTOCOL_FILE
from kinlink.protocol_cli import app
from protocols.errors import InputError, ProtocolError, Refusal
from protocols.load import canonical_json, load_protocol

RUNNER = CliRunner()
LOADED = load_protocol(PROTOCOL_FILE)
INPUTS = {
    "subject": "s-1",
    "open_case": True,
    "at": "2026-11-16T09:00:00+00:00",
    "function": "social-worker",
    "purpose": "safeguarding",
    "agency": "recovery",
    "mode": "CONTENT",
    "attribute": "recovery.episode",
    "allocated": True,
    "own_client": False,
    "kind": "ADULT",
    "children": [["S47", "PARENT", "LIVES_WITH", False]],
    "grade": "certain",
    "consent": "REFUSED",
    "flags": [],
    "not_fresh": [],
}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped protocol as canonical JSON: the same protocol, quicker to read."""
    path = tmp_path_factory.mktemp("protocol") / "live.json"
    path.write_bytes(canonical_json(LOADED.document))
    return path


def changed(shipped: Path, tmp_path: Path, old: str, new: str) -> Path:
    """A draft that differs in one place."""
    text = shipped.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "draft.json"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def run(*arguments: object) -> str:
    """What a command prints."""
    result = RUNNER.invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_check(shipped: Path) -> None:
    said = run("check", shipped)
    assert f"Digest {LOADED.digest}" in said
    assert "8 parties, 47 attributes, 92 grants, 5 prohibitions, 6 never-release items." in said
    assert "Next in the calendar: 31 March 2027, end of epoch 1." in said


def test_check_holds_the_linkage_schemas_to_their_digests(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"`person-4096\.json` of CLK `person` cannot be read"):
        run("check", shipped, "--schemas", tmp_path)
    (tmp_path / "person-4096.json").write_text("{}")
    with pytest.raises(ProtocolError, match="is not the agreed one"):
        run("check", shipped, "--schemas", tmp_path)


def test_check_lists_every_error(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"draft\.json:1:\d+: value: `unlinked_days`"):
        run("check", changed(shipped, tmp_path, '"unlinked_days":7', '"unlinked_days":700'))


def test_explain(shipped: Path) -> None:
    one = run("explain", shipped, "--rule", "recovery-episode")
    assert one.startswith("recovery-episode: Hertfordshire Recovery Service may tell those who hold the case")
    assert one.count("\n\n") == 0
    police = run("explain", shipped, "--agency", "police", "--to", "education-representative")
    assert "police-school-alert: " in police
    assert "recovery-episode" not in police
    assert "court-material-stays: " in police
    assert "N1: " in run("explain", shipped)
    with pytest.raises(InputError, match="no rule `nonsense`"):
        run("explain", shipped, "--rule", "nonsense")


def test_diff(shipped: Path, tmp_path: Path) -> None:
    assert run("diff", shipped, shipped) == "Nothing changed.\n"
    draft = changed(shipped, tmp_path, '"unlinked_days":7', '"unlinked_days":6')
    said = run("diff", shipped, draft)
    assert "Changed setting `retention.unlinked_days`: 6\n  before: 7" in said
    assert "Newly told: 0\nNo longer told: 0\n" in said


def test_rehearse(shipped: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text(json.dumps(INPUTS) + "\n")
    report = tmp_path / "report.json"
    said = run("rehearse", shipped, "--live", shipped, "--inputs", inputs, "--report", report)
    assert "1 questions, 1 decided as before." in said
    assert "treated otherwise than agreed: 0." in said
    assert json.loads(report.read_bytes())["questions"] == 1


def test_a_draft_that_fails_its_rehearsal(shipped: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text(json.dumps(INPUTS) + "\n")
    document = json.loads(shipped.read_text(encoding="utf-8"))
    document["grants"] = [grant for grant in document["grants"] if grant["id"] != "recovery-episode"]
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps(document))
    result = RUNNER.invoke(app, ["rehearse", str(draft), "--live", str(shipped), "--inputs", str(inputs)])
    assert isinstance(result.exception, Refusal)
    assert "Releases removed: 1\n  recovery | recovery.episode | social-worker | S47: 1" in result.output
    assert "People touched: 1 adults, 0 children; outside any open case: 0." in result.output
    assert "`expectant-mother-in-treatment`: `recovery.episode` to `social-worker`: expected told" in result.output


def test_why(shipped: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text(json.dumps(INPUTS) + "\n\n" + json.dumps({**INPUTS, "flags": ["held"]}) + "\n")
    said = run("why", inputs, "--protocol", shipped)
    first, second = said.split("\n\n")[:2]
    assert f"under hertfordshire v1 ({LOADED.digest[:16]}…): `recovery.episode` of `recovery`" in first
    assert "consent: REFUSED; nothing flagged." in first
    assert "Granted by `recovery-episode`." in first
    assert "Not `recovery-episode-by-consent`: no child through whom" in first
    assert "Refused.\nThe agency holds the record back." in second
    with pytest.raises(InputError, match=r"`nowhere\.jsonl` cannot be read"):
        run("why", tmp_path / "nowhere.jsonl")


def test_compile(shipped: Path, tmp_path: Path) -> None:
    run("compile", shipped, "--out", tmp_path / "cedar")
    policies = (tmp_path / "cedar" / "policies.cedar").read_text()
    assert '@id("recovery-episode#consent")' in policies
    assert json.loads((tmp_path / "cedar" / "entities.json").read_text())


def test_schema_and_pages(shipped: Path, tmp_path: Path) -> None:
    run("schema", "--out", tmp_path / "s.json")
    assert (tmp_path / "s.json").read_bytes() == PROTOCOL_FILE.with_name("protocol.schema.json").read_bytes()
    said = run("pages", shipped, "--out", tmp_path)
    assert {Path(line).name for line in said.split()} == {
        "protocol-hertfordshire.md",
        "protocol-matrix.md",
        "protocol-lifecycle.md",
        "knock-out.md",
    }
