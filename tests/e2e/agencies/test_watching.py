"""An agency watches the service's audit log: it may only grow, and what the agency keeps proves it."""

import json

import pytest
from typer.testing import CliRunner

from agencies.cli import agency_app
from agencies.client import ServiceClient
from agencies.witness import KEPT, watch_log
from api.batch_gate import tell
from api.service import open_service
from api.settings import load_settings
from protocols.audit.checkpoint import Checkpoint, read_checkpoint
from protocols.audit.note import cosign_note, read_note
from protocols.errors import VerificationError
from protocols.signing import SigningKey

RUN = CliRunner()


def watch(county, name):
    folder = county.folder(name)
    with ServiceClient(folder) as client:
        return watch_log(folder, client)


def test_the_log_only_grows_and_every_agency_keeps_its_head(county):
    first = watch(county, "police")
    assert first.size > 0
    second = watch(county, "police")
    assert second.before == first.size
    assert second.size > first.size
    assert watch(county, "probation").size > second.size


def test_what_somebody_should_look_at_is_shown_until_it_was_looked_at(county, monkeypatch):
    monkeypatch.setenv("KINLINK_PASSPHRASE", county.passphrase)
    service = open_service(load_settings(county.data))
    with service.store.writing() as tx:
        for number in range(3):
            tell(tx, "police", f"silent-record-asked:prf-{number}", service.now())
        tell(tx, "probation", "gate-pass:probation", service.now())
    service.close()
    monkeypatch.setattr("agencies.alerts.PAGE", 2)

    def shown(*words):
        done = RUN.invoke(agency_app, ["alerts", "-C", str(county.root / "police"), *words])
        assert done.exit_code == 0, done.output
        return done.output

    listed = [line for line in shown().splitlines() if "silent" in line]
    assert [line.split("(")[-1].strip(" )") for line in listed] == ["prf-2", "prf-1", "prf-0"]
    assert "gate" not in shown()
    after = shown("--seen", listed[1].split()[0])
    assert "prf-1" not in after
    assert "prf-0" in after
    assert "(seen)" in shown("--all")


def test_a_head_that_the_service_did_not_sign_is_not_kept(county, monkeypatch):
    """Somebody between the agency and the service, with a log of their own that is in order."""
    watch(county, "police")
    kept = county.folder("police").place("local") / KEPT
    before, real = kept.read_text(), ServiceClient.json

    def between(self, method, path, **given):
        answer = real(self, method, path, **given)
        if path == "/v1/audit/consistency":
            shown = read_checkpoint(read_note(answer["checkpoint"]))
            answer["checkpoint"] = str(shown.sign(SigningKey.generate()))
        return answer

    monkeypatch.setattr(ServiceClient, "json", between)
    with pytest.raises(VerificationError, match="not signed by a key that is known here"):
        watch(county, "police")
    assert kept.read_text() == before


def test_a_log_that_was_rewritten_is_noticed(county):
    watch(county, "recovery")
    folder = county.folder("recovery")
    kept = folder.place("local") / KEPT
    genuine = kept.read_text()
    origin, size, _ = genuine.split("\n", 3)[:3]
    service = county.data / "keys" / "signing.jwk"
    key = SigningKey.from_dict(json.loads(service.read_text()))
    kept.write_text(
        str(cosign_note(Checkpoint(origin, int(size), bytes(32)).sign(key), "recovery", folder.signing_key))
    )
    with pytest.raises(VerificationError, match="changed or removed"):
        watch(county, "recovery")
    kept.write_text(str(Checkpoint(origin, 10**6, bytes(32)).sign(key)))
    with pytest.raises(VerificationError, match="somebody was shown 1000000"):
        watch(county, "recovery")
    kept.write_text(genuine)
    watch(county, "recovery")
