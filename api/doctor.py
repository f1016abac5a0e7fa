"""A look at everything that can be wrong with an installation, each with what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.production import missing
from api.service import Service, ServiceKeys, open_service
from api.settings import Settings
from protocols.audit.checkpoint import open_checkpoint
from protocols.audit.entries import read_entry
from protocols.errors import KinlinkError

LEAST_FREE = 1 << 30
OLDEST_CHECKPOINT = timedelta(hours=1)
OTHERS = ("PASSPHRASE", "PASSPHRASE_FILE", "TRACEBACK")
OLDEST_SWEEP = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `ok`, `warning` or `problem`, and what to do."""

    what: str
    state: str
    detail: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Nothing is changed, and nothing that is looked at is secret."""
    found = [*_machine(settings), *_folder(settings)]
    try:
        service = open_service(settings)
    except KinlinkError as error:
        return [*found, Finding("database", "problem", str(error))]
    try:
        return [*found, *_store(service)]
    finally:
        service.close()


def _machine(settings: Settings) -> Iterator[Finding]:
    version = sys.version.split()[0]
    good = (3, 11) <= sys.version_info < (3, 14)
    yield Finding("Python", "ok" if good else "problem", version)
    unknown = sorted(name for name in os.environ if name.startswith("KINLINK_") and not _known(name))
    if unknown:
        yield Finding("settings", "warning", f"nothing reads {', '.join(unknown)}: a slip of the pen?")
    for item in missing(settings):
        yield Finding(f"{settings.mode} mode", "problem", f"missing: {item}")
    free = shutil.disk_usage(settings.data_dir if settings.data_dir.exists() else settings.data_dir.anchor).free
    state = "ok" if free > LEAST_FREE else "warning"
    yield Finding("disk", state, f"{free >> 20} MiB free")


def _known(name: str) -> bool:
    """Whether something reads a variable of the environment: a setting that is misspelt would leave its default in force."""
    rest = name.removeprefix("KINLINK_")
    return rest.lower() in Settings.model_fields or rest in OTHERS or rest.startswith("TEST_")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.folder
    try:
        ServiceKeys.read(folder)
    except KinlinkError as error:
        yield Finding("keys", "problem", str(error))
        return
    loose = [
        path.name
        for place in (folder.keys, folder.operator)
        for path in (place, *place.iterdir())
        if path.stat().st_mode & 0o077 or path.stat().st_uid != os.getuid()
    ]
    if loose:
        yield Finding(
            "keys",
            "problem",
            f"others may read {', '.join(sorted(loose))}; make them this user's alone (chmod 700, 600)",
        )
    else:
        yield Finding("keys", "ok", "readable by this user only")


def _store(service: Service) -> Iterator[Finding]:
    with service.store.reading() as tx:
        live, clients, size = tx.identity.live_protocol(), tx.identity.clients(), tx.audit.size()
        note, stuck, newest = (
            tx.audit.last_checkpoint(),
            tx.jobs.overdue(service.now() - timedelta(minutes=5)),
            tx.submissions.newest(),
        )
        last, first = tx.audit.last_at(), read_entry(tx.audit.body(0) or b"").at
        swept, failed = tx.jobs.last("retention"), tx.jobs.failed()
    yield Finding("database", "ok", f"{service.store.engine.dialect.name}, {size} log entries")
    yield Finding(
        "sharing protocol",
        "ok" if live else "problem",
        f"{live.protocol} version {live.version}" if live else "none is in force",
    )
    if live is not None:
        parties = {party.id for party in service.protocols.load(live).document.parties}
        registered = {item.client for item in clients if item.revoked_at is None}
        absent = sorted(parties - registered)
        yield Finding(
            "parties",
            "warning" if absent else "ok",
            f"not registered: {', '.join(absent)}" if absent else "all registered",
        )
        yield Finding(
            "Workbook",
            "ok" if "workbook" in registered else "problem",
            "" if "workbook" in registered else "not registered",
        )
    yield from _log(service, note, size)
    if last is not None and last > service.now():
        yield Finding("clock", "problem", "behind the audit log: set it right, or nothing is released")
    else:
        yield Finding("clock", "ok", "not behind the audit log")
    yield _worker(stuck, swept or first, service.now())
    if failed:
        yield Finding(
            "jobs", "problem", f"failed or given up: {', '.join(failed)}; the audit log and the alerts say why"
        )
    yield Finding("submissions", "ok" if newest else "warning", f"{len(newest)} agencies have one in use")


def _worker(stuck: int, swept: datetime, now: datetime) -> Finding:
    """A worker asks for the hourly deletion by itself, so one that is not there leaves no job waiting."""
    if stuck:
        return Finding("worker", "problem", f"{stuck} jobs wait for more than five minutes: is a worker running?")
    if now - swept > OLDEST_SWEEP:
        since = f"{swept:%Y-%m-%d %H:%M}"
        return Finding("worker", "problem", f"nothing was deleted on schedule since {since}: is a worker running?")
    return Finding("worker", "ok")


def _log(service: Service, note: str | None, size: int) -> Iterator[Finding]:
    if note is None:
        yield Finding("audit log", "warning", "no checkpoint was signed yet")
        return
    try:
        checkpoint = open_checkpoint(note, service.log_key)
    except KinlinkError as error:
        yield Finding("audit log", "problem", str(error))
        return
    with service.store.reading() as tx:
        fits = tx.audit.root(checkpoint.size) == checkpoint.root
    behind = size - checkpoint.size
    yield Finding(
        "audit log",
        "ok" if fits else "problem",
        f"the last checkpoint fits; {behind} entries after it"
        if fits
        else "the last checkpoint does not fit: run `kinlink audit verify`",
    )
