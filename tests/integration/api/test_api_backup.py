"""A backup is restored, checked and carried on from, on either database; what was altered is refused."""

import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import text
from typer.testing import CliRunner

from api.app import create_app
from api.backup import back_up, restore
from api.cli import audit_app, service_app
from api.doctor import examine
from api.service import open_service
from api.store.migrate import _config
from protocols.errors import InputError, KeyProblem, KinlinkError, VerificationError
from protocols.signing import SigningKey

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
RUN = CliRunner()
FAMILY = "WB-20003"


@pytest.fixture
def backup(linked, tmp_path):
    linked.ask(FAMILY)
    out = tmp_path / "one.backup"
    back_up(linked.service, out, with_keys=True)
    return out


def opened(settings, site, tools):
    service = open_service(settings)
    http = TestClient(create_app(service), raise_server_exceptions=False)
    return tools.Site(settings, http, site.parties, service.keys.card, site.protocol, service)


@BOTH
@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_restore_verify_and_carry_on(linked, backup, tools, tmp_path, into, request):
    given = {}
    if into == "postgresql":
        given["database_url"] = SecretStr(request.getfixturevalue("postgres")())
    settings = restore(backup, tmp_path / "again", None, **given)
    again = opened(settings, linked, tools)
    try:
        report = tools.verified(again)
        assert report.size > tools.verified(linked).size
        restored = tools.events(again, "service:instance:restored")
        assert len(restored) == 1
        assert again.ask(FAMILY).status_code == 200
        assert tools.link(again)["state"] == "completed"
        people = linked.county.police[:-1]
        assert again.submit("police", again.submission("police", people)).status_code == 201
        changes = again.call("workbook", "GET", "/v1/changes", params={"limit": 1000}).json()["changes"]
        assert len({item["cursor"] for item in changes}) == len(changes)
        found = RUN.invoke(service_app, ["status", "--data", str(settings.data_dir)]) if not given else None
        assert found is None or found.exit_code == 0
    finally:
        again.http.close()
        again.service.close()


def test_keys_stay_out_unless_asked_for(linked, tmp_path):
    out = tmp_path / "two.backup"
    back_up(linked.service, out, with_keys=False)
    private = linked.service.keys.signing.as_dict()["d"].encode()
    assert private not in out.read_bytes()
    assert out.stat().st_mode & 0o077 == 0
    with pytest.raises(KinlinkError, match="keys are not in the backup"):
        restore(out, tmp_path / "without", None)
    settings = restore(out, tmp_path / "with", linked.settings.folder.keys)
    assert settings.folder.database.exists()
    with pytest.raises(InputError, match="there already"):
        back_up(linked.service, out, with_keys=False)


def test_whoever_was_sent_away_since_the_backup_does_not_come_back_with_it(linked, tmp_path, tools):
    """A session that was ended, or a token that was taken away, after the backup would be good again."""
    person = linked.sign_in("dpo-1", ["police:data-protection-officer"])
    assert person.get("/v1/me").status_code == 200
    headers = {"Authorization": f"Bearer {linked.new_token('police')}"}
    out = tmp_path / "one.backup"
    back_up(linked.service, out, with_keys=True)
    again = opened(restore(out, tmp_path / "again", None), linked, tools)
    try:
        assert again.http.get("/v1/submissions", headers=headers).status_code == 401
        again.http.cookies.update(person.cookies)
        assert again.http.get("/v1/me").status_code == 401
        assert again.ask_token("police").status_code == 200
        with again.service.store.reading() as tx:
            assert tx.people.sessions() == []
    finally:
        again.http.close()
        again.service.close()


def test_the_operator_has_a_credential_after_a_restore_from_keys_kept_apart(linked, tmp_path, tools):
    """The private keys alone open no run: without a credential of its own the restored service could not carry on."""
    out = tmp_path / "one.backup"
    back_up(linked.service, out, with_keys=False)
    again = opened(restore(out, tmp_path / "again", linked.settings.folder.keys), linked, tools)
    try:
        assert again.ask_token("operator").status_code == 401
        key = SigningKey.from_dict(json.loads((again.settings.folder.operator / "signing.jwk").read_text()))
        assert again.ask_token("operator", key=key).status_code == 200
        tools.verified(again)
    finally:
        again.http.close()
        again.service.close()


def rewritten(backup, target, change):
    with tarfile.open(backup) as source, tarfile.open(target, "w") as sink:
        scratch = target.with_name("member")
        for item in source:
            data = source.extractfile(item).read()
            scratch.write_bytes(change(item.name, data))
            sink.add(scratch, item.name)
    return target


def test_a_backup_that_was_altered_is_refused(linked, backup, tmp_path):
    def flip(wanted):
        return lambda name, data: data[:-5] + b"xxxxx" if name.startswith(wanted) else data

    for number, wanted in enumerate(["kinlink.db", "submissions/", "backup.json"]):
        altered = rewritten(backup, tmp_path / f"altered-{number}", flip(wanted))
        with pytest.raises((VerificationError, KeyProblem)):
            restore(altered, tmp_path / f"into-{number}", None)
    evil = tmp_path / "evil"
    with tarfile.open(evil, "w") as sink:
        (tmp_path / "x").write_text("x")
        sink.add(tmp_path / "x", "../outside")
    with pytest.raises(VerificationError):
        restore(evil, tmp_path / "into-evil", None)
    assert not (tmp_path / "outside").exists()
    other = tmp_path / "other-keys"
    shutil.copytree(linked.settings.folder.keys, other)
    from api.data_folder import DataFolder
    from api.service import ServiceKeys

    folder = DataFolder(tmp_path / "other")
    folder.create()
    ServiceKeys.generate().write(folder)
    with pytest.raises(KeyProblem):
        restore(backup, tmp_path / "into-other", folder.keys)
    with pytest.raises(InputError, match="not empty"):
        restore(backup, linked.settings.data_dir, None)


def test_by_command(linked, tmp_path):
    linked.service.close()
    out, data = tmp_path / "three.backup", str(linked.settings.data_dir)
    made = RUN.invoke(service_app, ["backup", str(out), "--data", data])
    assert made.exit_code == 0, made.exception
    keys = str(linked.settings.folder.keys)
    done = RUN.invoke(service_app, ["restore", str(out), "--data", str(tmp_path / "new"), "--keys", keys])
    assert done.exit_code == 0, done.exception
    assert "the audit log verifies" in done.output


def test_the_doctor_names_what_is_wrong(linked, tmp_path):
    data = str(linked.settings.data_dir)
    linked.service.close()
    with_parties_missing = RUN.invoke(service_app, ["doctor", "--data", data])
    assert "not registered: camhs, education" in with_parties_missing.output.replace("\n", "")
    assert with_parties_missing.exit_code == 0, with_parties_missing.output
    (linked.settings.folder.keys / "signing.jwk").chmod(0o644)
    loose = RUN.invoke(service_app, ["doctor", "--data", data])
    assert isinstance(loose.exception, InputError)
    assert "others may read signing.jwk" in loose.output.replace("\n", " ")
    nowhere = RUN.invoke(service_app, ["doctor", "--data", str(tmp_path / "none")])
    assert isinstance(nowhere.exception, InputError)


@BOTH
def test_a_clock_that_was_set_back_stops_every_release(linked, monkeypatch):
    real = linked.service.store.clock
    assert linked.ask(FAMILY).status_code == 200
    with linked.service.store.reading() as tx:
        last = tx.audit.last_at()
    monkeypatch.setattr(linked.service.store, "clock", lambda: real() - timedelta(seconds=30))
    assert linked.ask(FAMILY).status_code == 200
    with linked.service.store.reading() as tx:
        assert tx.audit.last_at() == last
    monkeypatch.setattr(linked.service.store, "clock", lambda: real() - timedelta(minutes=3))
    answer = linked.ask(FAMILY)
    assert answer.status_code in (401, 503)
    with pytest.raises(KinlinkError, match="behind its own audit log"), linked.service.store.writing() as tx:
        tx.identity.revoke("police", datetime.now(UTC))
    with linked.service.store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM profiles")).scalar_one() == 2


def test_a_restore_that_fails_leaves_nothing_that_could_be_started(linked, backup, tmp_path):
    """Nor does it on a database that is in use: a second service on it would be the worst of all."""
    for given in ({"database_url": SecretStr("mysql://x")}, {"mode": "neither"}):
        with pytest.raises(KinlinkError):
            restore(backup, tmp_path / "again", None, **given)
        assert not (tmp_path / "again").exists()


def test_what_was_put_into_a_backup_is_refused(backup, tmp_path):
    with tarfile.open(backup, "a") as archive:
        extra = tmp_path / "settings"
        extra.write_text("{}")
        archive.add(extra, "submissions/sub-more.zip")
    with pytest.raises(VerificationError, match="not on its list"):
        restore(backup, tmp_path / "again", None)
    assert not (tmp_path / "again").exists()


@BOTH
def test_the_log_in_a_backup_is_checked_as_it_is(linked, backup):
    """On PostgreSQL a backup is the copy of the database that an auditor gets."""
    key = str(linked.settings.data_dir / "log.vkey")
    answer = RUN.invoke(audit_app, ["verify", str(backup), "--key", key])
    assert answer.exit_code == 0, answer.exception
    assert "The audit log verifies" in answer.output
    assert "Complete" in answer.output
    backup.write_bytes(b"\xff\xfe\x00 neither")
    assert isinstance(RUN.invoke(audit_app, ["verify", str(backup), "--key", key]).exception, VerificationError)


def test_the_doctor_misses_a_worker_that_leaves_no_job_waiting(linked, monkeypatch):
    def worker():
        return next(item for item in examine(linked.settings) if item.what == "worker")

    assert worker().state == "ok"
    now = datetime.now(UTC) + timedelta(hours=3)
    monkeypatch.setattr("api.doctor.open_service", lambda settings: open_service(settings, lambda: now))
    assert (worker().state, "is a worker running?" in worker().detail) == ("problem", True)


def test_a_database_that_is_damaged_is_said(linked):
    linked.service.close()
    linked.settings.folder.database.write_bytes(b"junk" * 4096)
    found = next(item for item in examine(linked.settings) if item.what == "database")
    assert (found.state, "damaged" in found.detail) == ("problem", True)
    answer = linked.http.get("/v1/service")
    assert (answer.status_code, "damaged" in answer.json()["detail"]) == (503, True)


def test_a_backup_of_an_older_version_is_checked_and_restored(linked, tools, tmp_path):
    """Made before an upgrade that went wrong, it is the one that is needed."""
    linked.ask(FAMILY)
    tools.verified(linked)
    command.downgrade(_config(linked.service.store.engine), "0109")
    out = tmp_path / "older.backup"
    back_up(linked.service, out, with_keys=True)
    key = str(linked.settings.data_dir / "log.vkey")
    checked = RUN.invoke(audit_app, ["verify", str(out), "--key", key])
    assert checked.exit_code == 0, checked.output
    assert "Complete" in checked.output
    again = opened(restore(out, tmp_path / "again", None), linked, tools)
    try:
        assert again.ask(FAMILY).status_code == 200
        tools.verified(again)
    finally:
        again.http.close()
        again.service.close()
