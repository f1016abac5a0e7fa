"""The schema's history: bring a database to this version's schema, and refuse to work on any other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from api.store.engine import WRITES, make_engine
from protocols.errors import InputError, Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(engine: Engine | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config


def newest() -> str:
    """The schema that this version of the code needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise InputError("The installation has no migrations.", next_step="Install it again.")
    return head


def present(engine: Engine) -> str | None:
    """The schema that a database has; None for an empty one. Raises `Unavailable` if there is no database."""
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise Unavailable(
            "The database does not answer.", next_step="Check that it runs and that its address is right."
        ) from error
    except DatabaseError as error:
        raise Unavailable(
            "The database is damaged, or is none.", next_step="Keep a copy of it, then restore the last backup."
        ) from error


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the database to the newest schema; returns the schema before and after. One process does it at a time."""
    engine = make_engine(url)
    try:
        before = present(engine)
        _refuse_unknown(before)
        command.upgrade(_config(engine.execution_options(**{WRITES: True})), "head")
        return before, newest()
    finally:
        engine.dispose()


def check_schema(engine: Engine) -> None:
    """Raise `InputError` unless the database has exactly the schema that this version needs."""
    found, needed = present(engine), newest()
    _refuse_unknown(found)
    if found != needed:
        raise InputError(
            f"The database has schema `{found or 'none'}`; this version of Kinlink needs `{needed}`.",
            next_step="Stop the service; make a backup with the version that it had until now; then run `kinlink migrate`.",
        )


def _refuse_unknown(found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise InputError(
            f"The database has schema `{found}`, which is newer than this version of Kinlink.",
            next_step="Install the version of Kinlink that made it, or a later one.",
        )
