"""The whole suite: plain filters fail it, the shipped schema under diffusion of five bits does not, and nothing personal is in a report."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from agencies.attack import findings_seeded
from agencies.attack.page import html_report
from agencies.attack.people import by_group, corrupted, numbered, overlapping, whole_groups
from agencies.attack.public import place_in_list
from agencies.attack.report import AttackReport, blocking_findings
from agencies.attack.suite import TESTS, make_stage, run_suite
from agencies.attack.verdict import CutOffs, Verdict
from agencies.encoding.comparator import Comparator
from agencies.encoding.harden import Hardening
from protocols.errors import InputError

SIZE = 300
COMPARATORS = (Comparator("given-and-birth", ("given_name", "date_of_birth"), 12),)


@pytest.fixture(scope="module")
def attacked(families, schema, secret):
    made: dict[str, AttackReport] = {}

    def get(profile: str) -> AttackReport:
        if profile not in made:
            held = families(SIZE)
            parts = [(schema, Hardening(profile, t=5))]
            made[profile] = run_suite(held.people, held.households, parts, secret=secret, seed=11)
        return made[profile]

    return get


def test_plain_filters_fail_every_test_that_can_fail(attacked) -> None:
    report = attacked("compat")
    verdicts = {each.test: each.verdict for each in report.findings}
    assert verdicts["T12"] is Verdict.TOLD
    failed = {test for test, verdict in verdicts.items() if verdict is Verdict.FAIL}
    assert failed >= {"T0", "T5", "T6", "T7", "T8", "T9", "T10"}
    assert report.verdict is Verdict.FAIL
    assert {each.test for each in blocking_findings(report, CutOffs())} == failed
    for known in ("seeds_20", "seeds_5pct", "seeds_quarter"):
        assert report.value("T8", known) > 0.95
        assert report.value("T8", f"{known}_published") > 0.95
    assert report.value("T12", "dictionary") == 1


def test_hardened_filters_do_not_fail(attacked) -> None:
    report = attacked("standard")
    failed = {each.test: each.got for each in report.findings if each.verdict is Verdict.FAIL}
    assert failed == {}
    assert blocking_findings(report, CutOffs()) == ()
    assert report.value("T6", "fidelity") <= 0.10
    assert report.value("T12", "dictionary") == 1


def test_every_finding_says_what_was_given_and_got(attacked) -> None:
    for profile in ("compat", "standard"):
        report = attacked(profile)
        assert [each.test for each in report.findings] == list(TESTS)
        for each in report.findings:
            assert len(each.given) > 10
            assert len(each.got) > 10
            assert bool(each.advice) == (each.verdict in (Verdict.WARN, Verdict.FAIL))
            for measure in each.measures:
                if measure.interval:
                    assert measure.interval.low <= measure.value <= measure.interval.high


def test_no_value_of_a_person_is_in_a_report(attacked, families, secret) -> None:
    people = families(SIZE).people
    words = {each.family_name for each in people} | {each.given_name for each in people}
    words |= {each.date_of_birth for each in people} | {each.postcode for each in people}
    words |= {each.address for each in people} | set(families(SIZE).households)
    for profile in ("compat", "standard"):
        report = attacked(profile)
        for text in (report.canonical().decode(), html_report(report), repr(report)):
            assert not words & set(re.findall(r"[\w-]+", text.lower() + text))
            assert not any(each.address in text for each in people)
            assert secret.hex() not in text


def test_the_same_seed_gives_the_same_figures(families, schema, secret) -> None:
    held = families(SIZE)
    parts = [(schema, Hardening("standard", t=5))]
    tests = ("T1", "T3", "T5", "T12")
    one, two = (run_suite(held.people, held.households, parts, secret=secret, seed=4, tests=tests) for _ in range(2))
    assert [each.measures for each in one.findings] == [each.measures for each in two.findings]
    assert json.loads(one.canonical())["findings"] != []


def test_a_sample_is_drawn_by_whole_groups(families, schema, secret) -> None:
    held = families(SIZE)
    stage = make_stage(held.people, held.households, [(schema, Hardening())], secret, seed=1, sample=150)
    assert 150 <= len(stage.people) <= 156
    drawn = {id(person) for person in stage.people}
    for reference in set(held.households):
        members = [id(p) for p, h in zip(held.people, held.households, strict=True) if h == reference]
        assert not drawn & set(members) or drawn >= set(members)


def test_several_encodings_of_a_record_count_as_that_record(families, schema, secret) -> None:
    held = families(100)
    people = [person for person in held.people for _ in range(2)]
    records = [str(number) for number in range(100) for _ in range(2)]
    groups = [group for group in held.households for _ in range(2)]
    report = run_suite(
        people, groups, [(schema, Hardening("compat"))], secret=secret, seed=1, records=records, tests=("T8",)
    )
    assert report.value("T8", "seeds_20") > 0.95


def test_against_a_public_list_only_people_on_it_are_found(families, schema, secret) -> None:
    held = families(SIZE)
    listed = corrupted(held.people[: SIZE // 2], np.random.default_rng(1))
    on_list = int((place_in_list(held.people, listed) >= 0).sum())
    report = run_suite(
        held.people, held.households, [(schema, Hardening("compat"))],
        secret=secret, seed=1, attacker_list=listed, tests=("T8", "T9", "T12"),
    )  # fmt: skip
    assert report.attacker_list == f"a public list of {SIZE // 2} people"
    assert report.value("T8", "seeds_20") > 0.8
    assert report.finding("T12").measures[0].trials == on_list


@pytest.mark.parametrize(("profile", "low", "high"), [("compat", 0.95, 1.0), ("standard", 0.0, 0.05)])
def test_a_deep_run_looks_for_records_among_everybody(
    families, schema, secret, monkeypatch, profile: str, low: float, high: float
) -> None:
    """More rows than fit in one graph: records (one with two encodings) are looked for in the whole list."""
    monkeypatch.setattr("agencies.attack.stage.GRAPH_ROWS", 100)
    monkeypatch.setattr("agencies.attack.findings_seeded.DEEP_TARGETS", 150)
    held = families(SIZE)
    people, groups = [*held.people, held.people[0]], [*held.households, held.households[0]]
    records = [*map(str, range(SIZE)), "0"]
    report = run_suite(
        people, groups, [(schema, Hardening(profile, t=5))],
        secret=secret, seed=1, records=records, deep=True, comparators=COMPARATORS, tests=("T8",),
    )  # fmt: skip
    runs = [each for each in report.finding("T8").measures if each.name == "seeds_quarter"]
    assert low <= runs[0].value <= high
    stage = make_stage(people, groups, [(schema, Hardening(profile, t=5))], secret, seed=1, records=records, deep=True)
    assert stage.whole.size == SIZE
    run = findings_seeded._deep(stage, 75)
    assert run.scored == 150
    assert low <= run.share <= high


def test_several_clks_are_attacked_side_by_side(families, schema, secret) -> None:
    held = families(300)
    parts = [(schema, Hardening("compat")), (schema, Hardening("standard", t=5))]
    report = run_suite(held.people, held.households, parts, secret=secret, seed=1, tests=("T0", "T6"))
    assert report.value("T6", "fidelity") > 0.3
    assert "+" in report.encoding


def test_a_handful_of_people_is_refused(families, schema, secret) -> None:
    held = families(SIZE)
    with pytest.raises(InputError, match="at least 50"):
        run_suite(held.people[:49], held.households[:49], [(schema, Hardening())], secret=secret, seed=1)


def test_without_the_extra_the_message_names_it(families, schema, secret, monkeypatch) -> None:
    import agencies.attack.extra as extra

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(extra.importlib, "import_module", missing)
    held = families(SIZE)
    with pytest.raises(InputError, match=r"kinlink\[attack\]"):
        run_suite(held.people, held.households, [(schema, Hardening())], secret=secret, seed=1)


def test_groups_are_numbered_and_no_group_is_a_group_of_one() -> None:
    assert numbered(["a", "", "a", ""]).tolist() == [0, 1, 0, 2]


def test_groups_stay_whole_when_rows_are_split(families) -> None:
    groups, rng = families(SIZE).groups, np.random.default_rng(8)
    assert sorted(by_group(groups, rng)) == list(range(SIZE))
    some = whole_groups(groups, 100, rng)
    assert set(np.flatnonzero(np.isin(groups, groups[some]))) == set(some)
    sides = overlapping(groups, 0.5, rng)
    common = sides.truth >= 0
    assert (sides.listed[sides.truth[common]] == sides.victims[common]).all()
    assert common.mean() == pytest.approx(0.5, abs=0.03)
    assert not set(groups[sides.victims[common]]) & set(groups[sides.victims[~common]])


def test_a_dirty_list_differs_from_the_clean_one_as_it_says(families) -> None:
    people = families(SIZE).people
    dirty = corrupted(people, np.random.default_rng(3))
    changed = [a.family_name != b.family_name for a, b in zip(people, dirty, strict=True)]
    moved = [a.postcode != b.postcode for a, b in zip(people, dirty, strict=True)]
    assert 0.01 < np.mean(changed) < 0.08
    assert 0.08 < np.mean(moved) < 0.22


def test_the_smallest_extract_is_attacked_in_every_way(families, schema, secret) -> None:
    held = families(50)
    report = run_suite(held.people, held.households, [(schema, Hardening(t=5))], secret=secret, seed=2)
    assert [each.test for each in report.findings] == list(TESTS)
    alone = run_suite(
        held.people, [""] * 50, [(schema, Hardening(t=5))], secret=secret, seed=2, tests=("T6", "T7", "T8")
    )
    assert alone.groups == 50
