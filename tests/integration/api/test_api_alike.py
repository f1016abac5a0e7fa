"""From outside, withheld, silent, suppressed and no match are one answer: states, shape, size, and what stays on record for the asker.

Times are compared by `python -m benchmarks.alike`, with a thousand questions of each kind.
"""

import random

import pytest

from api.limiting import Limiter
from protocols.profile import Profile
from protocols.vocabulary import State

KINDS = {3: "withheld", 4: "silent", 5: "suppressed", 6: "no match"}
EACH = 12


@pytest.fixture
def four(linked, tools):
    """Four families that differ in the police's record of the mother alone."""
    people = []
    for person in linked.county.police:
        if person.ref == "POLREF0030":
            person = tools.Person(**(vars(person) | {"hold": "COURT_ORDER"}))
        elif person.ref == "POLREF0040":
            person = tools.Person(**(vars(person) | {"flags": {"silent": True}}))
        elif person.ref in ("POLREF0050", "POLREF0060"):
            continue
        people.append(person)
    strangers = [tools.Person("POLSTRANGER", [tools.clk(77_777)])]  # the fourth mother's place in the file is taken
    assert linked.submit("police", linked.submission("police", [*people, *strangers])).status_code == 201
    assert tools.link(linked)["state"] == "completed"
    return linked


def test_four_kinds_of_nothing_are_one_answer(four):
    order = [number for number in KINDS for _ in range(EACH)]
    random.Random(1).shuffle(order)
    seen, sizes, headers, kept = set(), set(), set(), set()
    for number in order:
        four.service.limiter = Limiter()
        answer = four.ask(f"WB-2000{number}")
        assert answer.status_code == 200
        profile = Profile.read(answer.content, "profile")
        (mother,) = [item for item in profile.members if item.record_ref == f"SOCREF00{number}M"]
        (police,) = [item for item in mother.agencies if item.agency == "police"]
        seen.add((police.model_dump_json(exclude={"decision_id"}), len(police.decision_id)))
        sizes.add(len(answer.content))
        headers.add(tuple(sorted(answer.headers)))
        about = four.call("workbook", "GET", f"/v1/audit/decisions/{police.decision_id}")
        kept.add((about.status_code, about.json()["type"]))
    assert len(seen) == len(sizes) == len(headers) == len(kept) == 1
    assert State.NOTHING_TO_SHARE.value in next(iter(seen))[0]


def test_challenges_about_them_are_one_answer_too(four):
    said = set()
    for number in KINDS:
        about = {
            "reason": "NOT_THIS_PERSON",
            "family_ref": f"WB-2000{number}",
            "member_ref": f"SOCREF00{number}M",
            "agency": "police",
        }
        answer = four.call("social_care", "POST", "/v1/challenges", json=about)
        said.add(
            (answer.status_code, tuple(sorted(answer.json())), answer.json().get("state"), len(answer.content) // 16)
        )
    assert len(said) == 1


def test_the_log_knows_which_was_which(four):
    reasons = {}
    for number, kind in KINDS.items():
        profile = Profile.read(four.ask(f"WB-2000{number}").content, "profile")
        (mother,) = [item for item in profile.members if item.record_ref == f"SOCREF00{number}M"]
        (police,) = [item for item in mother.agencies if item.agency == "police"]
        found = four.officer().get(f"/v1/audit/decisions/{police.decision_id}").json()
        reasons[kind] = {reason.partition(":")[0] for decision in found["decisions"] for reason in decision[3]}
    assert "held" in reasons["withheld"]
    assert "silent" in reasons["silent"]
    assert "no-link" in reasons["suppressed"] & reasons["no match"]
