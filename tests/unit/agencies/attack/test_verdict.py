"""Verdicts, intervals and what chance gives."""

from __future__ import annotations

import pytest

from agencies.attack.verdict import CutOffs, Limit, Measure, Verdict, finding, most_by_chance, proportion, wilson, worst
from protocols.errors import InputError


def test_wilson_agrees_with_published_values() -> None:
    # Newcombe (Statistics in Medicine 17, 1998), table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for successes, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = wilson(successes, trials)
        assert found.low == pytest.approx(low, abs=5e-5)
        assert found.high == pytest.approx(high, abs=5e-5)


def test_wilson_without_trials_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_figure_is_judged_by_its_own_cut_off() -> None:
    cut_offs = CutOffs()
    judged = [
        cut_offs.judge(Measure(name="x", about="x", value=value, limit="fidelity")) for value in (0.1, 0.11, 0.21)
    ]
    assert judged == [Verdict.PASS, Verdict.WARN, Verdict.FAIL]
    assert cut_offs.judge(Measure(name="x", about="x", value=9)) is Verdict.TOLD


def test_what_guessing_gives_is_not_a_finding() -> None:
    cut_offs = CutOffs()
    found = proportion("seeds_20", "found", 3, 100, limit="seeds_20", chance=3)
    assert cut_offs.judge(found) is Verdict.PASS
    assert cut_offs.judge(found.model_copy(update={"successes": 4, "value": 0.04})) is Verdict.FAIL


def test_chance_grows_with_the_number_of_tests() -> None:
    assert most_by_chance(1000, 0.001) == 6
    assert most_by_chance(1000, 0.001, tests=10) == 7
    assert most_by_chance(1000, 0.001, together=3.0) >= most_by_chance(1000, 0.001)


def test_defaults_are_what_the_requirements_say() -> None:
    cut_offs = CutOffs()
    assert cut_offs.seeds_20.fail == 0.01
    assert cut_offs.seeds_5pct.fail == cut_offs.seeds_quarter.fail == 0.05
    assert (cut_offs.fidelity.warn, cut_offs.fidelity.fail) == (0.10, 0.20)
    assert cut_offs.unseeded.fail == 0.01
    assert (cut_offs.decoder.warn, cut_offs.decoder.fail) == (3, 5)
    assert "T12" not in cut_offs.blocking


def test_the_worst_verdict_wins() -> None:
    assert worst([Verdict.PASS, Verdict.FAIL, Verdict.WARN]) is Verdict.FAIL
    assert worst([Verdict.TOLD, Verdict.PASS]) is Verdict.PASS
    assert worst([]) is Verdict.TOLD


def test_advice_is_for_what_is_to_be_changed() -> None:
    good = finding(
        "T6", "x", CutOffs(), [Measure(name="x", about="x", value=0, limit="fidelity")], given="g", got="g", advice="do"
    )
    bad = finding(
        "T6", "x", CutOffs(), [Measure(name="x", about="x", value=1, limit="fidelity")], given="g", got="g", advice="do"
    )
    assert (good.advice, bad.advice) == ("", "do")


def test_a_warning_comes_before_the_failure() -> None:
    with pytest.raises(InputError, match="fidelity"):
        CutOffs(fidelity=Limit(0.3, 0.2))


def test_an_unknown_cut_off_is_refused() -> None:
    with pytest.raises(InputError, match="cut-off"):
        CutOffs().judge(Measure(name="x", about="x", value=1, limit="blocking"))
