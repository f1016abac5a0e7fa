"""The demo's seven steps. Each is a list of commands that a person could run alone."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from config.resources import PROTOCOL_FILE
from kinlink.demo_stage import Call, Stage
from protocols.errors import Unavailable

AGENCIES = ("social_care", "police", "probation", "recovery", "mental_health", "health")
BLOCKED = 13
OVERRIDE = "These are made-up people. For real ones the sharing protocol's encoding would be changed first."
_READY_SECONDS = 30


def introduce_parties(stage: Stage, service: str, county: Path) -> None:
    """Folders, keys and cards; the county's extracts come into the agencies' folders."""
    stage.title(
        1,
        "Every party makes its folder and its keys, and shows its card",
        "Keys are made where they are used. A card holds public keys only; people compare its fingerprint out of band.",
    )
    protocol = "hertfordshire.yaml"
    shutil.copyfile(PROTOCOL_FILE, stage.home / protocol)
    stage.run([Call(("service", "init", "--data", "service", "--protocol", protocol, "--mode", "demo"))])
    at = ("--service", service, "--protocol", protocol)
    parties = [Call(("agency", "init", "-C", agency, "--agency", agency, *at)) for agency in AGENCIES]
    parties.append(Call(("workbook", "init", "-C", "workbook", "--council", "social_care", *at)))
    stage.run(parties, show=4)
    for agency in AGENCIES:
        shutil.copytree(county / agency, stage.home / agency, dirs_exist_ok=True)
    cards = [f"{party}/{party}.card" for party in (*AGENCIES, "workbook")]
    stage.run([Call(("service", "register", "--data", "service", *cards))])


def serve(stage: Stage, port: int) -> None:
    """Start the central service. It gets ready while the agencies share the secret."""
    stage.title(2, "The central service starts", "FastAPI on loopback, SQLite in a data directory, demo mode.")
    stage.start(Call(("serve", "--data", "service", "--port", str(port))), "service.log")


def share_the_secret(stage: Stage) -> None:
    """The key ceremony."""
    stage.title(
        3,
        "One agency makes the linkage secret and seals it to each of the others",
        "HPKE with ML-KEM-768 + X25519. The central service is no recipient: the command refuses its card.",
    )
    others = AGENCIES[1:]
    trusted = ("../service/service.card", "../workbook/workbook.card")
    stage.run([Call(("agency", "secret", "create"), "social_care")])
    stage.run(
        [Call(("agency", "trust", "--yes", *trusted, *(f"../{o}/{o}.card" for o in others)), "social_care")], show=2
    )
    stage.run(
        [Call(("agency", "secret", "seal", *(word for other in others for word in ("--to", other))), "social_care")]
    )
    stage.run(
        [Call(("agency", "trust", "--yes", *trusted, "../social_care/social_care.card"), o) for o in others], show=0
    )
    stage.run(
        [Call(("agency", "secret", "open", f"../social_care/outbox/{o}.sealed-secret"), o) for o in others], show=1
    )
    stage.run([Call(("workbook", "trust", "--yes", "../service/service.card"), "workbook")], show=0)


def wait_until_ready(stage: Stage, port: int) -> None:
    """Wait for the central service, as long as it lives."""
    process = stage.started[0]
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/health/ready", timeout=2).status_code == httpx2.codes.OK:
                return
        except httpx2.HTTPError:
            time.sleep(0.1)
    raise Unavailable("The central service did not start.", next_step=f"Read {stage.home / 'service.log'}.")


def submit(stage: Stage, *, attack: bool = True) -> None:
    """Check, attack, encode and submit, each agency in its own folder.

    An agency whose attack report blocks, or with too few people to `attack`, goes past the gate with a reason, for all officers to see.
    """
    stage.title(
        4,
        "Each agency checks its extract, attacks its own encodings, and submits",
        "A dry run with counts and row numbers; what an attacker would get; then CLKs sealed to the service, values to the Workbook.",
    )
    # The county's extracts bear one date for ever; handed over today, they are as fresh as any Monday's.
    extract = ("extract.csv", "--extract-date", datetime.now(UTC).date().isoformat())
    stage.run([Call(("agency", "check", *extract), agency) for agency in AGENCIES], show=8)
    blocked = set(AGENCIES)
    if attack:
        # 300 encodings of each agency: quick enough for a demo. A data protection officer takes the whole suite.
        attacks = [Call(("agency", "attack", *extract, "--quick"), agency, also=(BLOCKED,)) for agency in AGENCIES]
        blocked = {done.call.folder for done in stage.run(attacks, show=2) if done.code == BLOCKED}
    encode = ("agency", "encode", *extract)
    past = ("--override-report", OVERRIDE)
    calls = [Call((*encode, *(past if agency in blocked else ())), agency) for agency in AGENCIES]
    stage.run(calls, show=4)
    stage.run([Call(("agency", "submit"), agency) for agency in AGENCIES], show=2)


def link(stage: Stage) -> None:
    """A linking run, and how it stands."""
    stage.title(
        5,
        "A linking run",
        "Outwards from the declared members, one agency at a time; families are declared, never inferred.",
    )
    stage.run([Call(("run", "start", "--data", "service", "--wait"))])
    stage.run([Call(("run", "status", "--data", "service"))])


def ask(stage: Stage) -> None:
    """Four questions: two that differ by role, and one by a worker who is not on the case."""
    stage.title(
        6,
        "The Workbook asks",
        "The same family looks different to different roles, and nothing tells that anything was left out.",
    )
    asked = [
        Call(("workbook", "profile", "WB-20417", "--as", "social-worker"), "workbook"),
        Call(("workbook", "profile", "WB-20588", "--as", "da-victim-practitioner"), "workbook"),
        Call(("workbook", "profile", "WB-20588", "--as", "da-perpetrator-officer"), "workbook"),
        Call(
            ("workbook", "profile", "WB-20417", "--as", "social-worker", "--worker", "w-20588-sw"),
            "workbook",
            expect=14,
        ),
    ]
    stage.run(asked)


def verify(stage: Stage) -> None:
    """Export the audit log and check the copy offline."""
    stage.title(
        7,
        "Anybody with a copy checks the audit log",
        "Offline, from a copy of the database: root, gaps, checkpoints, completeness.",
    )
    stage.run([Call(("audit", "export", "--data", "service", "--out", "audit-copy"))], show=2)
    stage.run([Call(("audit", "verify", "audit-copy", "--key", "service/log.vkey"))])
