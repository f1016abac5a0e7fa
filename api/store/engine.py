"""Database engines: what SQLite and PostgreSQL each need so that the same code is safe on both."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from protocols.errors import InputError

WRITES = "kinlink_writes"
BUSY_MILLISECONDS = 10_000


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite+pysqlite:///{path}"


def read_only_address(path: Path) -> str:
    """How a SQLite file is opened so that nothing is written beside it; with its write-ahead log, if that was copied too."""
    alone = not path.with_name(f"{path.name}-wal").exists()
    return f"file:{path}?mode=ro" + ("&immutable=1" if alone else "")


def make_engine(url: str, read_only: bool = False) -> Engine:
    """An engine for `url` (SQLite or PostgreSQL). Nothing is opened yet. Raises `InputError` for another database.

    A SQLite file that is opened `read_only` is not touched at all, not even for its lock.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError(
            "The database's address is not a URL.",
            next_step="Write `postgresql+psycopg://…` or leave it out for SQLite.",
        ) from None
    if parsed.get_backend_name() == "sqlite" and read_only:
        address = read_only_address(Path(parsed.database or ""))
        return create_engine(
            "sqlite+pysqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool
        )
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed, connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000}, pool_use_lifo=True
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_pre_ping=True, pool_use_lifo=True, pool_size=10, max_overflow=20)
    raise InputError(
        f"The database `{parsed.get_backend_name()}` is not supported.",
        next_step="Use SQLite or PostgreSQL 16 or later.",
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Take over transactions from the driver; wait for locks; sync every commit to disk; really erase what is deleted."""
    raw: sqlite3.Connection = connection
    raw.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "foreign_keys = ON",
        "secure_delete = ON",
        "temp_store = MEMORY",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start of a transaction that writes: a lock that is upgraded midway can deadlock."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
