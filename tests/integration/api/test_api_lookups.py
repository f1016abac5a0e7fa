"""What is looked up with every answer, every request and every few seconds reads no table whole that grows for years."""

import json

import pytest
from sqlalchemy import event, text

from api.jobs import enqueue
from api.store.engine import make_engine
from api.watch import tick
from api.worker import Worker

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
GROWS = {
    "audit_entries",
    "audit_openings",
    "cells",
    "changes",
    "consents",
    "families",
    "links",
    "members",
    "profiles",
    "records",
    "submissions",
    "views",
}


@pytest.fixture
def looked_up(linked, tools):
    """Every statement, with parameters, of the work that never stops: answers, requests, ticks, and what is due each hour."""
    found = {}

    def keep(connection, cursor, statement, parameters, context, many):
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            found.setdefault(statement, parameters[0] if many else parameters)

    assert linked.ask("WB-20003").status_code == 200
    event.listen(linked.service.store.engine, "before_cursor_execute", keep)
    assert linked.ask("WB-20004").status_code == 200
    assert linked.call("workbook", "GET", "/v1/changes").status_code == 200
    tick(linked.service)
    while Worker(linked.service).one():
        pass
    with linked.service.store.writing() as tx:
        tx.agreement.rehearsals.as_of("personas")
        now = linked.service.now()
        tx.agreement.count_since(now)
        list(tx.agreement.answers_since(now))
        enqueue(tx.jobs, "retention", "again", now, "retention:again")
    event.remove(linked.service.store.engine, "before_cursor_execute", keep)
    assert len(found) > 40
    return linked, found


def whole_in_sqlite(connection, statement, parameters):
    """Tables that SQLite reads whole. The first rows in the order of an index are not that, if they are taken as they come."""
    first = "LIMIT" in statement and "WHERE" not in statement
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    scans = [row.detail for row in plan if row.detail.startswith("SCAN ")]
    return {detail.split()[1] for detail in scans if not (first and " USING " in detail)}


def whole_in_postgresql(connection, statement, parameters):
    """Tables that PostgreSQL cannot but read whole: what is small here would be read whole anyway, so that is forbidden to it."""
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    found, waiting = set(), [plan["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", ())
        if node["Node Type"] == "Seq Scan":
            found.add(node["Relation Name"])
    return found


# These read a table whole, each hour at most or where the matcher reads everything anyway.
KNOWN = {
    "SELECT families.family_ref": "closed cases: once an hour",
    "SELECT DISTINCT submissions.submission, links.record_ref": "sealed values without a link: once an hour",
}


@BOTH
def test_hot_lookups_use_an_index(looked_up):
    site, statements = looked_up
    engine = make_engine(site.settings.url)
    plan = whole_in_sqlite if engine.dialect.name == "sqlite" else whole_in_postgresql
    whole = {}
    for statement, parameters in statements.items():
        if statement.replace("\n", " ").startswith(tuple(KNOWN)):
            continue
        with engine.connect() as connection:
            tables = plan(connection, statement, parameters) & GROWS
        if tables:
            whole[statement] = tables
    engine.dispose()
    assert not whole, json.dumps({key: sorted(value) for key, value in whole.items()}, indent=1)
