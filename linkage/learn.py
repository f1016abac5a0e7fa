"""What a run learns before it links: how alike strangers and relatives are, and what that makes of each agency's distances.

What was learnt is kept for the next runs and used again, until a share `RELEARN` of what it was learnt from has changed:
of the declaring agency's records or the declared people, then everything is learnt anew; of one agency's records, then
its own part. So a small change moves no link but those that it touches. Where hardly anybody was found, the first who
comes would be taken for a stranger: there, any change is a reason to learn anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from linkage import nulls as null
from linkage.bits import pack
from linkage.calibrate import Calibration, Counts, Scale, calibrate
from linkage.candidates import Side
from linkage.checks import tally_checked
from linkage.declared import Declared, grouped
from linkage.records import EncodedRecords
from protocols.matching import ContextRules, MatchRules

RELEARN = 0.05
ENOUGH = 100.0
"""Links expected at an agency below which its calibration rests on too little to be kept once anything has changed."""


@dataclass(frozen=True)
class Basis:
    """How many records or people something was learnt from, and how many of them have changed since, over all runs."""

    size: int
    changed: int = 0

    @property
    def share(self) -> float:
        """The share that has changed."""
        return self.changed / max(1, self.size)

    def after(self, changed: int) -> Basis:
        """The basis after more has changed."""
        return replace(self, changed=self.changed + changed)


@dataclass(frozen=True, eq=False)
class Tally:
    """An agency's counts by level and distance, of which only every k-th person was counted, and what they are of.

    `further` is what the family step found of members' further records, under the rules `context`, and `found` how many
    links were expected then.
    """

    counts: Counts
    every: int
    records: Basis
    people: Basis
    context: ContextRules | None = None
    further: tuple[float, ...] = ()
    found: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether it may still be used."""
        unchanged = self.records.changed == self.people.changed == 0
        return self.records.share < RELEARN and (unchanged or self.found >= ENOUGH)


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt under some terms. `why` says of each agency whether its calibration is new, and why."""

    terms: str
    largest_group: int
    nulls: null.Nulls
    relatives: float
    anchor: Basis
    people: Basis
    tallies: Mapping[str, Tally]
    calibration: Calibration
    why: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """How many of the anchor's records, of the people and of each agency's records have changed since the last run."""

    anchor: int
    people: int
    agencies: Mapping[str, int]


def learn(
    anchor: EncodedRecords,
    people: Declared,
    side: Side,
    agencies: Sequence[EncodedRecords],
    rules: MatchRules,
    threads: int | None,
    say: Callable[[str, str], None],
    before: tuple[Learnt, Changed] | None = None,
) -> Learnt:
    """Compare the anchor with itself and with every agency, and fit the mixture; or keep what was learnt before.

    `side` holds the people's encodings. `say` is told each step and its agency.
    """
    say("compare the declaring agency's own records", anchor.agency)
    kept, reason = _kept(anchor, rules, before)
    if kept is None:
        sizes: NDArray[np.float64] = np.array([family.size for family in people.families], dtype=np.float64)
        relatives = float((sizes * (sizes - 1)).sum() / max(len(people), 1))
        nulls = _nulls(anchor, people, agencies, rules, threads)
        bases = Basis(len(anchor)), Basis(len(people))
    else:
        nulls, relatives, bases = kept.nulls, kept.relatives, (kept.anchor, kept.people)
    tallies: dict[str, Tally] = {}
    why: dict[str, str] = {}
    new: set[str] = set()
    for records in agencies:
        name = records.agency
        say("count distances", name)
        if records.clks.shape[0] == 0:
            continue
        tally = None if kept is None else kept.tallies.get(name)
        if tally is not None and tally.kept:
            tallies[name], why[name] = tally, _said(tally)
            continue
        counts, every = tally_checked(
            side.words, side.checks, pack(records.clks), records.checked, records.bits, threads=threads
        )
        tallies[name] = Tally(counts, every, Basis(len(records)), Basis(len(people)))
        why[name] = f"learnt anew: {_because(tally, reason)}"
        new.add(name)
    if kept is not None and not new:
        calibration = kept.calibration
    else:
        counted = {name: tally.counts for name, tally in tallies.items()}
        calibration = calibrate(Scale.of(anchor.bits), nulls.strangers, nulls.same_family, counted, relatives)
        if kept is not None:
            calibration = _with_kept(calibration, kept.calibration, set(tallies) - new)
    terms = _terms(anchor)
    return Learnt(terms, rules.context.largest_group, nulls, relatives, *bases, tallies, calibration, why)


def people_side(anchor: EncodedRecords, people: Declared) -> Side:
    """The declared people's encodings."""
    number = np.full(len(anchor), -1, dtype=np.int32)
    number[people.rows] = np.arange(len(people), dtype=np.int32)
    owner = number[anchor.owner]
    known = owner >= 0
    return Side(pack(anchor.clks[known]), owner[known], len(people), anchor.checked[known])


def _kept(
    anchor: EncodedRecords, rules: MatchRules, before: tuple[Learnt, Changed] | None
) -> tuple[Learnt | None, str]:
    """What was learnt before, with what has changed since, if it may still be used; or why there is nothing to use."""
    if before is None:
        return None, "nothing was kept"
    learnt, changed = before
    if learnt.terms != _terms(anchor) or learnt.largest_group != rules.context.largest_group:
        return None, "the encodings or the match rules are other ones"
    learnt = replace(
        learnt,
        anchor=learnt.anchor.after(changed.anchor),
        people=learnt.people.after(changed.people),
        tallies={
            name: replace(
                tally,
                records=tally.records.after(changed.agencies.get(name, 0)),
                people=tally.people.after(changed.people),
            )
            for name, tally in learnt.tallies.items()
        },
    )
    if max(learnt.anchor.share, learnt.people.share) >= RELEARN:
        return None, f"{RELEARN:.0%} of the declaring agency's records or of the declared people have changed"
    return learnt, ""


def _terms(anchor: EncodedRecords) -> str:
    return f"{anchor.agency}, {anchor.bits} bits, {anchor.checked.shape[1]} comparators, {anchor.terms}"


def _said(tally: Tally) -> str:
    return (
        f"kept: since it was learnt {tally.records.share:.1%} of the records and {tally.people.share:.1%} of the people have "
        f"changed, and {RELEARN:.0%} may"
    )


def _because(tally: Tally | None, reason: str) -> str:
    if reason:
        return reason
    if tally is None:
        return "nothing was kept of the agency"
    if tally.records.share >= RELEARN:
        return f"{RELEARN:.0%} of its records have changed"
    return f"it rested on fewer than {ENOUGH:.0f} links, and something has changed"


def _with_kept(fresh: Calibration, kept: Calibration, names: set[str]) -> Calibration:
    """The new calibration, with that of some agencies as it was."""

    def mixed(
        new: Mapping[str, NDArray[np.float64]], old: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        return {name: old[name] if name in names else value for name, value in new.items()}

    return replace(
        fresh,
        same_person=mixed(fresh.same_person, kept.same_person),
        shares=mixed(fresh.shares, kept.shares),
        log_odds=mixed(fresh.log_odds, kept.log_odds),
        family_log_ratio=mixed(fresh.family_log_ratio, kept.family_log_ratio),
    )


def _nulls(
    anchor: EncodedRecords,
    people: Declared,
    agencies: Sequence[EncodedRecords],
    rules: MatchRules,
    threads: int | None,
) -> null.Nulls:
    """The anchor's own pairs; for a small anchor, those inside the agencies too."""
    largest = rules.context.largest_group
    families = tuple(people.rows[numbers] for numbers in people.families)
    own = null.observe(anchor, (*families, *grouped(anchor, largest)), threads)
    if null.is_enough(own):
        return own
    others = (records for records in agencies if records.clks.shape[0])
    return null.pooled(own, [null.observe(records, grouped(records, largest), threads) for records in others])
