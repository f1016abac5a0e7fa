"""Verdicts: what was measured, where the line is, and what it takes to go past it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from protocols.errors import InputError
from protocols.signing import Wire

_Z95 = 1.959963984540054
BY_CHANCE = 5e-4


class Verdict(StrEnum):
    """How a test ended. TOLD is information that no cut-off judges."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"
    TOLD = "told"


_ORDER = (Verdict.TOLD, Verdict.PASS, Verdict.WARN, Verdict.FAIL)


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of several verdicts; TOLD if there is none."""
    return max(verdicts, key=_ORDER.index, default=Verdict.TOLD)


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's 95 % score interval of a proportion (Wilson, JASA 22, 1927); (0, 1) without trials."""
    if trials == 0:
        return Interval(0.0, 1.0)
    share, z2 = successes / trials, _Z95 * _Z95
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return Interval(low, 1.0 if successes == trials else min(1.0, middle + half))


def share_of(right: int, scored: int) -> str:
    """So many of so many people, with the share and the upper end of its interval, in words."""
    return f"{right:,} of {scored:,} people ({right / max(scored, 1):.1%}, at most {wilson(right, scored).high:.1%})"


class Measure(Wire):
    """One figure. `limit` names its cut-off, `baseline` is what guessing gives; counts are there where it is a proportion.

    `chance` is the most successes that guessing gives in 1,999 of 2,000 such tests: up to it, nothing was found.
    """

    name: str
    about: str
    value: float
    limit: str | None = None
    baseline: float | None = None
    successes: int | None = Field(default=None, ge=0)
    trials: int | None = Field(default=None, ge=0)
    chance: int | None = Field(default=None, ge=0)

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval where the figure is a proportion."""
        if self.successes is None or self.trials is None:
            return None
        return wilson(self.successes, self.trials)


def proportion(
    name: str,
    about: str,
    successes: int,
    trials: int,
    *,
    baseline: float | None = None,
    limit: str | None = None,
    chance: int | None = None,
) -> Measure:
    """A share of people (or bits, or rows), with its counts."""
    return Measure(
        name=name,
        about=about,
        value=successes / trials if trials else 0.0,
        limit=limit,
        baseline=baseline,
        successes=successes,
        trials=trials,
        chance=chance,
    )


def most_by_chance(trials: int, guess: float, tests: int = 1, together: float = 1.0) -> int:
    """The most successes of `trials` that guessing gives in 1,999 of 2,000 cases, over the best of several tests.

    `together` is how many successes come at a time (groups are right or wrong as a whole).
    """
    from scipy.stats import poisson

    return int(poisson.ppf(1 - BY_CHANCE / tests, trials * guess / together) * together)


@dataclass(frozen=True, slots=True)
class Limit:
    """Above `warn` a figure is worth a warning, above `fail` it fails."""

    warn: float
    fail: float


@dataclass(frozen=True, slots=True)
class CutOffs:
    """Where each test fails. A sharing protocol may set its own; these are the defaults.

    `lint`: rules broken. `fill`: distance of the mean fill from [.40, .55]. `bit_frequency_sd` and `bit_extremes`: spread of the bit
    frequencies beyond chance, and bits that are (nearly) always or never set. `identical`: share of rows that different people share.
    `length`: |correlation| of popcount and number of tokens. `co_occurrence`: share of bit pairs that go together. `frequency`,
    `patterns`: values or q-grams recovered. `fidelity`: correlation of similarities under two keys. The rest are shares of people:
    `unseeded` with nobody known, `seeds_20`, `seeds_5pct`, `seeds_quarter` with that many known; `groups_few` and `groups_many` the
    share beyond guessing when the attacker also has the groups, and knows nobody or 20, or 5 % or 25 %, of the people (nobody has
    published that attack, so these limits are this project's own); `decoder` is a multiple of guessing; `learner` the share found by a learned encoder with a quarter known; `singled_out` the
    share of CLKs that fit fewer than five people.
    """

    lint: Limit = Limit(0.0, 0.0)
    fill: Limit = Limit(0.0, 0.05)
    bit_frequency_sd: Limit = Limit(0.06, 0.10)
    bit_extremes: Limit = Limit(0.0, 0.0)
    identical: Limit = Limit(0.0, 0.01)
    length: Limit = Limit(0.25, 0.5)
    co_occurrence: Limit = Limit(0.005, 0.03)
    frequency: Limit = Limit(0.0, 0.05)
    patterns: Limit = Limit(0.5, 0.8)
    fidelity: Limit = Limit(0.10, 0.20)
    unseeded: Limit = Limit(0.005, 0.01)
    seeds_20: Limit = Limit(0.005, 0.01)
    seeds_5pct: Limit = Limit(0.02, 0.05)
    seeds_quarter: Limit = Limit(0.04, 0.05)
    groups_few: Limit = Limit(0.05, 0.10)
    groups_many: Limit = Limit(0.20, 0.30)
    decoder: Limit = Limit(3.0, 5.0)
    learner: Limit = Limit(0.02, 0.05)
    singled_out: Limit = Limit(0.01, 0.05)
    blocking: frozenset[str] = field(
        default_factory=lambda: frozenset({"T0", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"})
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Limit) and not 0 <= value.warn <= value.fail:
                raise InputError(
                    f"The cut-off `{each.name}` warns at {value.warn} and fails at {value.fail}.",
                    next_step="A warning must come at or before the failure, and neither is below 0.",
                )

    def judge(self, measure: Measure) -> Verdict:
        """The verdict on one figure. Raises `InputError` for a figure whose cut-off this version does not know."""
        if measure.limit is None:
            return Verdict.TOLD
        limit = getattr(self, measure.limit, None)
        if not isinstance(limit, Limit):
            raise InputError(
                f"The attack report judges `{measure.name}` by a cut-off that this version does not have.",
                next_step="Run the attack again with this version.",
            )
        if measure.chance is not None and measure.successes is not None and measure.successes <= measure.chance:
            return Verdict.PASS
        if measure.value > limit.fail:
            return Verdict.FAIL
        return Verdict.WARN if measure.value > limit.warn else Verdict.PASS


class Finding(Wire):
    """What one test found: the sentence for a data protection officer (`given`, `got`), the figures, and what to change."""

    test: str
    title: str
    verdict: Verdict
    given: str
    got: str
    advice: str = ""
    measures: tuple[Measure, ...] = ()
    seconds: float = 0.0

    def judged(self, cut_offs: CutOffs) -> Verdict:
        """The verdict under other cut-offs."""
        return worst([cut_offs.judge(measure) for measure in self.measures])


def finding(
    test: str, title: str, cut_offs: CutOffs, measures: list[Measure], *, given: str, got: str, advice: str = ""
) -> Finding:
    """A finding with its verdict; the advice is kept only where there is something to change."""
    verdict = worst([cut_offs.judge(measure) for measure in measures])
    return Finding(
        test=test,
        title=title,
        verdict=verdict,
        given=given,
        got=got,
        advice=advice if verdict in (Verdict.WARN, Verdict.FAIL) else "",
        measures=tuple(measures),
    )
