"""Backup and restore. A backup is one file: the database as SQLite (whatever it runs on), the submissions in use, a signed list.

The private keys are not in it unless asked for: who has a backup without them has ciphertext and pseudonymised encodings that stay
sealed. A restored service checks the log before it carries on, and says in the log where it carries on from.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, Table, insert, select, text

import api.store.tables
import api.store.tables_people
import api.store.tables_work  # noqa: F401 - imported for their tables
from api.admin import OPERATOR_KEY, renew_operator
from api.audit_copy import DATABASE, check_copy, check_copy_store
from api.audit_log import sign_checkpoint
from api.data_folder import DataFolder
from api.service import SEALING_FILE, SIGNING_FILE, Service, ServiceKeys, open_service
from api.settings import SETTINGS_FILE, Settings, load_settings
from api.store.base import Base
from api.store.engine import make_engine, sqlite_url
from api.store.migrate import migrate
from protocols.audit.events.agreement import ServiceRestored
from protocols.audit.note import NoteKey
from protocols.errors import InputError, KeyProblem, Unavailable, VerificationError
from protocols.signing import VerifyingKey

FORMAT = "kinlink-backup/1"
LIST = "backup.json"
_PLAIN = ("service.card", "log.vkey", SETTINGS_FILE)
_BATCH = 2_000
_TRIES = 3


def back_up(service: Service, target: Path, with_keys: bool) -> dict[str, Any]:
    """Write a backup of a service that may be running; returns its list. Raises `InputError` if the file is there already."""
    if target.exists():
        raise InputError(f"`{target}` is there already.", next_step="Name another file.")
    with service.store.writing() as tx:
        sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
            return _written(service, Path(scratch), partial, target, with_keys)
    except OSError as error:
        raise Unavailable(
            "The backup cannot be written.",
            next_step="Name a file in a folder that is there and is yours, with room on its disk.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _written(service: Service, scratch: Path, partial: Path, target: Path, with_keys: bool) -> dict[str, Any]:
    for attempt in range(_TRIES):
        copy = scratch / f"{attempt}.db"
        _copy_database(service.store.engine, copy)
        files = {DATABASE: copy, **_other_files(service, with_keys)}
        missing = [name for name in _needed(copy) if not service.folder.submission(name).is_file()]
        if not missing:
            files |= {f"submissions/{name}.zip": service.folder.submission(name) for name in _needed(copy)}
            break
    else:
        raise Unavailable("Submissions are deleted faster than they can be copied.", next_step="Try again.")
    listed = {name: _sha256(path) for name, path in sorted(files.items())}
    body = {"format": FORMAT, "made_at": service.now().isoformat(), "origin": service.settings.origin, "files": listed}
    data = json.dumps(body, sort_keys=True).encode()
    signed = scratch / LIST
    signed.write_text(service.keys.signing.sign(data, typ="kinlink-backup+jws"), "ascii")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as sink, tarfile.open(fileobj=sink, mode="w") as archive:
        archive.add(signed, LIST, recursive=False, filter=_anonymous)
        for name, path in sorted(files.items()):
            archive.add(path, name, recursive=False, filter=_anonymous)
        sink.flush()
        os.fsync(sink.fileno())
    partial.replace(target)
    return body


def _anonymous(item: tarfile.TarInfo) -> tarfile.TarInfo:
    item.uid = item.gid = 0
    item.uname = item.gname = ""
    item.mode = 0o600
    return item


def _other_files(service: Service, with_keys: bool) -> dict[str, Path]:
    files = {name: service.folder.root / name for name in _PLAIN}
    if with_keys:
        files |= {f"keys/{name}": service.folder.keys / name for name in (SIGNING_FILE, SEALING_FILE)}
        files |= {f"operator/{path.name}": path for path in service.folder.operator.iterdir()}
    return {name: path for name, path in files.items() if path.is_file()}


def _needed(copy: Path) -> list[str]:
    """The submissions whose files the database of a backup speaks of."""
    query = (
        "SELECT DISTINCT c.source FROM chains c JOIN submissions s ON s.submission = c.submission "
        "WHERE s.state IN ('received', 'current') AND s.encodings_purged_at IS NULL ORDER BY c.source"
    )
    with closing(sqlite3.connect(copy)) as database:
        return [name for (name,) in database.execute(query)]


def _copy_database(engine: Engine, target: Path) -> None:
    """One state of the database as a SQLite file without anything that was deleted."""
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.rollback()
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - the dialect's driver
            raw.execute("VACUUM INTO ?", (str(target),))
        return
    migrate(sqlite_url(target))
    copy = make_engine(sqlite_url(target))
    try:
        copy_rows(engine, copy)
    finally:
        copy.dispose()


def copy_rows(source: Engine, target: Engine) -> None:
    """Copy every row of one state of a database into another that has the same schema and no rows."""
    reading = source.execution_options(isolation_level="REPEATABLE READ") if source.dialect.name != "sqlite" else source
    with reading.connect() as rows, target.begin() as sink:
        sink.execute(text("DELETE FROM audit_head"))
        for table in Base.metadata.sorted_tables:
            for batch in _batches(rows.execute(select(table)).mappings()):
                sink.execute(insert(table), batch)
            _go_on_counting(sink, table)


def _batches(rows: Any) -> Iterator[list[dict[str, Any]]]:
    for part in rows.partitions(_BATCH):
        yield [dict(row) for row in part]


def _go_on_counting(connection: Any, table: Table) -> None:
    """Let PostgreSQL's counters go on after the rows that were copied."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key.columns:
        if column.autoincrement is True:
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - our own names
                    f"COALESCE((SELECT max({column.name}) FROM {table.name}), 1))"
                )
            )


def restore(backup: Path, data_dir: Path, keys: Path | None, **given: object) -> Settings:
    """Make a data folder from a backup and check it: every file, the whole log, completeness. Raises `VerificationError`.

    `keys` is the folder with the private keys, unless they are in the backup. The service goes on where the backup was made.
    """
    if data_dir.exists() and any(data_dir.iterdir()):
        raise InputError(f"`{data_dir}` is not empty.", next_step="Name a folder that is not there yet.")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _unpack(backup, data_dir)
        folder = DataFolder(data_dir)
        folder.create()
        for name in (SIGNING_FILE, SEALING_FILE) if keys else ():
            shutil.copyfile(keys / name, folder.keys / name)  # type: ignore[operator]
            (folder.keys / name).chmod(0o600)
        if not (folder.keys / SIGNING_FILE).is_file():
            raise InputError(
                "The private keys are not in the backup.",
                next_step="Name the folder with the service's own, as they were kept apart, with `--keys`.",
            )
        signing = ServiceKeys.read(folder).signing.public
        body = _check_list(data_dir, signing)
        copy = data_dir / DATABASE
        check_copy(copy, NoteKey.of(str(body["origin"]), signing)).raise_for_findings()
        migrate(sqlite_url(copy))  # the backup may be of an older version
        gaps = check_copy_store(copy) or []
        if gaps:
            raise VerificationError(f"The backup does not fit its log: {gaps[0]}.", next_step="Use another backup.")
        settings = load_settings(data_dir, **given)
        if not settings.url.startswith("sqlite"):
            _into(settings.url, copy)
        _carry_on(settings)
    except BaseException as error:
        # What is left would look like a service, and could be started on a database that another one is using.
        shutil.rmtree(data_dir, ignore_errors=True)
        if isinstance(error, OSError | tarfile.TarError):
            raise InputError("The backup or the keys cannot be read.", next_step="Check the files.") from error
        raise
    return settings


def _unpack(backup: Path, data_dir: Path) -> None:
    with tarfile.open(backup) as archive:
        for item in archive:
            parts = Path(item.name).parts
            if not item.isfile() or len(parts) > 2 or ".." in parts or Path(item.name).is_absolute():
                raise VerificationError("The backup holds something that no backup holds.", next_step="Use another.")
            source = archive.extractfile(item)
            assert source is not None  # noqa: S101 - it is a file
            path = data_dir.joinpath(*parts)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def _check_list(data_dir: Path, key: VerifyingKey) -> dict[str, Any]:
    """Check the signature of the backup's list and every file in it."""
    try:
        token = (data_dir / LIST).read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise VerificationError("The file is not a backup.", next_step="Use another.") from error
    try:
        body: dict[str, Any] = json.loads(key.verify(token, what="backup's signature"))
    except VerificationError as error:
        raise KeyProblem(
            "The backup was not made by the service whose keys these are, or its list was altered.",
            next_step="Give the keys of the service that made it.",
        ) from error
    expected = {*body["files"], LIST, f"keys/{SIGNING_FILE}", f"keys/{SEALING_FILE}"}
    present = {str(path.relative_to(data_dir)) for path in data_dir.rglob("*") if path.is_file()}
    if present - expected:
        raise VerificationError("The backup holds something that is not on its list.", next_step="Use another backup.")
    for name, digest in body["files"].items():
        if name not in present or _sha256(data_dir / name) != digest:
            raise VerificationError(
                f"`{name}` of the backup is missing or was altered.", next_step="Use another backup."
            )
    (data_dir / LIST).unlink()
    return body


def _into(url: str, copy: Path) -> None:
    """Bring the rows of a backup into PostgreSQL."""
    migrate(url)
    source, target = make_engine(sqlite_url(copy), read_only=True), make_engine(url)
    try:
        with target.connect() as connection:
            if connection.execute(text("SELECT count(*) FROM audit_entries")).scalar_one():
                raise InputError("The database is not empty.", next_step="Restore into a new one.")
        copy_rows(source, target)
    finally:
        source.dispose()
        target.dispose()
    copy.unlink()


def _carry_on(settings: Settings) -> None:
    service = open_service(settings)
    try:
        with service.store.writing() as tx:
            size = tx.audit.size()
            root = tx.audit.root(size).hex()
            tx.audit.append(ServiceRestored(actor="operator", size=size, root=root))
            # A session that was ended, or a token that was taken away, since the backup would be good again.
            tx.people.forget_everybody()
            tx.identity.forget_tokens()
            if not (settings.folder.operator / OPERATOR_KEY).is_file():  # it was not in the backup
                renew_operator(service, tx)
            sign_checkpoint(tx.audit, settings.origin, service.keys.signing)
    finally:
        service.close()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
