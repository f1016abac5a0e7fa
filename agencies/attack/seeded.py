"""T8: seeded alignment. An attacker who knows a few of the people finds the others by how similar they are to those.

A record's similarities to the known records are compared with a listed person's similarities to the known people; the surest pairs are
added to the known, and again. Seeded graph matching by mutual nearest neighbours, after Narayanan and Shmatikov, "De-anonymizing social
networks" (IEEE S&P 2009), on the similarity graphs of Vidanage et al. (CIKM 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Floats, Ints
from agencies.attack.checks import Checks
from agencies.attack.views import View

Score = Literal["correlation", "likelihood"]
ITERATIONS = 8
FIRST_SHARE, GROWTH = 0.08, 1.7
MOST_ANCHORS = 1500
ASSIGN_UP_TO = 2000
_BLOCK = 1024
_NEVER = np.float32(-1e9)


@dataclass(frozen=True, slots=True)
class Matches:
    """For every victim record the listed person it looks most like (`best`), and by how much more than the next (`margin`)."""

    best: Ints
    margin: Floats


@dataclass(frozen=True, slots=True)
class Taught:
    """What the anchors teach about the comparators' bits, in the unit of the scores."""

    checks: Checks
    rows: Ints
    places: Ints
    unit: float

    def of(self, victims: slice) -> Floats:
        """Scores of some victims for every listed person."""
        return self.checks.scores(self.rows, self.places, victims) * np.float32(self.unit)


def seeded_alignment(
    victim: View, attacker: View, seeds: tuple[Ints, Ints], rng: np.random.Generator, score: Score = "likelihood",
    *, assign: bool = False, checks: Checks | None = None, noise: float = 1.0,
) -> Matches:  # fmt: skip
    """Match n victim records to m listed people, given `seeds`: rows of the victim and places in the list that belong together.

    `correlation` compares profiles by Pearson's correlation, as published; `likelihood` takes the list's similarities for the expected
    ones and the victim's for those plus noise, which uses the few telling similarities fully. `assign` matches one-to-one (Jonker and
    Volgenant) instead of by mutual nearest neighbours: stronger with few seeds, for up to 2,000 records. `checks` are the keyed
    comparators beside the encodings, weighed against a similarity's `noise` (its standard deviation around what is expected).
    """
    known_rows, known_places = seeds
    rows, places = known_rows, known_places
    matches = Matches(np.full(victim.size, -1, dtype=np.int64), np.zeros(victim.size, dtype=np.float32))
    for iteration in range(ITERATIONS):
        if len(rows) > MOST_ANCHORS:
            keep = np.append(np.arange(len(known_rows)), rng.permutation(np.arange(len(known_rows), len(rows))))
            keep = np.sort(keep[:MOST_ANCHORS])
            rows, places = rows[keep], places[keep]
        left, right, offset = _profiles(victim, attacker, rows, places, score)
        before = matches.best
        taught = None if checks is None else Taught(checks, rows, places, noise * noise)
        matches, mutual = _compare(left, right, offset, seeds, assign=assign, taught=taught)
        if np.array_equal(before, matches.best):
            break
        wanted = int(max(len(known_rows), FIRST_SHARE * victim.size * GROWTH**iteration))
        sure = np.flatnonzero(mutual)
        sure = sure[np.argsort(-matches.margin[sure], kind="stable")][:wanted]
        rows = np.concatenate([known_rows, sure])
        places = np.concatenate([known_places, matches.best[sure]])
    return matches


def fit_of_all(victim: View, attacker: View, rows: Ints, places: Ints) -> Floats:
    """How well each record fits each listed person by their similarities to the anchors alone (log-likelihood up to a factor)."""
    left, right, offset = _profiles(victim, attacker, rows, places, "likelihood")
    scores: Floats = left @ right.T - offset[None, :]
    return scores


def _profiles(victim: View, attacker: View, rows: Ints, places: Ints, score: Score) -> tuple[Floats, Floats, Floats]:
    """Profiles of both sides over the anchors, and what to subtract for each listed person.

    A record's similarity to itself is 1 under every key and says nothing: it is replaced by the mean.
    """
    left, right = _centred(victim.columns(rows), rows), _centred(attacker.columns(places), places)
    if score == "correlation":
        return _normalised(left), _normalised(right), np.zeros(len(right), dtype=np.float32)
    return left, right, (right**2).sum(axis=1) / 2


def _centred(columns: Floats, anchors: Ints) -> Floats:
    centred: Floats = columns - columns.mean(dtype=np.float32)
    centred[anchors, np.arange(len(anchors))] = 0
    return centred


def _normalised(profiles: Floats) -> Floats:
    profiles = profiles - profiles.mean(axis=1, keepdims=True)
    normalised: Floats = profiles / np.maximum(np.linalg.norm(profiles, axis=1, keepdims=True), 1e-12)
    return normalised


def _compare(
    left: Floats, right: Floats, offset: Floats, seeds: tuple[Ints, Ints], *, assign: bool, taught: Taught | None = None
) -> tuple[Matches, NDArray[np.bool_]]:
    """The best listed person of every record, block by block, and which pairs are best for each other. Seeds take no part."""
    count, width = len(left), len(right)
    best, margin = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float32)
    top, holder = np.full(width, -np.inf, dtype=np.float32), np.full(width, -1, dtype=np.int64)
    taken = np.zeros(count, dtype=bool)
    taken[seeds[0]] = True
    if assign and max(count, width) <= ASSIGN_UP_TO:
        scores = _scores(left, right, offset, seeds[1])
        return _assigned(scores if taught is None else scores + taught.of(slice(None)), taken)
    for start in range(0, count, _BLOCK):
        here = slice(start, start + _BLOCK)
        scores = _scores(left[here], right, offset, seeds[1])
        if taught is not None:
            scores += taught.of(here)
        scores[taken[here]] = _NEVER
        first = scores.argmax(axis=1)
        value = scores[np.arange(len(scores)), first]
        column, column_top = scores.argmax(axis=0), scores.max(axis=0)
        better = column_top > top
        top[better], holder[better] = column_top[better], column[better] + start
        scores[np.arange(len(scores)), first] = -np.inf
        best[here], margin[here] = first, value - scores.max(axis=1)
    mutual = (holder[best] == np.arange(count)) & (margin > 0) & ~taken
    return Matches(best, margin), mutual


def _scores(left: Floats, right: Floats, offset: Floats, seed_places: Ints) -> Floats:
    scores: Floats = left @ right.T - offset[None, :]
    scores[:, seed_places] = _NEVER
    return scores


def _assigned(scores: Floats, taken: NDArray[np.bool_]) -> tuple[Matches, NDArray[np.bool_]]:
    from scipy.optimize import linear_sum_assignment

    scores[taken] = _NEVER
    best = scores.argmax(axis=1)
    rows, places = linear_sum_assignment(scores, maximize=True)
    best[rows] = places
    value = scores[np.arange(len(scores)), best].copy()
    scores[np.arange(len(scores)), best] = -np.inf
    margin = value - scores.max(axis=1)
    return Matches(best, margin), ~taken & np.isin(np.arange(len(scores)), rows)
