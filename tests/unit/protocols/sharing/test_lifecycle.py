"""The life of a version: who may do what, in what order, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from protocols.errors import Refusal
from protocols.lifecycle import (
    TRANSITIONS,
    Act,
    Deed,
    Office,
    Standing,
    Status,
    Verdict,
    act_on,
    diagram,
    missing_approvals,
    open_objections,
    replay,
    required_advice,
    required_approvals,
)
from protocols.load import LoadedProtocol

START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
DIGEST = "a" * 64
REHEARSAL = "b" * 64
DAY = date(2026, 11, 20)


def act(deed: Deed, office: Office, agency: str = "social_care", **more: Any) -> Act:
    """An act by whoever holds that office at that agency."""
    said = {"digest": DIGEST, "person": f"{office}.{agency}", "at": START, "reasons": "because"}
    return Act.model_validate({**said, "deed": deed, "office": office, "agency": agency, **more})


def advice(agency: str, verdict: Verdict = Verdict.SUPPORT, **more: Any) -> Act:
    """A data protection officer's advice."""
    return act(Deed.ADVISE, Office.DATA_PROTECTION_OFFICER, agency, verdict=verdict, **more)


def approvals(loaded: LoadedProtocol) -> Iterator[Act]:
    """All approvals that are needed."""
    for agency, office in sorted(required_approvals(loaded.document)):
        yield act(Deed.APPROVE, office, agency)


def up_to(loaded: LoadedProtocol, status: Status) -> Standing:
    """A version that has come that far."""
    acts = [advice(agency) for agency in sorted(required_advice(loaded.document))]
    later = [
        *approvals(loaded),
        act(Deed.SCHEDULE, Office.OPERATOR, day=DAY, rehearsal=REHEARSAL),
        act(Deed.GO_LIVE, Office.OPERATOR, at=START + timedelta(days=30)),
    ]
    standing = replay(loaded.document, DIGEST, acts)
    for step in later:
        if standing.status is status:
            break
        standing = act_on(standing, step)
    assert standing.status is status
    return standing


def test_every_party_has_an_owner_and_health_a_guardian(loaded: LoadedProtocol) -> None:
    needed = required_approvals(loaded.document)
    assert {agency for agency, office in needed if office is Office.CALDICOTT_GUARDIAN} == {
        "recovery",
        "mental_health",
        "health",
        "camhs",
    }
    assert len(needed) == 12


def test_the_whole_way(loaded: LoadedProtocol) -> None:
    live = up_to(loaded, Status.LIVE)
    assert live.releases
    assert (live.day, len(live.acts)) == (DAY, 8 + 12 + 2)


def test_it_is_a_draft_until_everybody_has_advised(loaded: LoadedProtocol) -> None:
    agencies = sorted(required_advice(loaded.document))
    standing = replay(loaded.document, DIGEST, [advice(agency) for agency in agencies[:-1]])
    assert standing.status is Status.DRAFT
    with pytest.raises(Refusal, match="the version is draft, expected advised"):
        act_on(standing, act(Deed.APPROVE, Office.SENIOR_RISK_OWNER))
    assert act_on(standing, advice(agencies[-1])).status is Status.ADVISED


def test_advisers_do_not_approve(loaded: LoadedProtocol) -> None:
    standing = up_to(loaded, Status.ADVISED)
    with pytest.raises(Refusal, match="a data-protection-officer cannot"):
        act_on(standing, act(Deed.APPROVE, Office.DATA_PROTECTION_OFFICER))
    same = act(Deed.APPROVE, Office.SENIOR_RISK_OWNER, person="data-protection-officer.social_care")
    with pytest.raises(Refusal, match="whoever advised cannot approve"):
        act_on(standing, same)


def test_one_person_does_not_approve_for_two(loaded: LoadedProtocol) -> None:
    standing = act_on(up_to(loaded, Status.ADVISED), act(Deed.APPROVE, Office.SENIOR_RISK_OWNER, person="busy"))
    with pytest.raises(Refusal, match="one person cannot approve for two offices"):
        act_on(standing, act(Deed.APPROVE, Office.SENIOR_RISK_OWNER, "police", person="busy"))


def test_only_those_who_are_needed_approve(loaded: LoadedProtocol) -> None:
    standing = up_to(loaded, Status.ADVISED)
    with pytest.raises(Refusal, match="`police` needs no caldicott-guardian"):
        act_on(standing, act(Deed.APPROVE, Office.CALDICOTT_GUARDIAN, "police"))
    with pytest.raises(Refusal, match="`bakery` is no party"):
        act_on(standing, act(Deed.APPROVE, Office.SENIOR_RISK_OWNER, "bakery"))


def test_one_missing_approval_is_enough_to_wait(loaded: LoadedProtocol) -> None:
    standing = up_to(loaded, Status.ADVISED)
    for one in list(approvals(loaded))[:-1]:
        standing = act_on(standing, one)
    assert (standing.status, len(missing_approvals(standing))) == (Status.ADVISED, 1)


def test_an_objection_has_to_be_overridden_in_writing(loaded: LoadedProtocol) -> None:
    standing = act_on(up_to(loaded, Status.ADVISED), advice("police", Verdict.OBJECT))
    assert open_objections(standing) == {"police"}
    with pytest.raises(Refusal, match="the officer of `police` objects"):
        act_on(standing, act(Deed.APPROVE, Office.SENIOR_RISK_OWNER, "police"))
    with pytest.raises(Refusal, match="needs its reasons"):
        act_on(standing, act(Deed.OVERRIDE, Office.SENIOR_RISK_OWNER, "police", reasons=" "))
    with pytest.raises(Refusal, match="no officer of `health` objects"):
        act_on(standing, act(Deed.OVERRIDE, Office.SENIOR_RISK_OWNER, "health"))
    standing = act_on(standing, act(Deed.OVERRIDE, Office.SENIOR_RISK_OWNER, "police"))
    for one in approvals(loaded):
        standing = act_on(standing, one)
    assert standing.status is Status.APPROVED


def test_a_late_objection_holds_what_was_approved(loaded: LoadedProtocol) -> None:
    standing = up_to(loaded, Status.ADVISED)
    given = list(approvals(loaded))
    for one in given[:-1]:
        standing = act_on(standing, one)
    standing = act_on(standing, advice("police", Verdict.OBJECT, at=START + timedelta(hours=1)))
    standing = act_on(standing, given[-1])
    assert (standing.status, missing_approvals(standing)) == (Status.ADVISED, frozenset())
    override = act(Deed.OVERRIDE, Office.SENIOR_RISK_OWNER, "police", at=START + timedelta(hours=2))
    assert act_on(standing, override).status is Status.APPROVED


def test_an_override_does_not_cover_an_objection_made_later(loaded: LoadedProtocol) -> None:
    standing = act_on(up_to(loaded, Status.ADVISED), advice("police", Verdict.OBJECT))
    standing = act_on(standing, act(Deed.OVERRIDE, Office.SENIOR_RISK_OWNER, "police"))
    standing = act_on(standing, advice("police", Verdict.OBJECT, at=START + timedelta(hours=1)))
    assert open_objections(standing) == {"police"}
    changed = advice("police", Verdict.SUPPORT_WITH_CONDITIONS, at=START + timedelta(hours=2))
    assert open_objections(act_on(standing, changed)) == frozenset()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"day": None, "rehearsal": REHEARSAL}, "expected a day from today on"),
        ({"day": START.date() - timedelta(days=1), "rehearsal": REHEARSAL}, "expected a day from today on"),
        ({"day": DAY}, "there is no rehearsal that passed"),
    ],
)
def test_scheduling_needs_a_day_and_a_rehearsal(loaded: LoadedProtocol, more: dict[str, Any], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        act_on(up_to(loaded, Status.APPROVED), act(Deed.SCHEDULE, Office.OPERATOR, **more))


def test_it_does_not_go_live_before_its_day(loaded: LoadedProtocol) -> None:
    standing = up_to(loaded, Status.SCHEDULED)
    with pytest.raises(Refusal, match="it is scheduled for 2026-11-20"):
        act_on(standing, act(Deed.GO_LIVE, Office.OPERATOR, at=datetime(2026, 11, 19, 23, 59, tzinfo=UTC)))


def test_any_officer_stops_the_own_agencys_releases_at_once(loaded: LoadedProtocol) -> None:
    stopped = act_on(up_to(loaded, Status.LIVE), act(Deed.STOP_OWN, Office.DATA_PROTECTION_OFFICER, "police"))
    assert (stopped.status, stopped.stopped) == (Status.LIVE, {"police"})
    with pytest.raises(Refusal, match="a data-protection-officer cannot"):
        act_on(stopped, act(Deed.START_OWN, Office.DATA_PROTECTION_OFFICER, "police"))
    with pytest.raises(Refusal, match="the releases of `health` are not stopped"):
        act_on(stopped, act(Deed.START_OWN, Office.SENIOR_RISK_OWNER, "health"))
    assert act_on(stopped, act(Deed.START_OWN, Office.SENIOR_RISK_OWNER, "police")).stopped == frozenset()


def test_a_version_is_suspended_resumed_and_retired(loaded: LoadedProtocol) -> None:
    suspended = act_on(up_to(loaded, Status.LIVE), act(Deed.SUSPEND, Office.CALDICOTT_GUARDIAN, "health"))
    assert (suspended.status, suspended.releases) == (Status.SUSPENDED, False)
    assert act_on(suspended, act(Deed.RESUME, Office.SENIOR_RISK_OWNER)).releases
    retired = act_on(suspended, act(Deed.RETIRE, Office.OPERATOR))
    assert retired.status is Status.RETIRED
    for deed, office in ((Deed.RESUME, Office.SENIOR_RISK_OWNER), (Deed.RETIRE, Office.OPERATOR)):
        with pytest.raises(Refusal, match="the version is retired"):
            act_on(retired, act(deed, office))


def test_advice_and_stops_need_their_reasons(loaded: LoadedProtocol) -> None:
    draft = Standing(loaded.document, DIGEST)
    with pytest.raises(Refusal, match="needs its reasons"):
        act_on(draft, advice("police", reasons=""))
    with pytest.raises(Refusal, match="advice needs its verdict"):
        act_on(draft, act(Deed.ADVISE, Office.DATA_PROTECTION_OFFICER))


def test_every_act_is_about_one_digest(loaded: LoadedProtocol) -> None:
    with pytest.raises(Refusal, match="another digest"):
        act_on(Standing(loaded.document, DIGEST), advice("police", digest="c" * 64))


def test_every_state_is_reached_and_every_deed_has_one_transition() -> None:
    assert {item.deed for item in TRANSITIONS} == set(Deed)
    assert len(TRANSITIONS) == len(Deed)
    reached = {item.to for item in TRANSITIONS} | {Status.DRAFT}
    assert reached - {None} == set(Status)
    assert all(f"{start} --> " in diagram() for start in Status)
