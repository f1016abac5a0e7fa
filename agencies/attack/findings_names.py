"""T9 and T12: what known pairs teach about names, and what a key-holder reads."""

from __future__ import annotations

import numpy as np

from agencies.attack.bits import Ints
from agencies.attack.decoder import Decoded, decode_names, learn_encoder
from agencies.attack.dictionary import dictionary
from agencies.attack.people import by_group
from agencies.attack.public import place_in_list
from agencies.attack.stage import Stage
from agencies.attack.verdict import Finding, Measure, finding, most_by_chance, proportion

PAIRS = (200, 1000, 4000)
KINDS = ("given", "family")
HELD_OUT = 0.2
_MOST_TARGETS = 1000


def known_pairs(stage: Stage) -> Finding:
    """T9. Known people and targets never share a group: a relative's name is not decoded, it is known."""
    order = by_group(stage.groups, stage.rng)
    held_out = min(_MOST_TARGETS, int(HELD_OUT * len(order)))
    targets = order[-held_out:]
    pool = order[:-held_out]
    pool = pool[~np.isin(stage.groups[pool], stage.groups[targets])]
    measures: list[Measure] = []
    told: list[str] = []
    for pairs in sorted({min(pairs, len(pool)) for pairs in PAIRS}):
        for kind, result in zip(KINDS, _decode(stage, pool[:pairs], targets), strict=True):
            measures += _measures(kind, pairs, result, judged=pairs <= PAIRS[0])
            told.append(
                f"{result.right:,} of {result.tried:,} {kind} names from {pairs:,} pairs (guessing: {result.guess * result.tried:.0f})"
            )
    quarter = pool[: round(0.25 * len(order))]
    found = learn_encoder(
        stage.clks[quarter], [stage.tokens[int(row)] for row in quarter], stage.clks[targets], stage.tokens
    )
    right = int((stage.records[found] == stage.records[targets]).sum())
    measures.append(
        proportion("learner", f"people found by a learned encoder from {len(quarter):,} pairs", right, len(targets),
                   baseline=1 / len(order), limit="learner", chance=most_by_chance(len(targets), 1 / len(order)))
    )  # fmt: skip
    told.append(f"{right:,} of {len(targets):,} whole people from {len(quarter):,} pairs")
    return finding(
        "T9", "Decoder from known pairs", stage.cut_offs, measures,
        given="some encodings with the people they belong to, and a list of names with their frequencies", got="; ".join(told),
        advice="Raise the hardening's t by one, or use the profile `high`, which hashes names under the birth year.",
    )  # fmt: skip


def _decode(stage: Stage, known: Ints, targets: Ints) -> list[Decoded]:
    listed = stage.people if stage.listed is None else stage.listed
    names = [[person.given_name for person in listed], [person.family_name for person in listed]]
    own = [[person.given_name for person in stage.people], [person.family_name for person in stage.people]]
    return decode_names(
        stage.clks[known],
        [[column[int(row)] for row in known] for column in own],
        stage.clks[targets],
        [[column[int(row)] for row in targets] for column in own],
        names,
    )


def _measures(kind: str, pairs: int, result: Decoded, *, judged: bool) -> list[Measure]:
    name = f"decoder_{kind}_{pairs}"
    about = f"{kind} names read from {pairs:,} pairs (guessing: always the most frequent name)"
    measures = [proportion(name, about, result.right, result.tried, baseline=result.guess)]
    if judged:
        # A name that guessing never hits would make any hit infinite: count it as hit once.
        times = result.right / max(result.guess * result.tried, 1)
        measures.append(
            Measure(
                name=f"{name}_times", about=f"{kind} names: times guessing", value=times, limit="decoder", baseline=1.0,
                successes=result.right, chance=most_by_chance(result.tried, result.guess, len(KINDS)),
            )
        )  # fmt: skip
    return measures


def key_holder(stage: Stage) -> Finding:
    """T12."""
    listed = stage.people if stage.listed is None else stage.listed
    truth = np.arange(len(stage.people))
    if stage.listed is not None:
        truth = place_in_list(stage.people, stage.listed)
    on_list = int((truth >= 0).sum())
    right = dictionary(stage.clks, stage.scheme.encode(stage.secret, listed), truth)
    measures = [proportion("dictionary", "people read off by whoever holds the secret", right, on_list)]
    got = (
        f"{right:,} of {on_list:,} people. No hardening helps against this: it is why the secret and the encodings must never "
        "meet, and why submissions are sealed to the central service alone"
    )
    return finding(
        "T12", "The key-holder's dictionary", stage.cut_offs, measures, given="the linkage secret and a list", got=got
    )
