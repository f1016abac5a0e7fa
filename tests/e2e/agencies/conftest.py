"""A real service process on loopback, and agencies with real folders that use it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from founding import PASSPHRASE, found, introduce, share_secret

from agencies.folder import AgencyFolder
from agencies.secret import create_secret
from api.admin import init_service
from api.service import open_service
from api.settings import load_settings
from config.resources import COUNTY_DATA, PROTOCOL_FILE

AGENCIES = ("social_care", "police", "probation", "recovery")
_READY_SECONDS = 60


@dataclass
class County:
    """Folders of four agencies and the Workbook, the service's data folder, and the process that serves it."""

    root: Path
    port: int
    process: subprocess.Popen[bytes]
    passphrase: str = PASSPHRASE

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.root / "service"

    def folder(self, name: str) -> AgencyFolder:
        return AgencyFolder(self.root / name, PASSPHRASE.encode)

    def extract(self, name: str) -> Path:
        return self.root / name / "extract.csv"

    def restart(self) -> None:
        """After the service was killed: serve the same data again."""
        self.process = _serve(self.root, self.port)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    root = tmp_path_factory.mktemp("county")
    protocol = root / "protocol.yaml"
    # Small parts, so that a small file has many.
    text = PROTOCOL_FILE.read_text()
    assert "upload_part_bytes: 8388608" in text
    protocol.write_text(text.replace("upload_part_bytes: 8388608", "upload_part_bytes: 131072"))
    port = _free_port()
    for name in AGENCIES:
        shutil.copytree(COUNTY_DATA / name, root / name)
    folders = found(root, AGENCIES, f"http://127.0.0.1:{port}", protocol)
    init_service(root / "service", protocol, mode="demo")
    service = open_service(load_settings(root / "service"))
    try:
        introduce(folders, service, root / "service" / "service.card")
    finally:
        service.close()
    create_secret(folders["social_care"], 1)
    share_secret(folders, AGENCIES[1:])
    made = County(root, port, _serve(root, port))
    try:
        yield made
    finally:
        made.process.terminate()
        try:
            made.process.wait(20)
        except subprocess.TimeoutExpired:
            made.process.kill()
            made.process.wait()


def _serve(root: Path, port: int) -> subprocess.Popen[bytes]:
    with (root / "service.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kinlink", "serve", "--data", str(root / "service"), "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError((root / "service.log").read_text()[-2000:])
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/health/ready", timeout=2, trust_env=False).status_code == 200:
                return process
        except httpx2.HTTPError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the service did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
