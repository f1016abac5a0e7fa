"""The whole way, once, with real processes: a small county with canaries in every extract, and a wire that records all."""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from ruamel.yaml import YAML

from agencies.folder import AgencyFolder
from agencies.passphrase import FILE_VARIABLE
from agencies.secret import linkage_secret
from config.county import generate, writing
from kinlink import demo_steps
from kinlink.demo_stage import Stage

sys.path.insert(0, str(Path(__file__).parent))

# In no other record, and in no word list: if one of these is anywhere outside its agency, it leaked from there.
CANARY = {
    "given_name": "Quixozanary",
    "family_name": "Vantabluewood",
    "address": "77 Zyzzyvabird Row",
    "postcode": "SG99 9ZQ",
    "date_of_birth": "1983-07-29",
    "nhs_number": "9990102481",
}
SEARCHED = (
    "Quixozanary",
    "Vantabluewood",
    "Zyzzyvabird",
    "9990102481",
    "SG999ZQ",
    "SG99 9ZQ",
    "19830729",
    "1983-07-29",
)


class Wire(threading.Thread):
    """Forwards connections to the service and keeps every byte that the agencies and the Workbook send."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.sent = bytearray()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.port)) as server:
            back = threading.Thread(target=self._pass, args=(server, client, False), daemon=True)
            back.start()
            self._pass(client, server, True)
            back.join()

    def _pass(self, source: socket.socket, target: socket.socket, keep: bool) -> None:
        with suppress(OSError):
            while block := source.recv(1 << 16):
                if keep:
                    with self.lock:
                        self.sent += block
                target.sendall(block)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@dataclass
class Whole:
    """What is left after the whole way: the parties' folders, what was printed, what went over the wire."""

    home: Path
    printed: str
    sent: bytes
    secret: bytes
    service: str
    canaries: tuple[str, ...] = SEARCHED

    @property
    def data(self) -> Path:
        return self.home / "service"

    @property
    def database(self) -> Path:
        return self.data / "kinlink.db"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def add_canary(folder: Path) -> None:
    """One more person in an agency's extract, in that agency's own columns."""
    mapping = YAML(typ="safe").load((folder / "mapping.yaml").read_text(encoding="utf-8"))
    delimiter, encoding = mapping["file"]["delimiter"], mapping["file"]["encoding"]
    path = folder / "extract.csv"
    header = path.read_bytes().decode(encoding).lstrip("\ufeff").splitlines()[0]
    columns = [name.strip('"') for name in header.split(delimiter)]
    row = dict.fromkeys(columns, "") | {mapping["record"]: "CANARY00001"}
    for field, column in mapping["identifiers"].items():
        row[column[0] if isinstance(column, list) else column] = CANARY.get(field, "")
    quote = '"' if header.startswith('"') else ""
    line = delimiter.join(quote + row[name] + quote for name in columns) + "\n"
    with path.open("ab") as target:
        target.write(line.encode(encoding.replace("-sig", "")))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    home = tmp_path_factory.mktemp("whole")
    county = tmp_path_factory.mktemp("county")
    writing.write(generate.county(families=120), county)
    for agency in demo_steps.AGENCIES:
        add_canary(county / agency)
    (home / "passphrase").write_text("a long passphrase for the tests\n")
    before = os.environ.get(FILE_VARIABLE)
    os.environ[FILE_VARIABLE] = str(home / "passphrase")
    printed = io.StringIO()
    stage = Stage(home, Console(file=printed, width=120, highlight=False, soft_wrap=True))
    port = free_port()
    wire = Wire(port)
    wire.start()
    try:
        with stage.curtain():
            demo_steps.introduce_parties(stage, wire.address, county)
            demo_steps.serve(stage, port)
            demo_steps.share_the_secret(stage)
            demo_steps.wait_until_ready(stage, port)
            demo_steps.submit(stage, attack=False)
            demo_steps.link(stage)
            demo_steps.ask(stage)
            demo_steps.verify(stage)
            yield Whole(
                home,
                printed.getvalue(),
                bytes(wire.sent),
                linkage_secret(AgencyFolder(home / "police"), 1),
                wire.address,
            )
    finally:
        wire.listener.close()
        if before is None:
            os.environ.pop(FILE_VARIABLE)
        else:
            os.environ[FILE_VARIABLE] = before
