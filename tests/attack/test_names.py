"""T9 and T12: known pairs teach names in plain filters, and nothing in hardened ones; a key-holder reads everything."""

from __future__ import annotations

import numpy as np
import pytest

from agencies.attack.decoder import decode_names, learn_encoder
from agencies.attack.dictionary import dictionary
from agencies.attack.people import by_group
from agencies.attack.public import place_in_list

SIZE, PAIRS = 1200, 200


@pytest.fixture(scope="module")
def split(families):
    order = by_group(families(SIZE).groups, np.random.default_rng(1))
    return order[:PAIRS], order[-400:]


def _decoded(scheme, families, secret, split):
    people, (known, targets) = families(SIZE).people, split
    clks = scheme.encode(secret, people)
    columns = [[person.given_name for person in people], [person.family_name for person in people]]
    return decode_names(
        clks[known],
        [[column[row] for row in known] for column in columns],
        clks[targets],
        [[column[row] for row in targets] for column in columns],
        columns,
    )


def test_two_hundred_pairs_decode_given_names_from_plain_filters(scheme, families, secret, split) -> None:
    given, _ = _decoded(scheme("compat"), families, secret, split)
    assert given.right > 0.25 * given.tried
    assert given.right > 5 * given.guessed


def test_two_hundred_pairs_decode_nothing_from_hardened_filters(scheme, families, secret, split) -> None:
    for result in _decoded(scheme("standard"), families, secret, split):
        assert result.right <= 3 * max(result.guessed, 2)


def test_a_learned_encoder_finds_people_in_plain_filters_and_not_in_hardened_ones(
    scheme, families, secret, split
) -> None:
    people, (known, targets) = families(SIZE).people, split
    for profile, low, high in (("compat", 0.9, 1.0), ("standard", 0.0, 0.02)):
        each = scheme(profile)
        clks, tokens = each.encode(secret, people), [each.tokens(person) for person in people]
        found = learn_encoder(clks[known], [tokens[row] for row in known], clks[targets], tokens)
        assert low <= (found == targets).mean() <= high


def test_a_key_holder_reads_everybody(scheme, families, secret) -> None:
    people = families(SIZE).people[:300]
    each = scheme("high")
    listed = [*reversed(people)]
    truth = np.arange(300)[::-1]
    assert dictionary(each.encode(secret, people), each.encode(secret, listed), truth) == 300
    assert dictionary(each.encode(secret, people), each.encode(bytes(32), listed), truth) == 0


def test_people_are_placed_in_a_public_list_by_name_and_date(families) -> None:
    people = families(SIZE).people[:20]
    listed = [people[5], people[3], people[3], people[9]]
    placed = place_in_list(people, listed)
    assert placed[5] == 0
    assert placed[3] == -1
    assert placed[9] == 3
    assert (placed >= 0).sum() == 2
