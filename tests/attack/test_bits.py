"""T0 to T5: they see through plain filters, and see nothing in hardened ones or in noise."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from agencies.attack.bits import Clks, row_numbers
from agencies.attack.frequency import frequency_alignment
from agencies.attack.lint import FILL, lint
from agencies.attack.marginals import bit_frequencies, co_occurrence, duplicates
from agencies.attack.patterns import RECOVERED, mine, positions_jaccard, recovered
from agencies.attack.people import Scheme
from agencies.attack.verdict import most_by_chance
from agencies.encoding.bloom import encode_rows
from agencies.encoding.harden import Hardening
from agencies.encoding.schema import EncodingSchema, load_schema
from agencies.encoding.subkeys import subkey

SIZE = 1200


def _numbers(scheme: Scheme, people: list) -> np.ndarray:
    held: dict[tuple[str, ...], int] = {}
    return np.array([held.setdefault(tuple(scheme.tokens(person)), len(held)) for person in people])


def test_lint_passes_the_shipped_encoding(families, scheme, secret) -> None:
    result = lint(scheme("standard"), secret, families(SIZE).people)
    assert result.broken == ()
    assert FILL[0] <= result.fill <= FILL[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["features"][0]["hashing"].update(hash={"type": "doubleHash"}), "double-hashed"),
        (lambda d: d.update(features=d["features"][:2]), "holds 2 features"),
        (lambda d: d["clkConfig"]["kdf"].pop("salt"), "no salt"),
    ],
)
def test_lint_names_what_is_wrong_with_a_schema(
    change: Callable[[dict], object], said: str, schema: EncodingSchema, families, secret
) -> None:
    document = json.loads(json.dumps(schema.document))
    change(document)
    worse = load_schema(json.dumps(document).encode())
    result = lint(Scheme(((worse, Hardening()),)), secret, families(SIZE).people)
    assert any(said in rule for rule in result.broken)


def test_lint_refuses_a_profile_for_comparison_and_a_short_secret(families, scheme, secret) -> None:
    assert any("comparison only" in rule for rule in lint(scheme("compat"), secret, families(SIZE).people).broken)


def test_lint_measures_the_fill(schema: EncodingSchema, families, secret) -> None:
    document = json.loads(json.dumps(schema.document))
    for feature in document["features"]:
        feature["hashing"]["strategy"]["bitsPerFeature"] *= 3
    fuller = load_schema(json.dumps(document).encode())
    assert lint(Scheme(((fuller, Hardening()),)), secret, families(SIZE).people).fill_off > 0.1


def test_marginals_see_plain_filters_and_not_hardened_ones(families, scheme, secret, random_clks: Clks) -> None:
    people = families(SIZE).people
    plain = bit_frequencies(scheme("compat").encode(secret, people))
    hardened = bit_frequencies(scheme("standard").encode(secret, people))
    noise = bit_frequencies(random_clks)
    assert plain.excess_sd > 0.10
    assert hardened.excess_sd < 0.06
    assert hardened.extreme_bits == 0
    assert noise.excess_sd < 0.005
    assert noise.chi2_per_bit == pytest.approx(1, abs=0.2)


def test_marginals_find_a_bit_that_never_changes(random_clks: Clks) -> None:
    stuck = random_clks.copy()
    stuck[:, 3] |= 0x80
    assert bit_frequencies(stuck).extreme_bits == 1


def test_equal_encodings_are_blamed_on_the_encoding_only_when_people_differ(
    families, scheme, surname_only, secret
) -> None:
    people = families(SIZE).people
    whole, alone = scheme("standard"), surname_only
    tokens = np.array([len(whole.tokens(person)) for person in people])
    numbers = _numbers(whole, people)
    assert duplicates(whole.encode(secret, people), numbers, tokens).identical_rows == 0
    broken = duplicates(alone.encode(secret, people), numbers, tokens)
    assert broken.identical_rows > 0.6 * SIZE
    assert broken.largest > 10
    twice = [*people, *people[:40]]
    repeated = duplicates(whole.encode(secret, twice), _numbers(whole, twice), np.concatenate([tokens, tokens[:40]]))
    assert repeated.identical_rows == 0
    assert repeated.repeated_people == 80


def test_length_shows_in_plain_filters_and_not_in_hardened_ones(families, scheme, surname_only, secret) -> None:
    people = [replace_middle(person) for person in families(SIZE).people]
    tokens = np.array([len(scheme("compat").tokens(person)) for person in people])
    plain = duplicates(scheme("compat").encode(secret, people), np.arange(SIZE), tokens)
    hardened = duplicates(scheme("standard").encode(secret, people), np.arange(SIZE), tokens)
    assert plain.length_correlation > 0.5
    assert hardened.length_correlation < 0.25


def replace_middle(person):
    """Half of the people without address, so that filters differ in length."""
    from dataclasses import replace

    return replace(person, address="", postcode="") if person.sex == "m" else person


def test_co_occurrence_sees_plain_filters_and_not_hardened_ones(
    families, scheme, secret, rng, random_clks: Clks
) -> None:
    people = families(SIZE).people
    assert co_occurrence(scheme("compat").encode(secret, people), rng).share > 0.03
    assert co_occurrence(scheme("standard").encode(secret, people), rng).share < 0.005
    assert co_occurrence(random_clks, rng).share == pytest.approx(0.0001, abs=0.0002)


def test_frequencies_give_single_fields_away_and_whole_people_not(families, scheme, surname_only, secret) -> None:
    people = families(SIZE).people
    surnames = _numbers(surname_only, people)
    alone = frequency_alignment(row_numbers(surname_only.encode(secret, people)), surnames, surnames)
    assert alone.right >= 5
    assert alone.rank_correlation == pytest.approx(1)
    assert alone.people > 0.1 * SIZE
    numbers = _numbers(scheme("standard"), people)
    whole = frequency_alignment(row_numbers(scheme("standard").encode(secret, people)), numbers, numbers)
    assert (whole.guessed, whole.right) == (0, 0)


def test_people_who_are_there_twice_are_no_frequencies(families, scheme, secret) -> None:
    """Encodings that occur twice are all equally frequent: a few pairs are right by chance, and that is not held against anybody."""
    twice = [*families(SIZE).people[:60], *families(SIZE).people[:40]]
    numbers = _numbers(scheme("standard"), twice)
    found = frequency_alignment(row_numbers(scheme("standard").encode(secret, twice)), numbers, numbers)
    assert (found.guessed, found.tried, found.repeated) == (20, 40, 40)
    assert found.guess == 1 / 40
    assert found.right <= most_by_chance(found.guessed, found.guess)


def test_pattern_mining_reads_q_grams_out_of_plain_filters(
    families, scheme, schema: EncodingSchema, secret, rng
) -> None:
    people = families(SIZE).people
    plain = scheme("compat")
    clks = plain.encode(secret, people)
    patterns = mine(clks, rng)
    result = recovered(patterns, [plain.tokens(person) for person in people], rng)
    assert result.recovered > 0.05 * result.frequent
    assert result.best > RECOVERED
    # The key-holder confirms: some pattern is the very set of positions of a token, here a sex.
    row = ["" if name != "sex" else "m" for name in schema.feature_names]
    positions = np.flatnonzero(np.unpackbits(encode_rows(schema, subkey(secret, "clkhash/v1").hex(), [row])[0]))
    assert max(positions_jaccard(pattern, positions) for pattern in patterns) > RECOVERED


def test_pattern_mining_reads_nothing_out_of_hardened_filters(families, scheme, secret, rng) -> None:
    people = families(SIZE).people
    hardened = scheme("standard", t=3)
    result = recovered(mine(hardened.encode(secret, people), rng), [hardened.tokens(person) for person in people], rng)
    assert result.recovered == 0
    assert result.best < 0.5
