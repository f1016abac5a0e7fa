"""One decision, one condition at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from protocols.consent import ConsentState
from protocols.decision import ChildTie, Decision, Facts, Granted, Refused, Request, considered, decide
from protocols.decision_index import CompiledProtocol, Reason, ReasonCode, compile_protocol
from protocols.document_rules import NeverRelease
from protocols.load import LoadedProtocol
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, Stage

Ask = Callable[..., Decision]


def codes(decision: Decision) -> set[str]:
    """The reasons of a refusal by code; empty for a grant."""
    return {reason.code.value for reason in decision.reasons} if isinstance(decision, Refused) else set()


def test_a_grant_names_one_rule_its_basis_and_the_stage_that_counted(ask: Ask) -> None:
    assert ask() == Granted("recovery-episode", "s16la", "hertfordshire@1/recovery-episode", Stage.S47)


GENERAL: list[tuple[dict[str, Any], ReasonCode]] = [
    ({"allocated": False}, ReasonCode.NOT_ALLOCATED),
    ({"grade": None}, ReasonCode.NO_LINK),
    ({"grade": Grade.PROBABLE}, ReasonCode.LINK_GRADE),
    ({"held": True}, ReasonCode.HELD),
    ({"silent": True}, ReasonCode.SILENT),
    ({"deceased": True}, ReasonCode.DECEASED),
    ({"stopped": True}, ReasonCode.STOPPED),
    ({"protocol_fresh": False}, ReasonCode.PROTOCOL_STALE),
    ({"stage_fresh": False}, ReasonCode.STAGE_STALE),
    ({"role_fresh": False}, ReasonCode.ROLE_STALE),
    ({"at": datetime(2026, 3, 15, 23, 59, tzinfo=UTC)}, ReasonCode.NOT_PARTICIPATING),
]


@pytest.mark.parametrize(("change", "code"), GENERAL)
def test_each_general_condition_stops_a_release_by_itself(ask: Ask, change: dict[str, Any], code: ReasonCode) -> None:
    decision = ask(**change)
    assert isinstance(decision, Refused)
    assert Reason(code) in decision.reasons


@pytest.mark.parametrize(("change", "code"), GENERAL[:-1])
def test_no_general_condition_gives_way_to_break_glass(ask: Ask, change: dict[str, Any], code: ReasonCode) -> None:
    assert code in codes(ask(break_glass=True, **change))


def test_a_refusal_lists_every_failed_condition(ask: Ask) -> None:
    decision = ask(
        allocated=False,
        held=True,
        silent=True,
        role_function=RoleFunction.ADMINISTRATOR,
        purpose=Purpose.FAMILY_SUPPORT,
    )
    assert isinstance(decision, Refused)
    assert {(r.code, r.rule) for r in decision.reasons} >= {
        (ReasonCode.NOT_ALLOCATED, ""),
        (ReasonCode.HELD, ""),
        (ReasonCode.SILENT, ""),
        (ReasonCode.PROHIBITED, "no-content-for-these-functions"),
        (ReasonCode.FUNCTION, "recovery-episode"),
        (ReasonCode.PURPOSE, "recovery-episode"),
        (ReasonCode.STAGE, "recovery-episode-by-consent"),
        (ReasonCode.CONSENT, "recovery-episode-by-consent"),
        (ReasonCode.OWN_CLIENT, "recovery-episode-own-client"),
    }


def test_when_a_rule_applies_the_others_are_no_reason(ask: Ask) -> None:
    assert ask(held=True) == Refused((Reason(ReasonCode.HELD),))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"role_function": RoleFunction.FAMILY_SUPPORT_WORKER}, ReasonCode.FUNCTION),
        ({"purpose": Purpose.FAMILY_SUPPORT}, ReasonCode.PURPOSE),
        ({"stage": Stage.CIN}, ReasonCode.STAGE),
        ({"stage": Stage.CLOSED}, ReasonCode.STAGE),
        ({"children": ()}, ReasonCode.PEOPLE),
        ({"children": (ChildTie(Stage.CP, Relationship.PARENT, Contact.NO_CONTACT),)}, ReasonCode.PEOPLE),
        ({"children": (ChildTie(Stage.CP, Relationship.GRANDPARENT, Contact.LIVES_WITH),)}, ReasonCode.PEOPLE),
        ({"kind": Kind.CHILD}, ReasonCode.PEOPLE),
        ({"kind": Kind.UNKNOWN}, ReasonCode.PEOPLE),
    ],
)
def test_each_condition_of_a_rule(ask: Ask, change: dict[str, Any], code: ReasonCode) -> None:
    decision = ask(**change)
    assert isinstance(decision, Refused)
    assert Reason(code, "recovery-episode") in decision.reasons


def test_the_highest_stage_counts_among_the_children_that_count(ask: Ask) -> None:
    lives = ChildTie(Stage.CIN, Relationship.PARENT, Contact.LIVES_WITH)
    other = ChildTie(Stage.S47, Relationship.PARENT, Contact.REGULAR_CONTACT)
    apart = ChildTie(Stage.CARE, Relationship.PARENT, Contact.NO_CONTACT)
    assert ask(children=(lives, other, apart)) == Granted(
        "recovery-episode", "s16la", "hertfordshire@1/recovery-episode", Stage.S47
    )
    assert isinstance(ask(children=(lives, apart)), Refused)


@pytest.mark.parametrize("state", list(ConsentState))
def test_below_an_enquiry_only_given_consent_opens(ask: Ask, state: ConsentState) -> None:
    decision = ask(stage=Stage.CIN, consent=state)
    if state is ConsentState.GIVEN:
        assert isinstance(decision, Granted)
        assert (decision.rule, decision.basis) == ("recovery-episode-by-consent", "agreement")
    else:
        assert isinstance(decision, Refused)
        assert Reason(ReasonCode.CONSENT, "recovery-episode-by-consent") in decision.reasons


@pytest.mark.parametrize("state", [ConsentState.REFUSED, ConsentState.WITHDRAWN, ConsentState.DISPUTED])
def test_no_refusal_stops_a_duty(ask: Ask, state: ConsentState) -> None:
    assert isinstance(ask(stage=Stage.S47, consent=state), Granted)


def test_the_duty_begins_on_its_day_and_the_powers_serve_before(ask: Ask) -> None:
    before, after = datetime(2026, 9, 29, 23, 59, tzinfo=UTC), datetime(2026, 9, 30, 0, 0, tzinfo=UTC)
    assert [ask(at=at).basis for at in (before, after)] == ["ca-powers", "s16la"]  # type: ignore[union-attr]


def test_days_are_utc_days(ask: Ask) -> None:
    east = timezone(timedelta(hours=5))
    assert ask(at=datetime(2026, 9, 30, 4, 59, tzinfo=east)).basis == "ca-powers"  # type: ignore[union-attr]


def test_a_specialist_is_told_of_their_own_client_only(ask: Ask) -> None:
    worker = RoleFunction.RECOVERY_WORKER
    assert isinstance(ask(role_function=worker, own_client=True), Granted)
    assert ReasonCode.OWN_CLIENT in codes(ask(role_function=worker))


def test_a_review_needs_a_possible_link_and_nothing_else_does(ask: Ask) -> None:
    review = {"mode": Mode.REVIEW, "attribute": None, "role_function": RoleFunction.TEAM_MANAGER}
    assert isinstance(ask(grade=Grade.PROBABLE, **review), Granted)
    assert ReasonCode.LINK_GRADE in codes(ask(grade=Grade.CERTAIN, **review))
    assert isinstance(ask(mode=Mode.EXISTENCE, attribute=None), Granted)
    assert ReasonCode.LINK_GRADE in codes(ask(mode=Mode.EXISTENCE, attribute=None, grade=Grade.PROBABLE))


def test_the_modes_are_separate_rights(ask: Ask) -> None:
    assert codes(ask(mode=Mode.CONTACT)) == {ReasonCode.NO_GRANT}
    worker = {"role_function": RoleFunction.FAMILY_SUPPORT_WORKER}
    assert isinstance(ask(mode=Mode.CONTACT, attribute="recovery.key_worker", **worker), Granted)
    assert isinstance(ask(**worker), Refused)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (RoleFunction.SOCIAL_WORKER, False),
        (RoleFunction.TEAM_MANAGER, True),
        (RoleFunction.LEAD_CHILD_PROTECTION_PRACTITIONER, True),
    ],
)
def test_shielding_hides_what_reveals_a_place(ask: Ask, function: RoleFunction, told: bool) -> None:
    place = {"agency": "health", "attribute": "health.gp_practice", "role_function": function}
    assert isinstance(ask(**place), Granted)
    assert isinstance(ask(shielded=True, **place), Granted) == told
    assert isinstance(ask(shielded=True, agency="health", attribute="health.ed_attendances_12m"), Granted)


def test_prohibitions_beat_break_glass(ask: Ask) -> None:
    asked = {"agency": "police", "attribute": "police.marac", "role_function": RoleFunction.DA_PERPETRATOR_OFFICER}
    assert (
        Reason(ReasonCode.PROHIBITED, "perpetrator-facing-no-victim-risk")
        in ask(  # type: ignore[union-attr]
            break_glass=True, own_client=True, **asked
        ).reasons
    )


EDT = RoleFunction.EMERGENCY_DUTY


def test_break_glass_widens_function_and_stage_for_marked_rules(ask: Ask) -> None:
    crisis = {"agency": "mental_health", "attribute": "mh.crisis_contacts_6m", "stage": Stage.CIN, "role_function": EDT}
    assert ReasonCode.STAGE in codes(ask(**crisis))
    granted = ask(break_glass=True, **crisis)
    assert isinstance(granted, Granted)
    assert granted.break_glass
    risk = {"agency": "police", "attribute": "police.dash_risk", "role_function": EDT}
    assert ReasonCode.FUNCTION in codes(ask(**risk))
    assert isinstance(ask(break_glass=True, **risk), Granted)
    unmarked = {"agency": "probation", "attribute": "probation.rosh", "role_function": EDT}
    assert ReasonCode.FUNCTION in codes(ask(break_glass=True, **unmarked))


def test_break_glass_widens_nothing_else(ask: Ask) -> None:
    crisis = {
        "agency": "mental_health",
        "attribute": "mh.crisis_contacts_6m",
        "role_function": EDT,
        "break_glass": True,
    }
    assert ReasonCode.PURPOSE in codes(ask(purpose=Purpose.FAMILY_SUPPORT, **crisis))
    assert ReasonCode.PEOPLE in codes(ask(children=(), **crisis))
    assert ReasonCode.STAGE in codes(ask(stage=Stage.CLOSED, **crisis))


def test_break_glass_is_for_its_functions_only(ask: Ask) -> None:
    crisis = {"agency": "mental_health", "attribute": "mh.crisis_contacts_6m", "break_glass": True}
    assert ReasonCode.FUNCTION in codes(ask(role_function=RoleFunction.FAMILY_SUPPORT_WORKER, **crisis))


def test_only_for_a_rota_does_the_recorded_reason_stand_in_for_the_case(ask: Ask) -> None:
    crisis = {"agency": "mental_health", "attribute": "mh.crisis_contacts_6m", "allocated": False}
    assert isinstance(ask(role_function=EDT, break_glass=True, **crisis), Granted)
    assert ReasonCode.NOT_ALLOCATED in codes(ask(role_function=EDT, **crisis))
    assert codes(ask(break_glass=True, **crisis)) == {ReasonCode.NOT_ALLOCATED}


def test_an_ordinary_grant_stands_before_break_glass(ask: Ask) -> None:
    crisis = ask(agency="mental_health", attribute="mh.crisis_contacts_6m", role_function=EDT, break_glass=True)
    assert isinstance(crisis, Granted)
    assert not crisis.break_glass


@pytest.mark.parametrize(
    ("agency", "attribute", "code"),
    [
        ("recovery", "recovery.unheard_of", ReasonCode.UNKNOWN_ATTRIBUTE),
        ("recovery", "police.marac", ReasonCode.UNKNOWN_ATTRIBUTE),
        ("bakery", "bakery.bread", ReasonCode.UNKNOWN_AGENCY),
        ("recovery", "recovery.home_address", ReasonCode.NEVER_RELEASE),
        ("police", "police.live_investigation", ReasonCode.NEVER_RELEASE),
        ("mental_health", "mh.diagnosis", ReasonCode.NEVER_RELEASE),
    ],
)
def test_what_nobody_catalogued_is_refused(ask: Ask, agency: str, attribute: str, code: ReasonCode) -> None:
    assert {code, ReasonCode.NO_GRANT} <= codes(ask(agency=agency, attribute=attribute))


def test_the_never_release_list_beats_a_grant_that_got_past_the_loader(loaded: LoadedProtocol) -> None:
    """Even a document that nobody checked releases nothing of the list."""
    listed = NeverRelease(id="N9", title="episodes", words=("episode",))
    document = loaded.document.model_copy(update={"never_release": (listed,)})
    protocol = compile_protocol(document, "0" * 64)
    request, facts = _granted()
    assert isinstance(decide(request, facts, loaded.compiled), Granted)
    for emergency in (False, True):
        refused = decide(request, replace(facts, break_glass=emergency), protocol)
        assert refused == Refused((Reason(ReasonCode.NEVER_RELEASE, "N9"),))


def _granted() -> tuple[Request, Facts]:
    request = Request(
        RoleFunction.SOCIAL_WORKER,
        Purpose.SAFEGUARDING,
        True,
        False,
        "recovery",
        Mode.CONTENT,
        "recovery.episode",
        datetime(2026, 11, 16, tzinfo=UTC),
    )
    tie = ChildTie(Stage.S47, Relationship.PARENT, Contact.LIVES_WITH)
    return request, Facts(Kind.ADULT, (tie,), grade=Grade.CERTAIN)


def test_the_defaults_of_the_facts_release_nothing(protocol: CompiledProtocol) -> None:
    request, _ = _granted()
    assert isinstance(decide(request, Facts(Kind.ADULT, ()), protocol), Refused)
    assert {field.name for field in fields(Facts) if field.default is True} == {
        "protocol_fresh",
        "stage_fresh",
        "role_fresh",
    }


def test_considered_says_why_other_rules_did_not_apply(protocol: CompiledProtocol) -> None:
    request, facts = _granted()
    unmet = {item.rule: {reason.code for reason in item.unmet} for item in considered(request, facts, protocol)}
    assert unmet == {
        "recovery-episode-by-consent": {ReasonCode.STAGE, ReasonCode.CONSENT},
        "recovery-episode": set(),
        "recovery-episode-own-client-by-consent": {
            ReasonCode.FUNCTION,
            ReasonCode.STAGE,
            ReasonCode.OWN_CLIENT,
            ReasonCode.CONSENT,
        },
        "recovery-episode-own-client": {ReasonCode.FUNCTION, ReasonCode.OWN_CLIENT},
    }
