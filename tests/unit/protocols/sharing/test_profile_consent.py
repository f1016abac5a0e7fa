"""Consent in a profile: where it is asked for, where it is not, and what it opens and does not show."""

from __future__ import annotations

import pytest
from telling import (
    FATHER,
    MOTHER,
    Records,
    consented,
    family,
    record,
    tell,
    worker,
)

from protocols.decision_index import CompiledProtocol
from protocols.vocabulary import (
    ConsentStatus,
    Contact,
    RoleFunction,
    Stage,
    State,
)


def test_consent_is_asked_for_where_it_alone_decides(protocol: CompiledProtocol) -> None:
    told = tell(protocol, {}, declared=family(Stage.CIN))
    assert told[MOTHER, "mental_health"].state is State.CONSENT_NEEDED
    assert told[MOTHER, "recovery"].state is State.NOTHING_TO_SHARE
    assert told[MOTHER, "recovery"].consent_needed
    assert not told[MOTHER, "police"].consent_needed


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize(
    ("status", "needed"),
    [
        (ConsentStatus.EXPIRED, True),
        (ConsentStatus.REFUSED, False),
        (ConsentStatus.WITHDRAWN, False),
        (ConsentStatus.DISPUTED, False),
    ],
)
def test_nobody_is_asked_again_who_said_no(
    protocol: CompiledProtocol, status: ConsentStatus, needed: bool, linked: bool
) -> None:
    records: Records = {(MOTHER, "mental_health"): [record(protocol, "mental_health")]} if linked else {}
    told = tell(protocol, records, declared=family(Stage.CIN), consents=[consented(status)])[MOTHER, "mental_health"]
    assert told.consent_needed == needed
    assert told.state is (State.CONSENT_NEEDED if needed else State.NOTHING_TO_SHARE)


def test_nobody_is_asked_where_asking_is_not_safe(protocol: CompiledProtocol) -> None:
    apart = tell(protocol, {}, declared=family(Stage.CIN, Contact.PROHIBITED))
    assert not apart[FATHER, "mental_health"].consent_needed
    victim_worker = tell(protocol, {}, worker(RoleFunction.DA_VICTIM_PRACTITIONER), declared=family(Stage.CIN))
    assert not any(item.consent_needed for item in victim_worker.values())


def test_given_consent_opens_for_that_person_only(protocol: CompiledProtocol) -> None:
    records = {(who, "mental_health"): [record(protocol, "mental_health")] for who in (MOTHER, FATHER)}
    given = [consented(ConsentStatus.GIVEN, FATHER), consented(ConsentStatus.REFUSED, MOTHER)]
    told = tell(protocol, records, declared=family(Stage.CIN), consents=given)
    assert {cell.cell.attribute for cell in told[FATHER, "mental_health"].released} == {
        "mh.open_referral",
        "mh.care_plan",
        "mh.dna_6m",
    }
    assert told[MOTHER, "mental_health"].state is State.NOTHING_TO_SHARE


def test_a_refusal_is_shown_where_a_duty_passes_over_it(protocol: CompiledProtocol) -> None:
    for records in ({}, {(MOTHER, "mental_health"): [record(protocol, "mental_health")]}):
        told = tell(protocol, records, consents=[consented(ConsentStatus.REFUSED)])
        assert told[MOTHER, "mental_health"].refused == ("mh.open_referral",)
        assert told[FATHER, "mental_health"].refused == ()
    other = tell(protocol, {}, worker(RoleFunction.DA_PERPETRATOR_OFFICER), consents=[consented(ConsentStatus.REFUSED)])
    assert other[MOTHER, "mental_health"].refused == ()


def test_what_an_agency_recorded_about_consent_shows_nothing_about_a_link(protocol: CompiledProtocol) -> None:
    """A refusal that came over a link must not make the question for consent go away."""
    stopped = record(protocol, "mental_health", consents=(consented(ConsentStatus.REFUSED),))
    none = tell(protocol, {}, declared=family(Stage.CIN))[MOTHER, "mental_health"]
    told = tell(protocol, {(MOTHER, "mental_health"): [stopped]}, declared=family(Stage.CIN))[MOTHER, "mental_health"]
    assert (told.state, told.consent_needed, told.refused) == (none.state, none.consent_needed, none.refused)
    given = record(protocol, "mental_health", consents=(consented(ConsentStatus.GIVEN),))
    opened = tell(protocol, {(MOTHER, "mental_health"): [given]}, declared=family(Stage.CIN))[MOTHER, "mental_health"]
    assert opened.state is State.RELEASED
