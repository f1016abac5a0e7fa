"""The service as people run it: a process on loopback, killed, started twice, stopped; its log verifies afterwards."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from api_places import make_place

from api.audit_copy import check_copy
from protocols.audit.verify import read_key_file

KINLINK = [sys.executable, "-m", "kinlink"]


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINLINK_")}
    return kept | {"KINLINK_THREADS": "1"} | more


@contextmanager
def serving(data, log, **more):
    """`kinlink serve` in a process group of its own; whatever is left of the group is ended at the end."""
    data.joinpath("address").unlink(missing_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*KINLINK, "serve", "--data", str(data), "--port", "0"],
            stdout=sink,
            stderr=sink,
            env=environment(**more),
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while not (data / "address").exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        with_group(process, signal.SIGKILL)
        process.wait()


def with_group(process, number):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@pytest.fixture
def home(tmp_path, protocol, tools):
    """A data folder with every party registered, and a way to reach whatever serves it."""
    site = make_place(tmp_path, protocol)
    settings = site.settings

    with ExitStack() as stack:

        def reach():
            url = (settings.data_dir / "address").read_text()
            http = stack.enter_context(httpx2.Client(base_url=url, timeout=30, trust_env=False))
            return tools.Site(settings, http, site.parties, site.card, protocol)

        yield settings.data_dir, tmp_path / "serve.log", reach


def finished(site, run):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = site.call("operator", "GET", f"/v1/runs/{run}").json()
        if found["state"] in ("completed", "failed"):
            return found
        time.sleep(0.1)
    raise AssertionError("the run did not end")


def verify(data):
    report = check_copy(data / "kinlink.db", read_key_file(data / "log.vkey"))
    report.raise_for_findings()
    return report


def test_the_whole_way_survives_being_killed_and_nothing_secret_is_left_lying_about(home, county, tools):
    data, log, reach = home
    with serving(data, log) as process:
        site = reach()
        people = site.submission("social_care", county.social_care, county.declared)
        upload = site.announce("social_care", people)
        assert site.send_part("social_care", upload, people, 1).status_code == 204
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with serving(data, log) as process:
        site = reach()
        again = site.announce("social_care", people)
        assert again["received"] == [1]
        assert site.submit("social_care", people).status_code == 201
        assert site.submit("police", site.submission("police", county.police)).status_code == 201
        run = site.call("operator", "POST", "/v1/runs").json()["run_id"]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with serving(data, log) as process:
        site = reach()
        assert finished(site, run)["state"] == "completed"
        answer = site.ask("WB-20003")
        assert answer.status_code == 200
        second = subprocess.run(
            [*KINLINK, "serve", "--data", str(data)], capture_output=True, text=True, env=environment()
        )
        assert second.returncode == 17
        assert "Another process serves the data folder" in second.stderr
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    assert not (data / "address").exists()
    report = verify(data)
    assert report.signed == report.size
    lines = log.read_text()
    for personal in ("WB-20003", "SOCREF003M", "POLREF0030", "w-1", "session-1"):
        assert personal not in lines
    assert '"unlisted"' not in lines
    token = site.tokens["workbook"].encode()
    private = site.parties["police"].signing.as_dict()["d"].encode()
    for path in data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert token not in content
            assert private not in content
    modes = {path.stat().st_mode & 0o077 for folder in ("keys", "operator") for path in (data / folder).iterdir()}
    assert modes == {0}


def test_the_worker_ends_with_the_server_that_started_it(home):
    data, log, _ = home
    with serving(data, log) as process:
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
        worker = int(children.stdout.split()[0])
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and alive(worker):
            time.sleep(0.1)
        assert not alive(worker)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_slow_and_large_requests_are_cut_off(home):
    data, log, reach = home
    with serving(data, log, KINLINK_BODY_SECONDS="1", KINLINK_HEAD_SECONDS="1", KINLINK_HEADER_BYTES="8192"):
        site = reach()
        host, port = site.http.base_url.host, site.http.base_url.port
        token = site.token("police")
        head = f"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        with socket.create_connection((host, port), timeout=20) as never:
            never.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            assert b" 408 " in never.recv(4096).split(b"\r\n")[0]
        with socket.create_connection((host, port), timeout=20) as long:
            long.sendall(f"{head}X-Padding: {'a' * 20_000}\r\n\r\n".encode())
            assert b" 431 " in long.recv(4096).split(b"\r\n")[0]
        for beyond in (f"{head}X-Padding: {'a' * 400_000}\r\n\r\n".encode(), b"\x16\x03\x01 no request at all\r\n\r\n"):
            with socket.create_connection((host, port), timeout=20) as absurd:
                with suppress(OSError):
                    absurd.sendall(beyond)
                said = absurd.recv(4096)
                assert b" 400 " in said.split(b"\r\n")[0]
                assert b"application/problem+json" in said
        with socket.create_connection((host, port), timeout=20) as trickle:
            trickle.sendall(b"GET /v1/service HTTP/1.1\r\nHost: x\r\n")
            assert trickle.recv(4096) == b""
        assert site.http.get("/health/ready").json() == {"status": "ready"}


def test_run_and_status_by_command(home, county):
    data, log, reach = home
    with serving(data, log):
        site = reach()
        site.submit("social_care", site.submission("social_care", county.social_care, county.declared))
        site.submit("police", site.submission("police", county.police))
        started = kinlink("run", "start", "--wait", "--data", data)
        assert started.returncode == 0, started.stderr
        assert "completed" in started.stdout
        status = kinlink("run", "status", "--data", data)
        assert "police" in status.stdout
        shown = kinlink("service", "status", "--data", data)
        assert "60" in shown.stdout
    stopped = kinlink("run", "status", "--data", data)
    assert stopped.returncode == 15
    assert "No service is running" in stopped.stderr or "does not answer" in stopped.stderr


def kinlink(*words):
    return subprocess.run([*KINLINK, *map(str, words)], capture_output=True, text=True, env=environment())


def test_an_old_schema_is_refused_with_what_to_run(home):
    import sqlite3

    data, _, _ = home
    with sqlite3.connect(data / "kinlink.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    answer = kinlink("serve", "--data", data)
    assert answer.returncode == 11
    assert "kinlink migrate" in answer.stderr
    nowhere = kinlink("serve", "--data", data / secrets.token_hex(4))
    assert nowhere.returncode == 11
    assert "kinlink service init" in nowhere.stderr
