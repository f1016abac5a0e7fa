"""The attacks against a public list of names instead of the agency's own extract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Ints
from agencies.attack.modelled import model_of
from agencies.attack.people import People
from agencies.attack.seeded import seeded_alignment
from agencies.attack.stage import Stage
from agencies.attack.views import DENSE_UP_TO, View, dense
from agencies.standardise.person import StandardPerson


@dataclass(frozen=True, slots=True)
class PublicRun:
    """People on the list who were found, and people on the list who were not known beforehand."""

    right: int
    scored: int


def _identity(person: StandardPerson) -> tuple[str, str, str] | None:
    identity = (person.given_name, person.family_name, person.date_of_birth)
    return identity if all(identity) else None


def place_in_list(people: People, listed: People) -> Ints:
    """Where each person is in the list, by equal names and date of birth; -1 for nowhere, or more than once."""
    places: dict[tuple[str, str, str], int] = {}
    for place, person in enumerate(listed):
        identity = _identity(person)
        if identity is not None:
            places[identity] = -1 if identity in places else place
    return np.array(
        [-1 if (identity := _identity(person)) is None else places.get(identity, -1) for person in people],
        dtype=np.int64,
    )


def public_run(stage: Stage, known: int) -> PublicRun:
    """Seeded alignment with `known` people who are on the list (at most a quarter of those)."""
    listed: People = stage.listed or ()
    graph = stage.graph
    truth = place_in_list(graph.people, listed)
    common = np.flatnonzero(truth >= 0)
    if len(common) < 4:
        return PublicRun(0, 0)
    seeds = graph.seeds(min(known, len(common) // 4), common)
    model = model_of(stage.scheme, listed, stage.rng, keys=8)
    attacker: View = dense(model) if model.size <= DENSE_UP_TO else model
    matches = seeded_alignment(graph.victim, attacker, (seeds, truth[seeds]), stage.rng)
    scored = np.setdiff1d(common, seeds)
    return PublicRun(int((matches.best[scored] == truth[scored]).sum()), len(scored))
