"""Where a consent stands: the rules of domain experts, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from protocols.consent import ConsentState, consent_state, latest_expiry
from protocols.family import ConsentRecord
from protocols.load import LoadedProtocol
from protocols.vocabulary import Capacity, ConsentStatus, Kind, Purpose

GIVEN_AT = datetime(2026, 10, 1, 10, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 16, 10, 2, tzinfo=UTC)
MOTHER, FATHER, CHILD = "mother-0001", "father-0001", "child-00001"


def consent(**changes: Any) -> ConsentRecord:
    """Darren's consent to tell of his treatment; every part can be varied."""
    said: dict[str, Any] = {
        "subject_ref": FATHER,
        "given_by_ref": FATHER,
        "capacity": Capacity.ADULT,
        "scope": ("recovery.episode",),
        "purpose": Purpose.FAMILY_SUPPORT,
        "notice_version": "v3",
        "method": "online-form",
        "status": ConsentStatus.GIVEN,
        "given_at": GIVEN_AT,
    }
    return ConsentRecord.model_validate({**said, **changes})


def held(by: str, **changes: Any) -> ConsentRecord:
    """What a holder of parental responsibility says for a child."""
    return consent(subject_ref=CHILD, given_by_ref=by, capacity=Capacity.PR_HOLDER, **changes)


def state(*records: ConsentRecord, kind: Kind = Kind.ADULT, at: datetime = NOW, **changes: Any) -> ConsentState:
    """The state for his treatment and his purpose."""
    purposes = changes.get("purposes", (Purpose.FAMILY_SUPPORT,))
    return consent_state(records, kind, changes.get("attribute", "recovery.episode"), purposes, at)


def test_nobody_asked() -> None:
    assert state() is ConsentState.NOT_ASKED


def test_given() -> None:
    assert state(consent()) is ConsentState.GIVEN


def test_it_covers_its_own_attributes_and_purpose_only() -> None:
    assert state(consent(), attribute="recovery.last_screen") is ConsentState.NOT_ASKED
    assert state(consent(), purposes=(Purpose.SAFEGUARDING,)) is ConsentState.NOT_ASKED
    assert state(consent(), purposes=(Purpose.SAFEGUARDING, Purpose.FAMILY_SUPPORT)) is ConsentState.GIVEN


def test_it_does_not_reach_back() -> None:
    assert state(consent(), at=GIVEN_AT - timedelta(seconds=1)) is ConsentState.NOT_ASKED
    assert state(consent(), at=GIVEN_AT) is ConsentState.GIVEN


def test_it_ends_at_its_expiry() -> None:
    ends = consent(expires_at=NOW)
    assert state(ends, at=NOW - timedelta(seconds=1)) is ConsentState.GIVEN
    assert state(ends, at=NOW) is ConsentState.EXPIRED


def test_withdrawal_counts_from_its_moment() -> None:
    withdrawn = consent(status=ConsentStatus.WITHDRAWN, withdrawn_at=NOW)
    assert state(withdrawn, at=NOW - timedelta(seconds=1)) is ConsentState.GIVEN
    assert state(withdrawn, at=NOW) is ConsentState.WITHDRAWN


@pytest.mark.parametrize("status", [ConsentStatus.REFUSED, ConsentStatus.DISPUTED, ConsentStatus.EXPIRED])
def test_other_statuses_stand_as_recorded(status: ConsentStatus) -> None:
    assert state(consent(status=status)) is ConsentState(status.value)


def test_the_last_word_counts_whichever_agency_wrote_it_down() -> None:
    earlier = consent(given_by_ref="patient-0009", subject_ref="patient-0009")
    later = consent(status=ConsentStatus.REFUSED, given_at=GIVEN_AT + timedelta(days=1))
    assert state(earlier, later) is state(later, earlier) is ConsentState.REFUSED


def test_an_adult_is_spoken_for_by_nobody() -> None:
    assert state(consent(given_by_ref=MOTHER, capacity=Capacity.PR_HOLDER)) is ConsentState.NOT_ASKED


def test_a_child_is_spoken_for_by_a_holder_of_parental_responsibility() -> None:
    assert state(held(MOTHER), kind=Kind.CHILD) is ConsentState.GIVEN


@pytest.mark.parametrize("status", [ConsentStatus.REFUSED, ConsentStatus.WITHDRAWN, ConsentStatus.DISPUTED])
def test_two_holders_who_disagree_make_a_dispute(status: ConsentStatus) -> None:
    ended = {"withdrawn_at": NOW} if status is ConsentStatus.WITHDRAWN else {}
    assert state(held(MOTHER), held(FATHER, status=status, **ended), kind=Kind.CHILD) is ConsentState.DISPUTED


def test_two_holders_who_agree_do_not() -> None:
    assert state(held(MOTHER), held(FATHER), kind=Kind.CHILD) is ConsentState.GIVEN
    refused = ConsentStatus.REFUSED
    assert state(held(MOTHER, status=refused), held(FATHER, status=refused), kind=Kind.CHILD) is ConsentState.REFUSED


def test_a_refusal_and_an_expired_consent_come_to_a_refusal() -> None:
    mixed = (held(MOTHER, status=ConsentStatus.REFUSED), held(FATHER, status=ConsentStatus.EXPIRED))
    assert state(*mixed, kind=Kind.CHILD) is ConsentState.REFUSED


def test_a_competent_childs_own_word_stands_before_theirs() -> None:
    own = consent(
        subject_ref=CHILD, given_by_ref=CHILD, capacity=Capacity.GILLICK_COMPETENT, status=ConsentStatus.REFUSED
    )
    assert state(own, held(MOTHER), held(FATHER), kind=Kind.CHILD) is ConsentState.REFUSED


def test_a_child_does_not_speak_as_an_adult() -> None:
    assert state(consent(subject_ref=CHILD, given_by_ref=CHILD), kind=Kind.CHILD) is ConsentState.NOT_ASKED


def test_an_unborn_child_has_no_consent() -> None:
    assert state(held(MOTHER), kind=Kind.UNBORN) is ConsentState.NOT_ASKED


def test_it_lasts_no_longer_than_the_protocol_says(loaded: LoadedProtocol) -> None:
    rules = loaded.document.consents
    last = GIVEN_AT + timedelta(days=rules.lasts_days)
    for at, expected in ((last - timedelta(seconds=1), ConsentState.GIVEN), (last, ConsentState.EXPIRED)):
        said = consent_state([consent()], Kind.ADULT, "recovery.episode", (Purpose.FAMILY_SUPPORT,), at, rules)
        assert said is expected


@pytest.mark.parametrize(("version", "expected"), [("v3", ConsentState.GIVEN), ("v9", ConsentState.EXPIRED)])
def test_it_was_given_to_a_notice_of_the_protocol(loaded: LoadedProtocol, version: str, expected: ConsentState) -> None:
    given = consent(notice_version=version)
    rules, purposes = loaded.document.consents, (Purpose.FAMILY_SUPPORT,)
    assert consent_state([given], Kind.ADULT, "recovery.episode", purposes, NOW, rules) is expected


def test_a_consent_ends_at_the_birthday_that_asks_again() -> None:
    born = date(2010, 12, 24)
    assert latest_expiry(GIVEN_AT, born, 365) == datetime(2026, 12, 24, tzinfo=UTC)
    assert latest_expiry(GIVEN_AT, born, 30) == GIVEN_AT + timedelta(days=30)
    assert latest_expiry(GIVEN_AT, date(2009, 1, 5), 365) == datetime(2027, 1, 5, tzinfo=UTC)
    assert latest_expiry(GIVEN_AT, date(1984, 11, 22), 365) == GIVEN_AT + timedelta(days=365)
    assert latest_expiry(GIVEN_AT, None, 365) == GIVEN_AT + timedelta(days=365)


def test_who_was_born_on_29_february_is_asked_on_1_march() -> None:
    assert latest_expiry(datetime(2025, 12, 1, tzinfo=UTC), date(2008, 2, 29), 365) == datetime(2026, 3, 1, tzinfo=UTC)
