"""The Workbook asks a real service after a real linking run, and opens what came from the agencies' own extracts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from agencies.client import ServiceClient
from agencies.reading import open_reading
from agencies.submission import Options, make_submission
from agencies.submit import submit
from agencies.workbook import OpenedProfile, ask_profile
from agencies.workbook_view import profile_json
from protocols.errors import InputError, KinlinkError, Refusal
from protocols.vocabulary import RoleFunction, State

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def linked(county: Any) -> Any:
    for name in ("social_care", "police", "probation", "recovery"):
        folder = county.folder(name)
        declarations = county.root / name if name == "social_care" else None
        reading = open_reading(folder, county.extract(name))
        made = make_submission(
            folder, reading, Options(declarations=declarations, accept_difference=True, attack_report="a" * 64)
        )
        with ServiceClient(folder) as client:
            submit(folder, made.path, client)
    done = subprocess.run(
        [sys.executable, "-m", "kinlink", "run", "start", "--data", str(county.data), "--wait"],
        capture_output=True,
        text=True,
        env={**os.environ},
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return county


def ask(county: Any, ref: str, role: RoleFunction, worker: str | None = None) -> OpenedProfile:
    folder = county.folder("workbook")
    with ServiceClient(folder) as client:
        return ask_profile(folder, client, ref, role, worker=worker)


def values(profile: OpenedProfile, name: str, agency: str) -> dict[str, Any]:
    (member,) = [each for each in profile.members if each.name.startswith(name)]
    (found,) = [each for each in member.agencies if each.answer.agency == agency]
    return {each.released.attribute: each.value for each in found.values}


def test_what_is_released_is_what_the_agencies_extracts_say(linked: Any) -> None:
    profile = ask(linked, "WB-20417", RoleFunction.SOCIAL_WORKER)
    assert {"Maya Okafor", "Liam Price", "Tia Whitlock"} <= {member.name for member in profile.members}
    assert values(profile, "Maya", "recovery")["recovery.episode"]["status"] == "IN_TREATMENT"
    assert values(profile, "Maya", "recovery")["recovery.ost_at_home"] == {
        "ost": True,
        "take_home": True,
        "locked_box": False,
    }
    assert values(profile, "Maya", "police")["police.da_incidents_12m"] == {"count": 4}
    assert values(profile, "Maya", "police")["police.da_last_incident"]["subject_role"] == "CHILD_PRESENT"
    assert json.loads(profile_json(profile))["family_ref"] == "WB-20417"


def test_a_perpetrators_worker_learns_nothing_of_the_victim(linked: Any) -> None:
    victim = ask(linked, "WB-20588", RoleFunction.DA_VICTIM_PRACTITIONER)
    assert "police.dash_risk" in values(victim, "Samira", "police")
    perpetrator = ask(linked, "WB-20588", RoleFunction.DA_PERPETRATOR_OFFICER)
    (samira,) = [each for each in perpetrator.members if each.name.startswith("Samira")]
    outside = [each for each in samira.agencies if each.answer.agency != "social_care"]
    assert not any(each.values for each in outside)
    assert not any(each.answer.state is State.RELEASED for each in outside)
    assert "probation.rosh" in values(perpetrator, "Karim", "probation")


def test_a_worker_of_another_case_and_an_unknown_family_are_refused_alike(linked: Any) -> None:
    with pytest.raises(Refusal) as stranger:
        ask(linked, "WB-20417", RoleFunction.SOCIAL_WORKER, worker="w-20588-sw")
    with pytest.raises(KinlinkError) as unknown:
        ask(linked, "WB-99999", RoleFunction.SOCIAL_WORKER, worker="w-20588-sw")
    assert (type(stranger.value), str(stranger.value)) == (type(unknown.value), str(unknown.value))
    with pytest.raises(InputError):
        ask(linked, "WB-99999", RoleFunction.SOCIAL_WORKER)
