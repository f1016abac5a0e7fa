"""Ask, decide, log, answer: what the Workbook is told, what it is not, and that both are on record."""

import asyncio
import base64
import hashlib
import json
import threading
import zlib
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import text

from api.admin import retire_key
from api.profiles import busy
from protocols.catalogue import decode_value
from protocols.profile import Profile
from protocols.sealing import open_box, open_cell
from protocols.signing import SigningKey
from protocols.submission import box_context, cell_context
from protocols.vocabulary import Purpose, RoleFunction, State

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY = "WB-20003"


def told(answer):
    assert answer.status_code == 200, answer.text
    return Profile.read(answer.content, "profile")


def at(profile, member, agency):
    found = next(item for item in profile.members if item.record_ref == member)
    return next(item for item in found.agencies if item.agency == agency)


def opened(site, profile, agency, value):
    """What the Workbook reads in a released value, with its own private key."""
    key = next(item for item in profile.keys if item.id == value.key)
    about = box_context("workbook", agency.agency, key.protocol_digest, key.epoch)
    data_key = open_box(base64.b64decode(key.box), site.parties["workbook"].sealing, about)
    context = cell_context(agency.agency, value.record_ref, value.attribute, value.as_at, key.protocol_digest)
    attribute = next(item for item in site.protocol.document.attributes if item.id == value.attribute)
    return decode_value(attribute, open_cell(base64.b64decode(value.sealed), data_key, context))


@BOTH
def test_a_worker_on_the_case_is_told_and_the_workbook_opens_it(linked, tools):
    profile = told(linked.ask(FAMILY))
    police = at(profile, "SOCREF003M", "police")
    assert police.state is State.RELEASED
    values = {value.attribute: opened(linked, profile, police, value) for value in police.values}
    assert values["police.da_incidents_12m"] == {"count": 1}
    assert {key.agency for key in profile.keys} == {"police", "social_care"}
    health = at(profile, "SOCREF003M", "health")
    assert (health.state, health.values) == (State.SOURCE_UNAVAILABLE, ())
    answered = tools.events(linked, "profile:family:answered")
    assert len(answered) == 1
    assert answered[0].facts["released"] == sum(len(a.values) for m in profile.members for a in m.agencies)
    assert FAMILY.encode() not in answered[0].canonical()
    tools.verified(linked)


def test_every_value_has_its_decision_on_record_before_it_is_told(linked):
    answer = linked.ask(FAMILY)
    profile = told(answer)
    with linked.service.store.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM profiles")).one()
        opening = connection.execute(
            text("SELECT value FROM audit_openings WHERE entry = :entry AND field = 'decisions'"), {"entry": row.entry}
        ).scalar_one()
        views = {row.link: row.released for row in connection.execute(text("SELECT link, released FROM views"))}
    assert answer.headers["kinlink-profile"] == row.profile
    salt, body = row.decisions[:16], zlib.decompress(row.decisions[16:])
    assert hashlib.sha256(salt + body).hexdigest() == opening
    kept = {(item["member"], item["agency"]): item for item in json.loads(body)}
    for member in profile.members:
        for agency in member.agencies:
            item = kept[member.record_ref, agency.agency]
            assert item["released"] == [value.attribute for value in agency.values]
            granted = {line[1] for line in item["decisions"] if line[2] == "granted"}
            assert {value.attribute for value in agency.values} <= granted
            assert all(value.decision_id.startswith(row.profile) for value in agency.values)
    assert sum(views.values()) == sum(len(a.values) for m in profile.members for a in m.agencies)


REFUSALS = {
    "unknown family": ({"family": "WB-99999"}, "unknown-family"),
    "not on the case": ({"worker": "w-2"}, "not-allocated"),
    "another function": ({"role": RoleFunction.TEAM_MANAGER}, "not-allocated"),
    "another case named": ({"case": "WB-20004"}, "other-case"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_whole_questions_are_refused_alike_logged_and_alerted(linked, tools, name):
    given, why = REFUSALS[name]
    answer = linked.ask(**({"family": FAMILY} | given))
    plain = linked.ask("WB-88888")
    assert answer.status_code == plain.status_code == 403
    assert {k: v for k, v in answer.json().items() if k != "instance"} == {
        k: v for k, v in plain.json().items() if k != "instance"
    }
    first = tools.events(linked, "profile:family:refused")[0]
    assert first.facts["reason"] == why
    alert = tools.events(linked, "alert:access:raised")[0]
    assert alert.facts["recipient"] == "social_care"
    assert alert.facts["about"] == f"question-refused:{why}"
    with linked.service.store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alerts")).scalar_one() == 2
        assert connection.execute(text("SELECT count(*) FROM profiles")).scalar_one() == 0


def test_an_allocation_that_ended_or_has_not_begun_does_not_count(site, tools, county):
    first, second = county.declared[:2]
    ended = first.allocations[0].model_copy(update={"until": tools.today - timedelta(days=1)})
    coming = second.allocations[0].model_copy(update={"since": tools.today + timedelta(days=1)})
    county.declared[0] = first.model_copy(update={"allocations": (ended,)})
    county.declared[1] = second.model_copy(update={"allocations": (coming,)})
    county.run(site)
    assert [site.ask(f"WB-2000{number}").status_code for number in range(3)] == [403, 403, 200]


def test_a_worker_assertion_must_be_the_workbooks_own(linked):
    foreign = linked.ask(FAMILY, key=SigningKey.generate())
    assert foreign.status_code == 401
    agency = linked.ask(FAMILY, key=linked.parties["police"].signing)
    assert agency.status_code == 401
    without = linked.call("workbook", "GET", f"/v1/families/{FAMILY}/profile")
    assert without.status_code == 422
    other = linked.ask(FAMILY, params={"purpose": "family-support"})
    assert other.status_code == 422
    same = linked.ask(FAMILY, params={"purpose": "safeguarding"})
    assert same.status_code == 200


@pytest.mark.parametrize(("hours", "status"), [(1, 200), (11, 200), (13, 401), (-1, 401)])
def test_a_worker_has_signed_in_not_too_long_ago(linked, hours, status):
    at = datetime.now(UTC) - timedelta(hours=hours)
    headers = linked.worker_header(FAMILY, at=at)
    answer = linked.call("workbook", "GET", f"/v1/families/{FAMILY}/profile", headers=headers)
    assert answer.status_code == status, answer.text


def test_an_alias_is_the_same_family(site, county):
    county.declared[3] = county.declared[3].model_copy(update={"aliases": ("WB-OLD3",)})
    county.run(site)
    assert told(site.ask("WB-OLD3", case="WB-OLD3")).family_ref == FAMILY


def resubmitted(site, tools, change):
    """Police submit again with one record changed; nothing is linked again."""
    people = [change(person) if person.ref == "POLREF0030" else person for person in site.county.police]
    answer = site.submit("police", site.submission("police", [person for person in people if person]))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"hold": "COURT_ORDER"},
        {"flags": {"silent": True}},
        {"flags": {"deceased": True}},
        None,
    ],
    ids=["held", "silent", "deceased", "taken back"],
)
def test_what_an_agency_stops_is_stopped_at_the_next_question(linked, tools, change):
    before = at(told(linked.ask(FAMILY)), "SOCREF003M", "police")
    assert before.state is State.RELEASED

    def changed(person):
        return None if change is None else tools.Person(**(vars(person) | change))

    resubmitted(linked, tools, changed)
    after = at(told(linked.ask(FAMILY)), "SOCREF003M", "police")
    stranger = at(told(linked.ask(FAMILY)), "SOCREF003M", "recovery")
    assert (after.state, after.values) == (State.NOTHING_TO_SHARE, ())
    assert stranger.state is State.SOURCE_UNAVAILABLE
    others = at(told(linked.ask(FAMILY)), "SOCREF003F", "police")
    assert others.state is State.RELEASED


def test_a_withdrawn_submission_is_not_released_any_more(linked):
    current = linked.call("police", "GET", "/v1/submissions").json()[0]
    assert current["state"] == "current"
    linked.call("police", "POST", f"/v1/submissions/{current['id']}/withdraw")
    assert at(told(linked.ask(FAMILY)), "SOCREF003M", "police").state is State.SOURCE_UNAVAILABLE


def test_stale_stages_release_nothing_until_they_are_confirmed(linked, monkeypatch):
    assert at(told(linked.ask(FAMILY)), "SOCREF003M", "police").values
    real = linked.service.store.clock
    minutes = linked.protocol.document.feeds.stage_minutes
    with linked.service.store.engine.begin() as connection:
        connection.execute(text("DELETE FROM feeds"))
        old = (real() - timedelta(minutes=minutes + 2)).replace(tzinfo=None)
        connection.execute(text("UPDATE families SET confirmed_at = :old"), {"old": old})
    stale = told(linked.ask(FAMILY))
    assert not [a for m in stale.members for a in m.agencies if a.values]
    confirmed = linked.call("social_care", "POST", "/v1/families/confirmation")
    assert confirmed.json()["families"] == 60
    assert at(told(linked.ask(FAMILY)), "SOCREF003M", "police").values


@pytest.mark.parametrize("feed", ["stages", "roles"])
@pytest.mark.parametrize("minutes", [-17, 60], ids=["too long ago", "in time to come"])
def test_either_feed_alone_stops_every_release(linked, feed, minutes):
    """Confirmed too long ago, or, because a clock was wrong, in time to come."""
    confirmed = (datetime.now(UTC) + timedelta(minutes=minutes)).replace(tzinfo=None)
    with linked.service.store.engine.begin() as connection:
        changed = connection.execute(
            text("UPDATE feeds SET confirmed_at = :at WHERE feed = :feed"), {"at": confirmed, "feed": feed}
        )
        connection.execute(text("UPDATE families SET confirmed_at = '2026-01-01 00:00:00.000000'"))
    assert changed.rowcount == 1
    assert not [a for m in told(linked.ask(FAMILY)).members for a in m.agencies if a.values]


def test_too_many_questions_of_one_worker_are_refused(linked, tools, monkeypatch):
    monkeypatch.setattr("api.routes.profiles.service_of", limited_to(linked.service, 2))
    statuses = [linked.ask(FAMILY).status_code for _ in range(5)]
    assert statuses == [200, 200, 429, 429, 429]
    assert [event.facts["reason"] for event in tools.events(linked, "profile:family:refused")] == ["too-many-questions"]
    (alert,) = linked.call("social_care", "GET", "/v1/alerts").json()
    assert alert["about"] == "question-refused:too-many-questions"
    assert linked.ask(FAMILY, worker="w-9").status_code == 403


def test_emergencies_that_are_tried_out_count_as_questions(linked, tools, monkeypatch):
    """A refused emergency tells nothing, and nobody may try families out with it for ever."""
    monkeypatch.setattr("api.routes.break_glass.service_of", limited_to(linked.service, 2))
    body = {"reason": "CURIOSITY", "explanation": "Trying references out.", "manager": "w-boss"}
    statuses = []
    for number in range(4):
        family = f"WB-2999{number}"
        given = {"json": body | {"family_ref": family}, "headers": linked.worker_header(family)}
        statuses.append(linked.call("workbook", "POST", "/v1/break-glass", **given).status_code)
    assert statuses == [403, 403, 429, 429]
    reasons = [event.facts["reason"] for event in tools.events(linked, "profile:family:refused")]
    assert reasons == ["unknown-family", "unknown-family", "too-many-questions"]


def test_questions_wait_their_turn_and_hold_nothing_else_up(linked, monkeypatch):
    """Six at once: each is answered, one after the other, and the service is alive in between."""
    import api.routes.profiles as route

    real, under_way, most, at_once = route._ask, 0, [], threading.Lock()

    def watched(*given):
        nonlocal under_way
        with at_once:
            under_way += 1
            most.append(under_way)
        answer = real(*given)
        with at_once:
            under_way -= 1
        return answer

    monkeypatch.setattr(route, "_ask", watched)

    async def ask_all():
        done = []

        async def ask(http, path, headers):
            answer = await http.get(path, headers=headers)
            done.append(path)
            return answer.status_code

        transport = httpx2.ASGITransport(app=linked.http.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as http:
            token = {"Authorization": f"Bearer {linked.token('workbook')}"}
            headers = [token | linked.worker_header(FAMILY) for _ in range(6)]
            questions = [ask(http, f"/v1/families/{FAMILY}/profile", each) for each in headers]
            statuses = await asyncio.gather(*questions, ask(http, "/health/live", {}))
        return statuses, done

    statuses, done = asyncio.run(ask_all())
    assert statuses == [200] * 7
    assert len(most) == 6
    assert max(most) == 1
    assert done[-1] != "/health/live"


def limited_to(service, most):
    real = service.limiter.question
    service.limiter.question = lambda worker, _: real(worker, most)
    return lambda request: service


def test_an_answer_that_was_overtaken_is_decided_again(linked, tools, monkeypatch):
    """A hold arrives between the decision and its record: the answer that is given knows of it."""
    import api.routes.profiles as route

    real, raced = route.decide, []

    def racing(*given):
        answer = real(*given)
        if not raced:
            raced.append(True)
            resubmitted(linked, tools, lambda person: tools.Person(**(vars(person) | {"hold": "OBJECTION"})))
        return answer

    monkeypatch.setattr(route, "decide", racing)
    assert at(told(linked.ask(FAMILY)), "SOCREF003M", "police").state is State.NOTHING_TO_SHARE
    assert len(tools.events(linked, "profile:family:answered")) == 1


@pytest.mark.parametrize("change", ["key", "agreement"])
def test_a_key_or_an_agreement_that_ends_in_the_meantime_ends_the_answer(linked, tools, monkeypatch, change):
    """Both are read again with everything else, in the view of the database that the answer is decided in."""
    import api.routes.profiles as route

    real, raced = route.decide, []

    def racing(*given):
        answer = real(*given)
        if not raced:
            raced.append(True)
            if change == "key":
                retire_key(linked.service, linked.parties["workbook"].signing.public.kid)
            else:
                with linked.service.store.writing() as tx:
                    tx.session.execute(text("UPDATE protocols SET state = 'suspended' WHERE state = 'live'"))
                    tx.session.execute(text("UPDATE audit_head SET generation = generation + 1"))
        return answer

    monkeypatch.setattr(route, "decide", racing)
    assert linked.ask(FAMILY).status_code == {"key": 401, "agreement": 503}[change]
    assert not tools.events(linked, "profile:family:answered")


def test_a_family_that_never_holds_still_is_not_answered(linked, tools, monkeypatch):
    import api.routes.profiles as route

    monkeypatch.setattr(route, "MOST_TRIES", 0)
    answer = linked.ask(FAMILY)
    assert answer.status_code == busy().status == 409
    assert not tools.events(linked, "profile:family:answered")


def test_all_answers_have_a_length_of_few_sizes(linked):
    lengths = {len(linked.ask(f"WB-2000{number}").content) % 16_384 for number in range(4)}
    assert lengths == {0}


def test_purposes_that_are_not_agreed_release_nothing(linked):
    profile = told(linked.ask(FAMILY, purpose=Purpose.GROUP_SUPERVISION))
    safeguarding = told(linked.ask(FAMILY))
    values = [sum(len(a.values) for m in p.members for a in m.agencies) for p in (profile, safeguarding)]
    assert values[0] <= values[1]


def test_changes_are_read_by_cursor(linked, tools):
    first = linked.call("workbook", "GET", "/v1/changes", params={"limit": 50}).json()
    assert len(first["changes"]) == 50
    assert first["more"]
    rest = linked.call("workbook", "GET", "/v1/changes", params={"since": first["cursor"], "limit": 1000}).json()
    assert not rest["more"]
    kinds = {item["kind"] for item in first["changes"] + rest["changes"]}
    assert kinds == {"submission", "family", "links"}
    assert [c["cursor"] for c in first["changes"]] == sorted({c["cursor"] for c in first["changes"]})
    after = linked.call("workbook", "GET", "/v1/changes", params={"since": rest["cursor"]}).json()
    assert after == {"changes": [], "cursor": rest["cursor"], "more": False}
    assert len(tools.events(linked, "profile:changes:read")) == 3
