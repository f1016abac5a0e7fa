"""Grades: what joins, what stays, what a guard holds back, and how much review may be asked for."""

from __future__ import annotations

import numpy as np
import pytest

from linkage.candidates import Candidates
from linkage.grade import CERTAIN, NOTHING, PROBABLE, Evidence, Graded, Pairing, Rule, grade
from linkage.records import GradeName
from linkage.sets import Sets
from linkage.sets import together as meet
from protocols.matching import GuardRules, MatchRules, ReviewRules
from protocols.vocabulary import Kind

RULES = MatchRules(certain=0.99, probable=0.15, stay_certain=0.97, stay_probable=0.10)

WAS: dict[GradeName | None, int] = {None: NOTHING, "probable": PROBABLE, "certain": CERTAIN}


def _graded(
    pairs: list[tuple[int, int, float]],
    *,
    likeness: float = 0.9,
    unaided: float | None = None,
    people: tuple[str, ...] = (Kind.ADULT,) * 4,
    records: tuple[str, ...] = (Kind.ADULT,) * 4,
    decided: tuple[int, ...] = (),
    together: bool = False,
    earlier: dict[tuple[int, int], GradeName] | None = None,
    rules: MatchRules = RULES,
    level: int = 0,
    checked: bool = False,
) -> list[Graded]:
    count = len(pairs)
    probability = np.array([p for _, _, p in pairs])
    rows = np.array([(i, r) for i, r, _ in pairs], dtype=np.int32)
    everyone = Sets.of((np.arange(4, dtype=np.int32),) if together else ())
    pairing = Pairing(
        Candidates(rows[:, 0], rows[:, 1], np.zeros(count, dtype=np.int32), np.full(count, level, dtype=np.int8)),
        probability,
        probability if unaided is None else np.full(count, unaided),
        np.full(count, likeness),
        np.isin(np.arange(count), decided),
        np.array(people),
        np.array(records),
        meet(rows[:, 0], rows[:, 1], everyone, everyone),
        np.array([WAS[(earlier or {}).get((i, r))] for i, r, _ in pairs], dtype=np.int8),
        checked,
    )
    return grade(pairing, rules)


@pytest.mark.parametrize(
    ("probability", "was", "now"),
    [
        (0.995, None, "certain"),
        (0.98, None, "probable"),
        (0.98, "probable", "probable"),
        (0.98, "certain", "certain"),
        (0.96, "certain", "probable"),
        (0.12, None, None),
        (0.12, "probable", "probable"),
        (0.12, "certain", "probable"),
        (0.09, "certain", None),
    ],
)
def test_joining_needs_more_than_staying(probability: float, was: GradeName | None, now: str | None) -> None:
    """A link that wavers about a threshold does not come and go."""
    found = _graded([(0, 0, probability)], earlier={(0, 0): was} if was else None)
    assert [item.grade for item in found] == ([now] if now else [])
    assert all((Evidence.EARLIER_LINK in item.evidence) == (was is not None) for item in found)


def test_a_record_goes_to_its_likeliest_member_alone() -> None:
    """The second best is not even offered for review."""
    found = _graded([(0, 0, 0.45), (1, 0, 0.55), (2, 1, 0.995)])
    assert [(item.person, item.record, item.grade) for item in found] == [(1, 0, "probable"), (2, 1, "certain")]


@pytest.mark.parametrize("kinds", [(Kind.ADULT, Kind.CHILD), (Kind.CHILD, Kind.ADULT)])
@pytest.mark.parametrize("together", [False, True])
def test_an_adult_and_a_child_are_never_certain(kinds: tuple[str, str], together: bool) -> None:
    """Not even with the rest of the family beside them: a father and a son of one name."""
    found = _graded(
        [(0, 0, 1.0), (1, 1, 1.0)],
        people=(kinds[0], Kind.ADULT, Kind.ADULT, Kind.ADULT),
        records=(kinds[1], Kind.ADULT, Kind.ADULT, Kind.ADULT),
        together=together,
        earlier={(0, 0): "certain"},
    )
    assert [(item.grade, item.rule) for item in found] == [("probable", Rule.AGE), ("certain", Rule.PERSON)]


def test_without_a_date_only_the_family_makes_certain() -> None:
    """An UNKNOWN kind goes to review on its own, and is certain beside a sure relative in the same group."""
    kinds = (Kind.UNKNOWN, Kind.ADULT, Kind.ADULT, Kind.ADULT)
    alone = _graded([(0, 0, 1.0), (1, 1, 1.0)], records=kinds)
    beside = _graded([(0, 0, 1.0), (1, 1, 1.0)], records=kinds, together=True)
    assert [(item.grade, item.rule) for item in alone] == [("probable", Rule.NO_DATE), ("certain", Rule.PERSON)]
    assert [(item.grade, item.rule) for item in beside] == [("certain", Rule.FAMILY), ("certain", Rule.PERSON)]


def test_a_distant_pair_is_not_certain_on_its_own() -> None:
    """However probable: it is no closer than two people with one name and place."""
    below, above = RULES.guards.closeness - 0.01, RULES.guards.closeness
    assert [item.rule for item in _graded([(0, 0, 1.0)], likeness=below)] == [Rule.NOT_CLOSE]
    assert [item.rule for item in _graded([(0, 0, 1.0)], likeness=above)] == [Rule.PERSON]


def test_two_lifted_pairs_do_not_vouch_for_each_other() -> None:
    """Company counts only if it is sure without the family step: otherwise a circle would make itself certain."""
    pairs = [(0, 0, 1.0), (1, 1, 1.0)]
    assert {item.grade for item in _graded(pairs, likeness=0.1, unaided=0.5, together=True)} == {"probable"}
    assert {item.grade for item in _graded(pairs, likeness=0.1, unaided=1.0, together=True)} == {"certain"}


def test_review_takes_the_best_of_a_member_and_no_more() -> None:
    """The likeliest records are offered, as many as the rules allow."""
    rules = RULES.model_copy(update={"review": ReviewRules(most_per_member=2, most_share=10.0)})
    found = _graded([(0, 0, 0.3), (0, 1, 0.6), (0, 2, 0.5)], rules=rules)
    assert [item.record for item in found] == [1, 2]


def test_review_takes_no_more_than_the_share_of_an_agency() -> None:
    """Half of the 3.5 links expected, rounded up, are two reviews."""
    rules = RULES.model_copy(update={"review": ReviewRules(most_per_member=20, most_share=0.5)})
    found = _graded([(0, 0, 0.9), (1, 1, 0.9), (2, 2, 0.9), (3, 3, 0.8)], rules=rules)
    assert len(found) == 2


def test_no_pairs_no_grades() -> None:
    """An agency where nobody is known."""
    none = np.empty(0, dtype=np.int32)
    empty = np.empty(0)
    kinds = np.array([Kind.ADULT])
    pairing = Pairing(
        Candidates(none, none, none, np.empty(0, dtype=np.int8)),
        empty,
        empty,
        empty,
        np.empty(0, dtype=bool),
        kinds,
        kinds,
        meet(none, none, Sets.of(()), Sets.of(())),
        np.empty(0, dtype=np.int8),
    )
    assert grade(pairing, RULES) == []


def test_a_person_is_no_company_for_itself() -> None:
    """Two records of one undated member in one group are one kind of evidence, not two."""
    rules = RULES.model_copy(update={"review": ReviewRules(most_share=1.0)})
    found = _graded([(0, 0, 1.0), (0, 1, 1.0)], records=(Kind.UNKNOWN,) * 4, together=True, rules=rules)
    assert [(item.grade, item.rule) for item in found] == [("probable", Rule.NO_DATE)] * 2


CHECKED = RULES.model_copy(update={"guards": GuardRules(closeness=0.6, closeness_agreeing=(0.3, 0.1))})


@pytest.mark.parametrize(
    ("level", "likeness", "now", "rule"),
    [
        (0, 0.9, "probable", Rule.NO_DATE),  # nothing to compare: undated, whatever kind the agency states
        (1, 0.5, "probable", Rule.NOT_CLOSE),  # neither comparator agrees: a father and a son
        (1, 0.7, "certain", Rule.PERSON),
        (2, 0.2, "probable", Rule.NOT_CLOSE),  # only the family name and the date: a twin
        (2, 0.4, "certain", Rule.PERSON),
        (3, 0.05, "probable", Rule.NOT_CLOSE),
        (3, 0.2, "certain", Rule.PERSON),
    ],
)
def test_how_alike_a_pair_must_be_depends_on_what_its_checks_say(
    level: int, likeness: float, now: str, rule: Rule
) -> None:
    (found,) = _graded([(0, 0, 0.995)], level=level, checked=True, likeness=likeness, rules=CHECKED)
    assert (found.grade, found.rule) == (now, rule)


@pytest.mark.parametrize(("level", "now"), [(0, "certain"), (1, "probable"), (2, "probable"), (3, "certain")])
def test_the_family_does_not_vouch_for_what_relatives_share(level: int, now: str) -> None:
    """A twin beside the mother has family name, date and family, and a son name, place and family: not two kinds of evidence."""
    found = _graded(
        [(0, 0, 0.995), (1, 1, 0.995)], level=level, checked=True, likeness=0.05, together=True, rules=CHECKED
    )
    assert {item.grade for item in found} == {now}
