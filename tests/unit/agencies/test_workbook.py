"""The Workbook's connector: opens what is sealed to it, refuses what is not, and says it in words."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agencies.folder import AgencyFolder
from agencies.local_view import LocalAllocation, LocalMember, LocalView, read_view, write_view
from agencies.workbook import OpenedProfile, _allocated, _council_view, open_profile
from agencies.workbook_view import print_profile, profile_json, said
from protocols.catalogue import encode_value
from protocols.errors import InputError, KeyProblem, ProtocolError, VerificationError
from protocols.profile_answer import (
    NOT_PROOF,
    STATE_WORDS,
    AgencyDesk,
    DataKey,
    Freshness,
    Profile,
    ProfileAgency,
    ProfileMember,
    ReleasedValue,
)
from protocols.sealing import new_data_key, seal_box, seal_cell
from protocols.submission import box_context, cell_context
from protocols.vocabulary import Assertion, Kind, Purpose, Role, RoleFunction, Stage, State

FATHER, CHILD, UNBORN = "fatherfatherfather", "childchildchild12", "unbornunborn1234"
SUBMISSION = "sub-" + "0" * 24
AS_AT = date(2026, 11, 3)
VALUES: dict[str, Any] = {
    "police.da_incidents_12m": {"count": 4},
    "police.da_last_incident": {"date": "2026-10-28", "subject_role": "SUSPECT"},
    "police.dash_risk": None,
}


@pytest.fixture
def workbook(make_agency: Callable[..., AgencyFolder]) -> AgencyFolder:
    council = make_agency("social_care")
    write_view(
        council,
        LocalView(
            members={FATHER: LocalMember(name="Karim [red]Haddad", born=date(1986, 3, 19))},
            allocations={
                "WB-1": (
                    LocalAllocation(worker="w-9", role_function=RoleFunction.SOCIAL_WORKER, since=date(2026, 1, 1), until=date(2026, 2, 1)),
                    LocalAllocation(worker="w-1", role_function=RoleFunction.SOCIAL_WORKER, since=date(2026, 2, 1)),
                )
            },
            aliases={"WB-0": "WB-1"},
        ),
    )  # fmt: skip
    return make_agency("workbook", "workbook", council=council.path)


def make_profile(workbook: AgencyFolder, **changed: Any) -> Profile:
    protocol = workbook.protocol
    attributes = {each.id: each for each in protocol.document.attributes}
    key = new_data_key()
    about = box_context("workbook", "police", protocol.digest, 1)
    box = base64.b64encode(seal_box(key, workbook.sealing_key.public, about)).decode()
    data_key = DataKey(
        id=SUBMISSION,
        agency="police",
        protocol_digest=protocol.digest,
        epoch=1,
        recipient=changed.get("recipient", workbook.sealing_key.public.fingerprint),
        box=changed.get("box", box),
    )
    record = "recordrecordrecord"
    values = tuple(
        ReleasedValue(
            attribute=name,
            title=attributes[name].title,
            as_at=AS_AT,
            assertion=Assertion.ALLEGATION,
            freshness=Freshness.STALE if name == "police.da_last_incident" else Freshness.FRESH,
            sentence="The police may tell you this because of section 47.",
            basis="Children Act 1989 s.47",
            rule="police-da",
            decision_id=f"d-{name}",
            court_derived=False,
            break_glass=False,
            sealed=base64.b64encode(
                seal_cell(
                    encode_value(attributes[name], value, changed.get("own_date") if value else None),
                    key,
                    cell_context("police", changed.get("sealed_for", record), name, AS_AT, protocol.digest),
                )
            ).decode(),
            key=changed.get("key", SUBMISSION),
            record_ref=record,
        )
        for name, value in VALUES.items()
    )
    desk = AgencyDesk(team="safeguarding desk", phone="01632 960002")

    def agency(
        name: str, state: State, held: tuple[ReleasedValue, ...] = (), refused: tuple[str, ...] = ()
    ) -> ProfileAgency:
        return ProfileAgency(
            agency=name,
            name=f"The {name}",
            state=state,
            words=STATE_WORDS[state],
            known=state is State.RELEASED,
            values=held,
            consent_needed=False,
            refused=refused,
            desk=desk,
            decision_id=f"d-{name}",
        )

    def member(ref: str, role: Role, kind: Kind, stage: Stage | None, *agencies: ProfileAgency) -> ProfileMember:
        return ProfileMember(record_ref=ref, role=role, kind=kind, stage=stage, agencies=agencies)

    now = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    nothing = agency("recovery", State.NOTHING_TO_SHARE)
    return Profile(
        family_ref="WB-1",
        protocol_id=protocol.document.id,
        protocol_version=1,
        protocol_digest=protocol.digest,
        asked_at=now,
        valid_until=now + timedelta(days=1),
        role_function=RoleFunction.SOCIAL_WORKER,
        purpose=Purpose.SAFEGUARDING,
        break_glass=False,
        notice=NOT_PROOF,
        members=(
            member(
                FATHER, Role.FATHER, Kind.ADULT, None,
                agency("police", State.RELEASED, values, ("recovery.episode",)), nothing, agency("probation", State.NOTHING_TO_SHARE),
            ),
            member(CHILD, Role.CHILD, Kind.CHILD, Stage.CP, agency("police", State.PENDING_REVIEW), nothing),
            member(UNBORN, Role.UNBORN, Kind.UNBORN, Stage.PLO, nothing),
        ),
        keys=(data_key,),
    )  # fmt: skip


def opened(workbook: AgencyFolder, **changed: Any) -> OpenedProfile:
    return open_profile(workbook, make_profile(workbook, **changed), "w-1", _council_view(workbook), workbook.protocol)


def test_every_value_is_opened_under_the_councils_own_name_for_the_person(workbook: AgencyFolder) -> None:
    profile = opened(workbook)
    father = profile.members[0]
    assert father.name == "Karim [red]Haddad"
    assert {each.released.attribute: each.value for each in father.agencies[0].values} == VALUES
    assert profile.members[1].name == ""


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"sealed_for": "anotherrecord12345"}, VerificationError, "does not open"),
        ({"recipient": "0" * 32}, KeyProblem, "a key that the Workbook does not use any more"),
        ({"box": base64.b64encode(b"x" * 1200).decode()}, VerificationError, "does not open"),
        ({"box": "not base64!"}, VerificationError, "not base64"),
        ({"key": "sub-" + "1" * 24}, VerificationError, "lacks the data key"),
    ],
)
def test_what_was_altered_or_is_for_somebody_else_is_not_shown_half(
    workbook: AgencyFolder, changed: dict[str, str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        opened(workbook, **changed)


def test_an_attribute_that_the_catalogue_does_not_have_is_refused(workbook: AgencyFolder) -> None:
    profile = make_profile(workbook)
    father = profile.members[0]
    value = father.agencies[0].values[0].model_copy(update={"attribute": "police.unknown"})
    police = father.agencies[0].model_copy(update={"values": (value,)})
    profile = profile.model_copy(update={"members": (father.model_copy(update={"agencies": (police,)}),)})
    with pytest.raises(ProtocolError, match=r"no attribute `police.unknown`"):
        open_profile(workbook, profile, "w-1", LocalView(), workbook.protocol)


def test_the_page_says_who_what_how_sure_how_old_and_why(workbook: AgencyFolder) -> None:
    target = io.StringIO()
    print_profile(opened(workbook), Console(file=target, width=100, highlight=False), rules=True)
    text = " ".join(target.getvalue().split())
    for words in (
        "WB-1 · asked by w-1 as social worker",
        "that is not evidence that there is no involvement and no risk: ask.",
        "Karim [red]Haddad father, born 19 Mar 1986",
        "Known to The police. Ask: safeguarding desk, 01632 960002",
        "ALLEGATION The number of domestic abuse incidents in twelve months: 4 (as at 3 Nov 2026)",
        "28 Oct 2026, suspect (as at 3 Nov 2026; OLD: check with the agency)",
        "None recorded:",
        "Why can I see this? Children Act 1989 s.47: ",
        "The police may tell you this because of section 47. Basis: Children Act 1989 s.47.",
        "Refused to share: episode. Shown because a duty applies; do not ask again.",
        "The recovery; The probation: Nothing that can be shared with you here. This does not mean that there is no involvement or no risk.",
        "Member childchi child, child protection plan",
        "The police: There may be a record. A person has to confirm",
        "Unborn child pre-proceedings",
    ):
        assert words in text, words
    assert text.count("Why can I see this?") == 1
    assert all(len(line) <= 100 for line in target.getvalue().splitlines())


def test_a_values_own_date_is_said_and_makes_it_old(workbook: AgencyFolder) -> None:
    """The service knows the record's date alone and called it fresh."""
    values = opened(workbook, own_date=date(2026, 9, 1)).members[0].agencies[0].values
    (count,) = [each for each in values if each.released.attribute == "police.da_incidents_12m"]
    assert count.released.freshness is Freshness.FRESH
    assert (count.as_at, count.freshness) == (date(2026, 9, 1), Freshness.STALE)
    (nothing,) = [each for each in values if each.value is None]
    assert (nothing.as_at, nothing.freshness) == (AS_AT, Freshness.FRESH)


def test_the_json_holds_the_same(workbook: AgencyFolder) -> None:
    found = json.loads(profile_json(opened(workbook)))
    values = found["members"][0]["agencies"][0]["values"]
    assert {each["attribute"]: each["value"] for each in values} == VALUES
    assert values[0]["why"].startswith("The police may tell")
    assert found["members"][1]["agencies"][0]["state"] == "PENDING_REVIEW"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"count": 3}, "3"),
        ({"count": 3, "last": "2026-11-01"}, "3, last 1 Nov 2026"),
        ({"stage": "CP", "since": "2026-07-20"}, "CP, since 20 Jul 2026"),
        ({"contact": {"name": "Sam Iqbal", "phone": "01632 960300"}, "role": "SOCIAL_WORKER"}, "Sam Iqbal, 01632 960300, social worker"),
        ({"ost": True, "take_home": False}, "ost yes, take home no"),
        ({"status": "IN_TREATMENT", "date": "2026-11-14"}, "in treatment, 14 Nov 2026"),
        ({"factors": ["1B", "3A"]}, "1B and 3A"),
        ({"percent": 87.5, "unauthorised_sessions": 4}, "percent 87.5, unauthorised sessions 4"),
        ({"order": "DAPO", "subject_role": "VICTIM", "risk": "HIGH"}, "DAPO, victim, high"),
        ({"order": "LICENCE", "start": "2026-09-01"}, "licence, start 1 Sep 2026"),
    ],
)  # fmt: skip
def test_values_are_said_in_words(value: dict[str, Any], words: str) -> None:
    assert said(value) == words


def test_the_worker_is_looked_up_in_the_councils_allocations_of_that_day(workbook: AgencyFolder) -> None:
    view = _council_view(workbook)
    assert _allocated(view, "WB-1", RoleFunction.SOCIAL_WORKER, date(2026, 3, 1)) == "w-1"
    assert _allocated(view, "WB-0", RoleFunction.SOCIAL_WORKER, date(2026, 1, 15)) == "w-9"
    for ref, role, day in (
        ("WB-1", RoleFunction.TEAM_MANAGER, date(2026, 3, 1)),
        ("WB-1", RoleFunction.SOCIAL_WORKER, date(2025, 3, 1)),
        ("WB-9", RoleFunction.SOCIAL_WORKER, date(2026, 3, 1)),
    ):
        with pytest.raises(InputError, match=r"allocations name no"):
            _allocated(view, ref, role, day)


def test_without_a_council_folder_there_are_no_names(make_agency: Callable[..., AgencyFolder]) -> None:
    assert _council_view(make_agency("workbook", "workbook")) == LocalView()
    assert read_view(make_agency("police")) == LocalView()


def test_a_damaged_view_is_told(make_agency: Callable[..., AgencyFolder]) -> None:
    folder = make_agency("social_care")
    folder.vault.write("local/display", b"{}x")
    with pytest.raises(InputError, match="damaged"):
        read_view(folder)


def test_an_agencys_folder_does_not_ask(make_agency: Callable[..., AgencyFolder], tmp_path: Path) -> None:
    from agencies.client import ServiceClient
    from agencies.workbook import ask_profile

    folder = make_agency("police")
    with ServiceClient(folder) as client, pytest.raises(KeyProblem, match="not the Workbook's folder"):
        ask_profile(folder, client, "WB-1", RoleFunction.SOCIAL_WORKER)
