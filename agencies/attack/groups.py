"""T7 and T8 with groups given: the attacker sees which records belong together, and so does the matcher.

A group is compared as a whole with every listed group of its size: over all ways to pair their members, the similarities inside the
group (they say who is whose sibling or parent) and each member's similarities to the people known so far. No published attack on
linkage encodings uses this. Group linkage itself: On, Koudas, Lee and Srivastava (ICDE 2007).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Floats, Ints
from agencies.attack.checks import Checks
from agencies.attack.views import Dense

ALL_ORDERS_UP_TO = 6
MOST_ORDERS = 720
ITERATIONS = 6
FIRST_SHARE, GROWTH = 0.05, 1.8
_SURE, _UNLIKE = 1e6, 1e4


@dataclass(frozen=True, slots=True)
class GroupMatches:
    """For every victim record the listed person found for it (`best`, -1 where no listed group has the size), and the margin of
    its group's best match over the next, in nats."""

    best: Ints
    margin: Floats


@dataclass(frozen=True, slots=True)
class _Sized:
    """All groups of one size on both sides: member rows, shape (groups, size)."""

    victims: Ints
    listed: Ints


def group_alignment(
    victim: Dense, expected: Dense, groups: tuple[Ints, Ints], seeds: tuple[Ints, Ints], noise: float,
    checks: Checks | None = None, seen: tuple[Ints, Ints] | None = None,
) -> GroupMatches:  # fmt: skip
    """Match records to listed people group by group. `groups` numbers both sides' groups, `seeds` pairs known rows and places (may
    be empty), `noise` is the standard deviation of a similarity around what is expected, `checks` the keyed comparators beside the
    encodings, `seen` numbers what stands in clear beside each record and would beside each listed person: both must be equal."""
    other = np.float32(-_UNLIKE) * (seen[0][:, None] != seen[1][None, :]) if seen is not None else None
    sizes = list(_by_size(*groups))
    matches = GroupMatches(np.full(victim.size, -1, dtype=np.int64), np.zeros(victim.size, dtype=np.float32))
    rows, places = seeds
    for iteration in range(ITERATIONS):
        person = _person_scores(victim, expected, rows, places, seeds, noise)
        if checks is not None:
            person += checks.scores(rows, places)
        if other is not None:
            person += other
        before = matches.best
        matches, sure = _match(victim, expected, sizes, person, noise)
        if np.array_equal(before, matches.best):
            break
        wanted = int(max(len(seeds[0]), FIRST_SHARE * victim.size * GROWTH**iteration))
        sure = sure[np.argsort(-matches.margin[sure], kind="stable")][:wanted]
        sure = sure[~np.isin(sure, seeds[0])]
        rows = np.concatenate([seeds[0], sure])
        places = np.concatenate([seeds[1], matches.best[sure]])
    return matches


def _by_size(victims: Ints, listed: Ints) -> Iterator[_Sized]:
    left, right = _members(victims), _members(listed)
    for size in sorted(left):
        if size in right:
            yield _Sized(np.array(left[size]), np.array(right[size]))


def _members(groups: Ints) -> dict[int, list[Ints]]:
    order = np.argsort(groups, kind="stable")
    found: dict[int, list[Ints]] = {}
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        found.setdefault(len(rows), []).append(rows)
    return found


def _person_scores(
    victim: Dense, expected: Dense, rows: Ints, places: Ints, seeds: tuple[Ints, Ints], noise: float
) -> Floats:
    """Log-likelihood of each record being each listed person, from the people known so far; a known pair is certain."""
    scores = np.zeros((victim.size, expected.size), dtype=np.float32)
    if len(rows):
        left, right = victim.columns(rows), expected.columns(places)
        left = left - left.mean(dtype=np.float32)
        right = right - right.mean(dtype=np.float32)
        left[rows, np.arange(len(rows))] = 0
        right[places, np.arange(len(places))] = 0
        scores = (left @ right.T - (right**2).sum(axis=1)[None, :] / 2) / np.float32(noise**2)
    scores[seeds[0]] -= _SURE
    scores[:, seeds[1]] -= _SURE
    scores[seeds[0], seeds[1]] = _SURE
    return scores


def _match(
    victim: Dense, expected: Dense, sizes: list[_Sized], person: Floats, noise: float
) -> tuple[GroupMatches, Ints]:
    """The best listed group of each group, with the best pairing of members; and the records of mutually best groups."""
    best = np.full(victim.size, -1, dtype=np.int64)
    margin = np.zeros(victim.size, dtype=np.float32)
    sure: list[Ints] = []
    for groups in sizes:
        scores, orders = _group_scores(victim, expected, groups, person, noise)
        first = scores.argmax(axis=1)
        number = np.arange(len(scores))
        value = scores[number, first]
        mutual = scores.argmax(axis=0)[first] == number
        others = scores.copy()
        others[number, first] = -np.inf
        gap = value - others.max(axis=1) if scores.shape[1] > 1 else np.full(len(scores), 1.0, dtype=np.float32)
        best[groups.victims] = np.take_along_axis(groups.listed[first], orders[number, first], axis=1)
        margin[groups.victims] = gap[:, None]
        sure.append(groups.victims[mutual & (gap > 0)].ravel())
    return GroupMatches(best, margin), np.concatenate(sure) if sure else np.empty(0, dtype=np.int64)


def _group_scores(victim: Dense, expected: Dense, groups: _Sized, person: Floats, noise: float) -> tuple[Floats, Ints]:
    """Best score over the orders of members, shape (groups, listed groups), and that order, shape (groups, listed groups, size)."""
    size = groups.victims.shape[1]
    here, there = len(groups.victims), len(groups.listed)
    pairwise = person[np.ix_(groups.victims.ravel(), groups.listed.ravel())].reshape(here, size, there, size)
    first, second = np.triu_indices(size, 1)
    inside = victim.matrix[groups.victims[:, first], groups.victims[:, second]]
    scores = np.full((here, there), -np.inf, dtype=np.float32)
    orders = np.zeros((here, there), dtype=np.int64)
    tried = _orders(size)
    for number, order in enumerate(tried):
        listed = expected.matrix[groups.listed[:, order[first]], groups.listed[:, order[second]]]
        total = (inside @ listed.T - (listed**2).sum(axis=1)[None, :] / 2) / np.float32(noise**2)
        for member in range(size):
            total = total + pairwise[:, member, :, order[member]]
        better = total > scores
        scores[better], orders[better] = total[better], number
    return scores, tried[orders]


def _orders(size: int) -> Ints:
    """Orders of the members to try: all of them for up to six members, 720 evenly random ones beyond."""
    if size <= ALL_ORDERS_UP_TO:
        return np.array(list(permutations(range(size))), dtype=np.int64)
    rng = np.random.default_rng(size)
    return np.stack([rng.permutation(size) for _ in range(MOST_ORDERS)])


def by_structure_alone(groups: Ints, records: Ints, seen: Ints, known: Ints) -> NDArray[np.float64]:
    """For each row, how likely it is right if nothing but structure is looked at: what groups give without any encoding.

    The attacker has the list with its groups, and the rows `known` with their groups. `seen` numbers what stands in clear beside a row
    (its kind of person, which comparators it has). Inside a known person's group the others are paired at random with those who look
    alike; every other group is paired at random with one of its shape (which records it has, by what is seen of each and by how many
    encodings), known people's groups left out, and its records that look alike are paired at random. Known rows count as 1.
    """
    owners = np.unique(records, return_inverse=True)[1]
    faces = _faces(owners, seen)
    group_of = np.zeros(len(faces), dtype=np.int64)
    group_of[owners] = groups
    told = np.zeros(len(faces), dtype=bool)
    told[owners[known]] = True
    touched = np.isin(group_of, group_of[told])
    members: dict[int, Counter[int]] = {}
    for owner in np.flatnonzero(~told):
        members.setdefault(int(group_of[owner]), Counter())[int(faces[owner])] += 1
    shape = {group: tuple(sorted(faces_of.items())) for group, faces_of in members.items()}
    alike = Counter(shape[int(group)] for group in np.unique(group_of[~touched]))
    chance = np.ones(len(faces))
    for owner in np.flatnonzero(~told):
        group = int(group_of[owner])
        among = members[group][int(faces[owner])]
        chance[owner] = 1 / (among if touched[owner] else among * alike[shape[group]])
    right: NDArray[np.float64] = chance[owners]
    return right


def _faces(owners: Ints, seen: Ints) -> Ints:
    """One number for each record: equal for records of which the same is seen, encoding by encoding."""
    held: dict[int, list[int]] = {}
    for owner, what in zip(owners.tolist(), seen.tolist(), strict=True):
        held.setdefault(owner, []).append(what)
    numbers: dict[tuple[int, ...], int] = {}
    return np.array(
        [numbers.setdefault(tuple(sorted(held[owner])), len(numbers)) for owner in range(len(held))], dtype=np.int64
    )
