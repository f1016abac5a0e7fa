"""The store is the same on SQLite and PostgreSQL: whole transactions, an append-only log, a schema that is known."""

import threading

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.store.engine import WRITES, make_engine
from api.store.migrate import _config, check_schema, migrate, newest, present
from api.store.store import Store
from protocols.audit.entries import read_entry
from protocols.audit.events.linking import FamilyClosed, RunRequested
from protocols.audit.merkle import nodes_of, root
from protocols.errors import InputError, Unavailable

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def url(database, tmp_path):
    return database["database_url"].get_secret_value() if database else f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def store(url):
    migrate(url)
    made = Store(make_engine(url))
    yield made
    made.close()


def run_event(number):
    return RunRequested(actor="operator", run=f"run-{number}")


@BOTH
@pytest.mark.parametrize("table", ["audit_entries", "audit_checkpoints", "audit_nodes"])
def test_the_database_itself_refuses_to_change_the_log(store, table):
    with store.writing() as tx:
        for number in range(256):
            tx.audit.append(run_event(number))
        tx.audit.add_checkpoint(256, "note")
    column = {"audit_entries": "leaf", "audit_checkpoints": "note", "audit_nodes": "hash"}[table]
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):  # noqa: S608
        with pytest.raises(DBAPIError, match="append-only"), store.engine.begin() as connection:
            connection.execute(text(statement))
    if store.engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="append-only"), store.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {table} CASCADE"))


@BOTH
def test_a_transaction_that_fails_leaves_neither_change_nor_entry(store):
    with store.writing() as tx:
        tx.audit.append(run_event(0))
    with pytest.raises(ZeroDivisionError), store.writing() as tx:
        tx.audit.append(run_event(1))
        tx.submissions.set_key_check("p", 1, "v", "police")
        raise ZeroDivisionError
    with store.writing() as tx:
        assert tx.submissions.key_check("p", 1) is None
        assert tx.audit.append(run_event(2)) == 1


@BOTH
def test_an_entry_cannot_be_added_in_a_transaction_that_only_reads(store):
    with pytest.raises(InputError), store.reading() as tx:
        tx.audit.append(run_event(0))


@BOTH
def test_the_tree_of_the_database_is_the_tree_of_its_leaves(store):
    with store.writing() as tx:
        for number in range(1100):
            tx.audit.append(run_event(number))
    with store.reading() as tx:
        leaves = [row.leaf for row, _ in tx.audit.rows(1100)]
        for size in (0, 1, 255, 256, 257, 512, 1023, 1024, 1100):
            assert tx.audit.root(size) == root(size, nodes_of(leaves))


@BOTH
def test_writers_at_the_same_time_make_one_chain(store):
    problems = []

    def write(name):
        try:
            for number in range(20):
                with store.writing() as tx:
                    tx.audit.append(run_event(f"{name}-{number}"))
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    with store.reading() as tx:
        entries = [read_entry(row.body) for row, _ in tx.audit.rows(tx.audit.size())]
        leaves = [row.leaf.hex() for row, _ in tx.audit.rows(tx.audit.size())]
    assert [entry.index for entry in entries] == list(range(80))
    assert [entry.previous for entry in entries[1:]] == leaves[:-1]
    assert len({entry.facts["run"] for entry in entries}) == 80


@BOTH
def test_personal_data_can_be_forgotten_and_the_entry_stays(store):
    with store.writing() as tx:
        first = tx.audit.append(FamilyClosed(actor="social_care", family="WB-1"))
        tx.audit.append(FamilyClosed(actor="social_care", family="WB-2"))
    with store.reading() as tx:
        assert tx.audit.entries_about("family", "WB-1") == [first]
        before = tx.audit.root(2)
    with store.writing() as tx:
        tx.audit.forget([first], run_event(0))
    with store.reading() as tx:
        assert tx.audit.entries_about("family", "WB-1") == []
        assert tx.audit.entries_about("family", "WB-2") == [1]
        assert tx.audit.root(2) == before


@BOTH
def test_only_events_that_decide_make_a_new_generation(store):
    from protocols.audit.events.parties import TokenIssued

    with store.writing() as tx:
        tx.audit.append(FamilyClosed(actor="social_care", family="WB-1"))
        first = tx.audit.generation()
        tx.audit.append(TokenIssued(actor="police", signing_key="k", scope="s"))
        assert tx.audit.generation() == first == 1
        tx.audit.append(FamilyClosed(actor="social_care", family="WB-1"))
        assert tx.audit.generation() == 3


@BOTH
def test_the_history_makes_the_schema_that_the_code_describes(url):
    migrate(url)
    engine = make_engine(url)
    command.check(_config(engine))
    engine.dispose()


@BOTH
def test_migrations_go_back_and_forth(url):
    migrate(url)
    engine = make_engine(url)
    command.downgrade(_config(engine), "base")
    assert present(engine) is None
    engine.dispose()
    assert migrate(url) == (None, newest())


@BOTH
def test_a_migration_keeps_what_refers_to_a_table_that_is_made_anew(url):
    engine = make_engine(url).execution_options(**{WRITES: True})
    command.upgrade(_config(engine), "0003")
    at = "2026-11-01 00:00:00"
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO protocols VALUES ('d', 'p', 1, 'text', 'loaded', :at, NULL)"),
            {"at": at},
        )
        connection.execute(
            text(
                "INSERT INTO submissions VALUES ('s', 'police', 1, 'f', '{}', 'd', 1, 'k', 'b', '2026-11-01', 'current', "
                "'r', :at, NULL, NULL)"
            ),
            {"at": at},
        )
    engine.dispose()
    migrate(url)
    after = make_engine(url)
    with after.connect() as connection:
        assert connection.execute(text("SELECT state FROM protocols")).scalar_one() == "draft"
        assert connection.execute(text("SELECT protocol_digest FROM submissions")).scalar_one() == "d"
    after.dispose()


@BOTH
def test_reports_of_rehearsals_are_kept_when_rehearsals_become_jobs(url):
    migrate(url)
    engine = make_engine(url).execution_options(**{WRITES: True})
    command.downgrade(_config(engine), "0109")
    at, report = "2026-11-01 00:00:00", "r" * 64
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO protocols VALUES ('d', 'p', 1, 'text', 'draft', :at, NULL)"), {"at": at})
        connection.execute(
            text("INSERT INTO rehearsals VALUES (:report, 'd', :at, 7, '{}')"), {"report": report, "at": at}
        )
    kept = text("SELECT report, digest FROM rehearsals")
    command.upgrade(_config(engine), "head")
    with engine.connect() as connection:
        assert connection.execute(kept).all() == [(report, "d")]
        assert connection.execute(text("SELECT state, report_body FROM rehearsals")).all() == [("completed", "{}")]
    command.downgrade(_config(engine), "0109")
    with engine.connect() as connection:
        assert connection.execute(kept).all() == [(report, "d")]
    engine.dispose()


@BOTH
def test_an_older_or_newer_schema_is_refused_with_what_to_run(url):
    engine = make_engine(url)
    with pytest.raises(InputError, match="schema `none`") as none:
        check_schema(engine)
    assert "kinlink migrate" in none.value.next_step
    command.upgrade(_config(engine), "0001")
    with pytest.raises(InputError, match="schema `0001`"):
        check_schema(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="newer than this version"):
        check_schema(engine)
    with pytest.raises(InputError, match="newer than this version"):
        migrate(url)
    engine.dispose()


def test_a_database_that_is_not_there_is_said(tmp_path):
    engine = make_engine(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(Unavailable, match="does not answer"):
        check_schema(engine)
    engine.dispose()
    for address in ("mysql://x/y", "not an address"):
        with pytest.raises(InputError):
            make_engine(address)


@BOTH
def test_what_the_database_refuses_is_said_in_a_sentence(store):
    with store.writing() as tx:
        tx.jobs.add("job-1", "key", "retention", "x", store.clock())
    with pytest.raises(InputError, match="already waiting"), store.writing() as tx:
        tx.jobs.add("job-2", "key", "retention", "x", store.clock())
