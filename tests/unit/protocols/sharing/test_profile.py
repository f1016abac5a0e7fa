"""What the Workbook is told: each state where it may be told, and nothing that shows what was left out."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from telling import (
    CHILD,
    FATHER,
    MOTHER,
    NOW,
    OPENED,
    UNBORN,
    Records,
    family,
    record,
    tell,
    wire,
    worker,
)

from protocols.consent import ConsentState
from protocols.decision import Granted, Refused
from protocols.decision_index import CompiledProtocol
from protocols.family import FamilyDeclaration, FamilyMember
from protocols.profile import (
    AgencyStatus,
    FeedsFresh,
)
from protocols.profile_answer import SIZE_CLASS, Freshness
from protocols.vocabulary import (
    Contact,
    Grade,
    Kind,
    Role,
    RoleFunction,
    Stage,
    State,
)


def test_a_linked_record_is_told_of_with_reason_and_freshness(protocol: CompiledProtocol) -> None:
    told = tell(protocol, {(MOTHER, "recovery"): [record(protocol, "recovery")]})[MOTHER, "recovery"]
    assert (told.state, told.known) == (State.RELEASED, True)
    assert {cell.cell.attribute for cell in told.released} == {
        "recovery.episode",
        "recovery.key_worker",
        "recovery.substance_group",
        "recovery.ost_at_home",
        "recovery.parental_status",
    }
    assert {cell.freshness for cell in told.released} == {Freshness.FRESH}


def test_old_values_are_told_as_stale(protocol: CompiledProtocol) -> None:
    edge = NOW.date() - timedelta(days=45)
    for as_at, freshness in ((edge, Freshness.FRESH), (edge - timedelta(days=1), Freshness.STALE)):
        told = tell(protocol, {(MOTHER, "recovery"): [record(protocol, "recovery", as_at=as_at)]})
        assert {cell.freshness for cell in told[MOTHER, "recovery"].released} == {freshness}


def test_known_without_content_is_still_told(protocol: CompiledProtocol) -> None:
    asker = worker(RoleFunction.FAMILY_SUPPORT_WORKER)
    told = tell(protocol, {(MOTHER, "police"): [record(protocol, "police")]}, asker)[MOTHER, "police"]
    assert (told.state, told.known, told.released) == (State.RELEASED, True, ())


def test_a_possible_link_is_told_only_where_existence_is(protocol: CompiledProtocol) -> None:
    possible = {(MOTHER, "recovery"): [record(protocol, "recovery", Grade.PROBABLE)]}
    assert tell(protocol, possible)[MOTHER, "recovery"].state is State.PENDING_REVIEW
    assert tell(protocol, possible)[MOTHER, "recovery"].released == ()
    asker = worker(RoleFunction.HEALTH_VISITOR)
    assert tell(protocol, possible, asker)[MOTHER, "recovery"].state is State.NOTHING_TO_SHARE
    trust = {(MOTHER, "mental_health"): [record(protocol, "mental_health", Grade.PROBABLE)]}
    assert tell(protocol, trust, declared=family(Stage.CIN))[MOTHER, "mental_health"].state is State.CONSENT_NEEDED


@pytest.mark.parametrize("how", [{"held": True}, {"silent": True}])
def test_a_possible_link_that_is_stopped_is_not_pending(protocol: CompiledProtocol, how: dict[str, bool]) -> None:
    possible = {(MOTHER, "recovery"): [record(protocol, "recovery", Grade.PROBABLE, **how)]}
    assert tell(protocol, possible)[MOTHER, "recovery"].state is State.NOTHING_TO_SHARE


def test_states_of_the_agency_do_not_depend_on_links(protocol: CompiledProtocol) -> None:
    for records in ({}, {(MOTHER, "police"): [record(protocol, "police")]}):
        cases = {
            State.SOURCE_STALE: AgencyStatus(date(2026, 10, 18)),
            State.SOURCE_UNAVAILABLE: AgencyStatus(None),
            State.AGENCY_NOT_PARTICIPATING: AgencyStatus(date(2026, 11, 12), stopped=True),
        }
        for state, status in cases.items():
            told = tell(protocol, records, agencies={"police": status})[MOTHER, "police"]
            assert (told.state, told.released, told.known) == (state, (), False)
        away = tell(protocol, records, agencies={"police": AgencyStatus(date(2026, 11, 12), available=False)})
        assert away[MOTHER, "police"].state is State.SOURCE_UNAVAILABLE
    assert tell(protocol, {})[CHILD, "education"].state is State.AGENCY_NOT_PARTICIPATING


def test_a_submission_is_good_up_to_its_last_day(protocol: CompiledProtocol) -> None:
    records = {(MOTHER, "police"): [record(protocol, "police")]}
    status = {"police": AgencyStatus(NOW.date() - timedelta(days=28))}
    assert tell(protocol, records, agencies=status)[MOTHER, "police"].state is State.RELEASED


def test_not_for_your_role_depends_on_role_agency_and_kind(protocol: CompiledProtocol) -> None:
    asker = worker(RoleFunction.EDUCATION_REPRESENTATIVE)
    for records in ({}, {(MOTHER, "recovery"): [record(protocol, "recovery")]}):
        assert tell(protocol, records, asker)[MOTHER, "recovery"].state is State.NOT_FOR_YOUR_ROLE
    told = tell(protocol, {}, worker(RoleFunction.ADMINISTRATOR))
    here = {item.state for (_, agency), item in told.items() if agency not in ("education", "camhs")}
    assert here == {State.NOT_FOR_YOUR_ROLE}


def test_break_glass_reaches_what_the_role_does_not(protocol: CompiledProtocol) -> None:
    records = {(MOTHER, "police"): [record(protocol, "police")]}
    asker = worker(RoleFunction.EMERGENCY_DUTY)
    assert tell(protocol, records, asker)[MOTHER, "police"].state is State.NOT_FOR_YOUR_ROLE
    told = tell(protocol, records, worker(RoleFunction.EMERGENCY_DUTY, break_glass=True))[MOTHER, "police"]
    assert told.state is State.RELEASED
    assert {cell.granted.break_glass for cell in told.released} == {True}


def test_one_silent_record_silences_the_person_at_that_agency(protocol: CompiledProtocol) -> None:
    both = {(MOTHER, "police"): [record(protocol, "police"), record(protocol, "police", silent=True)]}
    assert tell(protocol, both)[MOTHER, "police"].state is State.NOTHING_TO_SHARE


def test_a_hold_stops_its_own_record(protocol: CompiledProtocol) -> None:
    both = {(MOTHER, "police"): [record(protocol, "police"), record(protocol, "police", held=True)]}
    told = tell(protocol, both)[MOTHER, "police"]
    assert told.state is State.RELEASED
    assert len({cell.cell.attribute for cell in told.released}) == len(told.released)


def test_a_death_at_one_agency_stops_release_at_all(protocol: CompiledProtocol) -> None:
    records = {
        (FATHER, "health"): [record(protocol, "health", deceased=True)],
        (FATHER, "police"): [record(protocol, "police")],
        (MOTHER, "police"): [record(protocol, "police")],
    }
    told = tell(protocol, records)
    assert told[FATHER, "police"].state is State.NOTHING_TO_SHARE
    assert told[MOTHER, "police"].state is State.RELEASED


def test_shielding_reaches_all_agencies_and_the_whole_home(protocol: CompiledProtocol) -> None:
    apart = family(Stage.CP, Contact.PROHIBITED)
    records = {(who, "health"): [record(protocol, "health")] for who in (MOTHER, FATHER, CHILD)}
    records[MOTHER, "police"] = [record(protocol, "police", Grade.PROBABLE, shielded=True)]
    told = tell(protocol, records, declared=apart)
    for who, seen in ((MOTHER, False), (CHILD, False)):
        assert ("health.gp_practice" in {cell.cell.attribute for cell in told[who, "health"].released}) == seen
    open_home = tell(protocol, {(CHILD, "health"): [record(protocol, "health")]}, declared=apart)
    assert "health.gp_practice" in {cell.cell.attribute for cell in open_home[CHILD, "health"].released}


def test_an_unborn_child_counts_for_its_mother_and_shares_her_shield(protocol: CompiledProtocol) -> None:
    declared = FamilyDeclaration(
        family_ref="WB-2",
        opened=OPENED,
        members=(
            FamilyMember(record_ref=MOTHER, role=Role.MOTHER, kind=Kind.ADULT, joined=OPENED),
            FamilyMember(
                record_ref=UNBORN,
                role=Role.UNBORN,
                kind=Kind.UNBORN,
                stage=Stage.CP,
                mother_ref=MOTHER,
                expected_date=date(2027, 1, 20),
                joined=OPENED,
            ),
        ),
    )
    records = {
        (MOTHER, "health"): [record(protocol, "health")],
        (UNBORN, "social_care"): [record(protocol, "social_care")],
    }
    told = tell(protocol, records, declared=declared)
    assert {cell.cell.attribute for cell in told[MOTHER, "health"].released} >= {"health.maternity"}
    assert {cell.cell.attribute for cell in told[UNBORN, "social_care"].released} >= {"csc.unborn"}
    assert told[UNBORN, "police"].state is State.NOT_FOR_YOUR_ROLE


def test_who_has_left_or_not_yet_joined_is_not_there(protocol: CompiledProtocol) -> None:
    members = list(family().members)
    members[1] = members[1].model_copy(update={"left": NOW.date()})
    members[2] = members[2].model_copy(update={"joined": NOW.date() + timedelta(days=1)})
    declared = family().model_copy(update={"members": tuple(members)})
    told = tell(protocol, {(MOTHER, "police"): [record(protocol, "police")]}, declared=declared)
    assert {member for member, _ in told} == {MOTHER}
    assert told[MOTHER, "police"].state is State.NOTHING_TO_SHARE  # her child is not there yet


@pytest.mark.parametrize("name", ["protocol", "stage", "role"])
def test_nothing_is_released_on_stale_feeds(protocol: CompiledProtocol, name: str) -> None:
    records = {(MOTHER, "police"): [record(protocol, "police")]}
    told = tell(protocol, records, fresh=FeedsFresh(**{name: False}))
    assert not any(item.released or item.known for item in told.values())


def test_a_worker_who_is_not_on_the_case_is_told_nothing(protocol: CompiledProtocol) -> None:
    records = {(MOTHER, "police"): [record(protocol, "police")]}
    assert not any(item.released or item.known for item in tell(protocol, records, worker(allocated=False)).values())


ABSENT: dict[str, Any] = {
    "no match": None,
    "withheld": {"held": True},
    "silent": {"silent": True},
    "deceased": {"deceased": True},
    "withheld and possible": {"held": True, "grade": Grade.PROBABLE},
}


@pytest.mark.parametrize("function", list(RoleFunction))
@pytest.mark.parametrize("stage", [Stage.FAMILY_HELP, Stage.CIN, Stage.S47, Stage.CLOSED])
def test_what_is_withheld_is_told_as_what_is_not_there(
    protocol: CompiledProtocol, function: RoleFunction, stage: Stage
) -> None:
    """Every agency, every function, every stage: one answer, byte by byte, and as many decisions behind it."""
    asker = worker(function, for_refs=frozenset({MOTHER}))
    for agency in ("police", "probation", "recovery", "mental_health", "health"):
        answers, work = set(), set()
        for how in ABSENT.values():
            records: Records = {} if how is None else {(MOTHER, agency): [record(protocol, agency, **how)]}
            told = tell(protocol, records, asker, family(stage))
            profile = wire(protocol, told, asker)
            answers.add(profile.model_dump_json())
            work.add(sum(len(item.decisions) for item in told.values()))
        assert len(answers) == 1
        assert len(work) == 1


def test_every_answer_has_the_same_fields_and_a_size_that_tells_little(protocol: CompiledProtocol) -> None:
    records = {(MOTHER, "recovery"): [record(protocol, "recovery")]}
    asker = worker()
    data = json.loads(wire(protocol, tell(protocol, records), asker).model_dump_json())
    shapes = {tuple(agency) for member in data["members"] for agency in member["agencies"]}
    assert len(shapes) == 1
    for told in (tell(protocol, records), tell(protocol, {})):
        assert len(wire(protocol, told, asker).model_dump_json().encode()) % SIZE_CLASS == 0


def test_no_information_is_never_worded_as_no_risk(protocol: CompiledProtocol) -> None:
    profile = wire(protocol, tell(protocol, {}), worker())
    words = {
        agency.words
        for member in profile.members
        for agency in member.agencies
        if agency.state is State.NOTHING_TO_SHARE
    }
    assert words == {
        "Nothing that can be shared with you here. This does not mean that there is no involvement or no risk."
    }
    assert "not evidence that there is no involvement" in profile.notice


def test_a_released_value_says_why_it_may_be_seen(protocol: CompiledProtocol) -> None:
    records = {(MOTHER, "recovery"): [record(protocol, "recovery")]}
    profile = wire(protocol, tell(protocol, records), worker())
    values = [value for member in profile.members for agency in member.agencies for value in agency.values]
    value = next(value for value in values if value.attribute == "recovery.episode")
    assert value.rule == "recovery-episode"
    assert value.sentence.startswith(
        "Hertfordshire Recovery Service may tell those who hold the case whether the person is"
    )
    assert value.basis.startswith("Children Act 2004 s.16LA; UK GDPR Art 6(1)(c)")
    assert profile.valid_until - profile.asked_at == timedelta(hours=24)


def test_every_decision_is_kept_with_what_it_depended_on(protocol: CompiledProtocol) -> None:
    records = {(MOTHER, "police"): [record(protocol, "police", held=True)]}
    made = tell(protocol, records)[MOTHER, "police"].decisions
    assert all(isinstance(item.decision, Refused) and item.facts.held for item in made)
    told = tell(protocol, {(MOTHER, "police"): [record(protocol, "police")]})[MOTHER, "police"]
    granted = {item.attribute for item in told.decisions if isinstance(item.decision, Granted)}
    assert granted - {None} == {cell.cell.attribute for cell in told.released}
    assert {item.facts.consent for item in told.decisions} == {ConsentState.NOT_ASKED}
