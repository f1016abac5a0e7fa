"""Whatever the seed: declarations that hold together, references given once, nobody born tomorrow."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from config.county.generate import county
from config.county.people import EXTRACT_DATE
from config.county.writing import Dataset


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), families=st.integers(10, 80))
def test_every_county_holds_together(seed: int, families: int) -> None:
    made = county(seed, families)
    _references_are_given_once(made)
    _declarations_are_whole(made)
    _people_are_possible(made)
    _consents_follow_the_rules(made)


def _references_are_given_once(made: Dataset) -> None:
    for records in made.records.values():
        assert max(Counter(record.ref for record in records).values()) == 1
    assert max(Counter(case.ref for case in made.cases).values()) == 1
    numbers = [person.nhs for person in made.people.values()]
    assert len(set(numbers)) == len(numbers)


def _declarations_are_whole(made: Dataset) -> None:
    person_of = {record.ref: record.person for record in made.records["social_care"]}
    for case in made.cases:
        assert all(person_of[ref] == person for person, ref in case.refs.items())
        assert {child.id for child in case.family.children} == set(case.stages) <= set(case.refs)
        assert all(since <= EXTRACT_DATE for _, since in case.stages.values())
        assert bool(case.unborn_ref) == (case.unborn_stage is not None)
        assert all(worker.client in ("", *case.refs.values()) for worker in case.workers)
        functions = Counter(worker.role_function for worker in case.workers if not worker.until)
        assert case.closed or (functions["social-worker"], functions["emergency-duty"]) == (1, 1)


def _people_are_possible(made: Dataset) -> None:
    for case in made.cases:
        for bond in case.family.bonds:
            assert bond.adult is not bond.child
            if bond.relationship == "PARENT":
                assert (bond.child.born - bond.adult.born).days > 13 * 365
    for records in made.records.values():
        assert all(record.born is None or record.born <= EXTRACT_DATE for record in records)
        assert all(record.as_at <= EXTRACT_DATE for record in records)


def _consents_follow_the_rules(made: Dataset) -> None:
    for consent in made.consents:
        if consent.capacity != "PR_HOLDER":
            assert consent.given_by == consent.member
        assert (consent.status == "WITHDRAWN") == (consent.withdrawn_at is not None)
        assert consent.given_at.date() <= EXTRACT_DATE
