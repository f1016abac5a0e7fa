"""Runs migrations on the engine that `api.store.migrate` hands over."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

import api.store.tables
import api.store.tables_agreement
import api.store.tables_gate
import api.store.tables_people
import api.store.tables_work  # noqa: F401 - imported for their tables
from api.store.base import Base, UtcDateTime
from protocols.errors import InputError


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Write our own column types by name."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen_context.imports.add("from api.store.base import UtcDateTime")
        return "UtcDateTime()"
    return False


def unenforced(connection: Connection) -> None:
    """SQLite changes a table by making it anew: while it is gone, nothing may check what refers to it."""
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys = OFF")


def whole_again(connection: Connection) -> None:
    """Nothing refers to what is not there. Raises `InputError` before anything is committed."""
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise InputError("The migration would leave rows that refer to nothing.", next_step="Restore the last backup.")


engine = context.config.attributes["engine"]
with engine.connect() as connection:
    unenforced(connection)
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=render_item,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
        whole_again(connection)
    connection.commit()
    connection.invalidate()
