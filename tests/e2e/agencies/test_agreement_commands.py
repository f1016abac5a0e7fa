"""A version of the sharing protocol is proposed, advised on and approved by command, against a real service process; and releases are stopped."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agencies.passphrase import FILE_VARIABLE
from kinlink.protocol_cli import app
from protocols.errors import InputError, Refusal
from protocols.load import canonical_json, load_protocol
from protocols.rehearsal import RehearsalReport

RUNNER = CliRunner()
PASSPHRASE = "made up for tests only"


@pytest.fixture(autouse=True)
def passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "passphrase"))


def run(*words: object) -> str:
    result = RUNNER.invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def draft(county: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = json.loads(canonical_json(load_protocol(county.root / "protocol.yaml").document))
    path = tmp_path_factory.mktemp("draft") / "draft.json"
    path.write_text(json.dumps(document | {"version": 7}))
    return path


def test_a_draft_is_proposed_advised_on_and_approved(county: Any, draft: Path) -> None:
    said = run("propose", draft, "--data", county.data)
    assert "hertfordshire version 7" in said
    assert "Advice is missing from: camhs, education, health" in said
    digest = load_protocol(draft).digest
    assert f"{digest[:16]}  hertfordshire version 7: draft" in run("versions", "-C", county.root / "police")
    advice = ("--person", "dpo-1", "--verdict", "support", "--reasons", "Read in full.", "-C", county.root / "police")
    said = run("advise", digest[:12], *advice)
    assert "advise, data-protection-officer of police (support: Read in full.)" in said
    with pytest.raises(Refusal, match="expected advised"):
        run("approve", digest[:12], "--person", "siro-1", "-C", county.root / "police")
    with pytest.raises(InputError, match="0 versions have a digest"):
        run("approve", "00000000", "--person", "siro-1", "-C", county.root / "police")
    day = datetime.now(UTC).date().isoformat()
    with pytest.raises(Refusal, match="expected approved"):
        run("schedule", digest[:12], "--on", day, "--data", county.data)
    said = run("versions", digest[:12], "-C", county.root / "recovery")
    assert "Approval is missing from: caldicott-guardian of camhs, senior-risk-owner of camhs" in said


def test_a_version_is_rehearsed_at_the_service_and_whoever_stops_waiting_leaves_it_to_it(
    county: Any, draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("propose", draft, "--data", county.data)
    digest = load_protocol(draft).digest

    def interrupted(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("api.following.Progress.add_task", interrupted)
        stopped = RUNNER.invoke(app, ["rehearse", digest[:12], "--data", str(county.data)])
    assert stopped.exit_code == 130
    assert "The service goes on rehearsing." in stopped.output
    report = tmp_path / "report.json"
    said = run("rehearse", digest[:12], "-C", county.root / "police", "--report", report)
    (asked,) = re.findall(r"reh-[0-9a-f]{16}", said)
    assert asked in stopped.output
    assert "outside any open case: 0." in said
    assert "Counts are rounded up to tens." in said
    assert "Links: 0 gained, 0 lost" in run("rehearse", digest[:12], "--data", county.data)
    kept = RehearsalReport.read(report.read_bytes(), "report")
    assert (kept.draft_digest, kept.passes) == (digest, True)


def test_releases_are_stopped_and_started_by_command(county: Any) -> None:
    folder = county.root / "police"
    said = run("stop", "--person", "dpo-1", "--reasons", "Something is wrong.", "-C", folder)
    assert "Releases are stopped of: police." in said
    with pytest.raises(Refusal, match="are not stopped"):
        run("start", "--person", "siro-9", "-C", county.root / "recovery")
    assert "Releases are stopped" not in run("start", "--person", "siro-1", "-C", folder)


def test_kept_inputs_are_exported(county: Any, tmp_path: Path) -> None:
    out = tmp_path / "inputs.jsonl"
    assert "decisions since" in run("inputs", "--out", out, "--data", county.data)
    assert out.exists()


def test_one_says_who_acts(county: Any) -> None:
    with pytest.raises(InputError, match="Say who acts"):
        run("versions")
    with pytest.raises(InputError, match="Say who acts"):
        run("versions", "-C", county.root / "police", "--data", county.data)
