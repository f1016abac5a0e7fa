"""A delta changes the agency's newest submission and nothing else; together they are linked, answered and deleted as one."""

import json

import pytest
from sqlalchemy import text

from api.jobs import enqueue
from api.kept_run import forget_deleted
from protocols.profile import Profile
from protocols.vocabulary import State

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY, MOTHER, FATHER = "WB-20003", "SOCREF003M", "SOCREF003F"


def newest(site):
    return site.call("police", "GET", "/v1/submissions").json()[0]["id"]


def delta(site, people, removed, **changed):
    return site.submit("police", site.submission("police", people, removed=removed, base=newest(site), **changed))


def state(site, member):
    profile = Profile.read(site.ask(FAMILY).content, "profile")
    found = next(item for item in profile.members if item.record_ref == member)
    return next(item for item in found.agencies if item.agency == "police")


def totals(site, tools):
    run = tools.link(site)
    assert run["state"] == "completed", run
    return run["totals"]["police"]["certain"]


@BOTH
def test_a_delta_puts_and_removes_and_everything_else_stays(linked, tools):
    before = totals(linked, tools)
    changed = next(person for person in linked.county.police if person.ref == "POLREF0031")
    changed.values["police.da_incidents_12m"] = {"count": 9}
    new = tools.Person("POLNEWREF1", [tools.clk(99_999)])
    answer = delta(linked, [changed, new], ["POLREF0030"])
    assert answer.status_code == 201, answer.text
    assert state(linked, MOTHER).state is State.NOTHING_TO_SHARE
    assert totals(linked, tools) == before - 1
    father = state(linked, FATHER)
    assert father.state is State.RELEASED
    again = totals(linked, tools)
    assert again == before - 1
    tools.verified(linked)
    with linked.service.store.engine.connect() as connection:
        refs = set(
            connection.execute(
                text("SELECT record_ref FROM records WHERE submission = :s"), {"s": newest(linked)}
            ).scalars()
        )
    assert refs == {person.ref for person in linked.county.police} - {"POLREF0030"} | {"POLNEWREF1"}


def test_values_of_both_files_open_under_their_own_keys(linked, tools):
    import base64

    from protocols.sealing import open_box, open_cell
    from protocols.submission import box_context, cell_context

    changed = next(person for person in linked.county.police if person.ref == "POLREF0031")
    delta(linked, [changed], [])
    totals(linked, tools)
    profile = Profile.read(linked.ask(FAMILY).content, "profile")
    keys = {key.id: key for key in profile.keys if key.agency == "police"}
    assert len(keys) == 2
    for member in profile.members:
        for agency in member.agencies:
            for value in agency.values if agency.agency == "police" else ():
                key = keys[value.key]
                about = box_context("workbook", "police", key.protocol_digest, key.epoch)
                data_key = open_box(base64.b64decode(key.box), linked.parties["workbook"].sealing, about)
                context = cell_context("police", value.record_ref, value.attribute, value.as_at, key.protocol_digest)
                assert open_cell(base64.b64decode(value.sealed), data_key, context)


def test_a_delta_on_a_delta_and_the_file_below_are_kept_until_both_go(linked, tools):
    first = newest(linked)
    delta(linked, [], ["POLREF0040"])
    second = newest(linked)
    totals(linked, tools)
    delta(linked, [], ["POLREF0050"])
    totals(linked, tools)
    kept = {path.stem for path in linked.settings.folder.submissions.iterdir()}
    assert {first, second, newest(linked)} <= kept
    full = linked.submission("police", linked.county.police)
    assert linked.submit("police", full).status_code == 201
    totals(linked, tools)
    with linked.service.store.writing() as tx:
        enqueue(tx.jobs, "retention", "again", linked.service.now())
    tools.work(linked)
    kept = {path.stem for path in linked.settings.folder.submissions.iterdir()}
    assert newest(linked) in kept
    assert not {first, second} & kept


def test_the_list_says_which_submission_a_delta_stands_on(linked):
    full = newest(linked)
    delta(linked, [], ["POLREF0040"])
    listed = linked.call("police", "GET", "/v1/submissions").json()
    assert [(item["kind"], item["base"]) for item in listed] == [("delta", full), ("full", None)]


def test_deltas_that_do_not_fit_are_refused(linked, tools):
    people = [tools.Person("POLNEWREF1", [tools.clk(99_999)])]
    base = newest(linked)
    for given, what in [
        ({"base": "sub-" + "0" * 24}, "the agency's newest submission here is"),
        ({"base": base, "removed": ["NOSUCHREF1"]}, "removes 1 records that are not there"),
        ({"base": base, "removed": ["POLNEWREF1"]}, "appears more than once"),
        ({"base": base, "removed": None}, "A full submission names a base"),
    ]:
        path = linked.submission("police", people, **({"removed": []} | given))
        answer = linked.submit("police", path)
        assert answer.status_code == 422
        assert what in answer.json()["detail"], answer.json()["detail"]
    health = [tools.Person("HEAREF0001", [tools.clk(1)])]
    first = linked.submit("health", linked.submission("health", health, removed=[], base=base))
    assert "There is no submission of this agency" in first.json()["detail"]
    assert newest(linked) == base


def test_after_a_delta_only_what_is_new_is_compared_and_the_links_are_the_same(linked, tools, logs):
    """The worker remembers the last run; one that was started afresh compares everything and finds the same."""

    def links():
        with linked.service.store.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT link, grade, evidence FROM links WHERE state = 'active' ORDER BY link")
            )
            return [tuple(row) for row in rows]

    def searched():
        lines = [json.loads(line) for line in logs.getvalue().splitlines()]
        return [line["why"] for line in lines if line["event"] == "agency linked"]

    totals(linked, tools)
    changed = next(person for person in linked.county.police if person.ref == "POLREF0031")
    changed.clks[0] = tools.noisy(changed.clks[0], 20, seed=5)
    assert delta(linked, [changed, tools.Person("POLNEWREF1", [tools.clk(99_999)])], ["POLREF0030"]).status_code == 201
    totals(linked, tools)
    assert searched()[-1] == ("only what is new since the last run is compared: encodings of 0 people and 2 records")
    remembering = links()
    linked.service.kept_run = None
    totals(linked, tools)
    assert "only what is new" not in searched()[-1]
    assert links() == remembering


@BOTH
def test_a_delta_opens_its_own_file_and_no_other(linked, tools):
    """What the worker opened for the last run and the cells of records that are as they were are not read again."""
    before = totals(linked, tools)
    base = newest(linked)
    changed = next(person for person in linked.county.police if person.ref == "POLREF0031")
    changed.values["police.da_incidents_12m"] = {"count": 9}
    assert delta(linked, [changed], []).status_code == 201
    linked.settings.folder.submission(base).unlink()
    assert totals(linked, tools) == before
    mother, father = state(linked, MOTHER), state(linked, FATHER)
    assert (mother.state, father.state) == (State.RELEASED, State.RELEASED)
    assert {value.key for value in mother.values}.isdisjoint(value.key for value in father.values)
    assert totals(linked, tools) == before


def test_the_worker_forgets_the_last_run_when_its_encodings_are_deleted(linked, tools):
    totals(linked, tools)
    forget_deleted(linked.service)
    kept = linked.service.kept_run
    assert kept is not None
    assert kept.chains["police"] == (newest(linked),)
    with linked.service.store.engine.begin() as connection:
        connection.execute(
            text("UPDATE submissions SET encodings_purged_at = :now WHERE submission = :s"),
            {"now": linked.service.now(), "s": newest(linked)},
        )
    forget_deleted(linked.service)
    assert linked.service.kept_run is None
