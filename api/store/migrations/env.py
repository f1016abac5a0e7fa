"""Runs migrations on the engine that `api.store.migrate` hands over."""

from typing import Any, Literal

from alembic import context

import api.store.tables
import api.store.tables_people
import api.store.tables_work  # noqa: F401 - imported for their tables
from api.store.base import Base, UtcDateTime


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Write our own column types by name."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen_context.imports.add("from api.store.base import UtcDateTime")
        return "UtcDateTime()"
    return False


engine = context.config.attributes["engine"]
with engine.connect() as connection:
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
    connection.commit()
