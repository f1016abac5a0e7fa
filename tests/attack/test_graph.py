"""T6 to T8 and T10: similarities give plain filters away whole, and the strongest attack we know gets nothing from the default."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from agencies.attack.bits import similarity
from agencies.attack.fidelity import fidelity
from agencies.attack.groups import by_structure_alone, group_alignment
from agencies.attack.modelled import model_of
from agencies.attack.people import corrupted, overlapping
from agencies.attack.seeded import fit_of_all, seeded_alignment
from agencies.attack.singling import singling_out
from agencies.attack.unseeded import align, feature_distance, grampa
from agencies.attack.verdict import CutOffs
from agencies.attack.views import Dense, Encoded, dense

SIZE = 1000
NOBODY = np.empty(0, dtype=np.int64)


class Case:
    """An encoding of the families, what its victim sends and what an attacker expects."""

    def __init__(self, scheme, families, rng) -> None:
        self.scheme, self.families, self.rng = scheme, families, rng
        self.clks = scheme.encode(rng.bytes(32), families.people)
        self.victim = dense(Encoded([self.clks]))
        self.model = model_of(scheme, families.people, rng, keys=8)
        self.expected = dense(self.model)
        self.one_key = dense(Encoded([scheme.encode(rng.bytes(32), families.people)]))

    def found(self, known: int, attacker: Dense, **options) -> float:
        seeds = self.rng.permutation(SIZE)[:known]
        matches = seeded_alignment(self.victim, attacker, (seeds, seeds), self.rng, **options)
        return hits(matches.best, np.setdiff1d(np.arange(SIZE), seeds))

    def found_with_groups(self, known: int) -> tuple[float, float]:
        groups = self.families.groups
        seeds = self.rng.permutation(SIZE)[:known]
        matches = group_alignment(self.victim, self.expected, (groups, groups), (seeds, seeds), self.model.link.noise)
        outside = np.flatnonzero(~np.isin(groups, groups[seeds]))
        alone = by_structure_alone(groups, np.arange(SIZE), np.zeros(SIZE, dtype=np.int64), seeds)
        return hits(matches.best, outside), float(alone[outside].mean())


def hits(best: np.ndarray, scored: np.ndarray) -> float:
    return float((best[scored] == scored).mean())


@pytest.fixture(scope="module")
def case(scheme, families):
    made: dict[tuple[str, int], Case] = {}

    def get(profile: str, t: int = 5) -> Case:
        if (profile, t) not in made:
            made[profile, t] = Case(scheme(profile, t), families(SIZE), np.random.default_rng(3))
        return made[profile, t]

    return get


def test_fidelity_orders_encodings_as_attacks_do(case, families) -> None:
    def index(profile: str, t: int = 5) -> float:
        each = case(profile, t)
        other = each.scheme.encode(bytes(range(32)), families(SIZE).people)
        return fidelity(each.clks, other, each.expected.matrix, families(SIZE).groups).index

    plain, two, three, five = index("compat"), index("standard", 2), index("standard", 3), index("standard")
    assert plain > 0.6
    assert plain > two > three > five
    assert three < 0.10
    assert five < 0.05


def test_a_few_people_who_are_in_it_twice_do_not_pass_for_fidelity(case, families) -> None:
    scheme, people = case("standard", 5).scheme, [*families(SIZE).people[:300], *families(SIZE).people[:5]]
    own, other = (scheme.encode(bytes([key] * 32), people) for key in (1, 2))
    nothing = np.zeros((len(people), len(people)), dtype=np.float32)
    assert fidelity(own, other, nothing, np.arange(len(people))).index < 0.05


def test_fidelity_within_groups_survives_hardening(case, families) -> None:
    each = case("standard", 3)
    other = each.scheme.encode(bytes(range(32)), families(SIZE).people)
    result = fidelity(each.clks, other, each.expected.matrix, families(SIZE).groups)
    assert result.within > 5 * result.index


@pytest.mark.parametrize("start", ["spectral", "features"])
def test_with_nobody_known_plain_filters_are_aligned_whole(case, start: str) -> None:
    each, rows = case("compat"), np.arange(300)
    runs = [run for run in align(each.victim.part(rows).matrix, each.expected.part(rows).matrix) if run.start == start]
    assert max(hits(run.best, rows) for run in runs) > 0.95


def test_with_nobody_known_the_published_form_also_works_on_plain_filters(case) -> None:
    each, rows = case("compat"), np.arange(300)
    runs = align(each.victim.part(rows).matrix, each.one_key.part(rows).matrix)
    assert max(hits(run.best, rows) for run in runs) > 0.95


def test_with_nobody_known_hardened_filters_are_not_aligned(case) -> None:
    each, rows = case("standard"), np.arange(200)
    runs = align(each.victim.part(rows).matrix, each.expected.part(rows).matrix)
    assert max(hits(run.best, rows) for run in runs) < 0.04


def test_grampa_and_features_find_a_relabelled_graph() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(80, 80)).astype(np.float32)
    graph = (noise + noise.T) / 2
    order = rng.permutation(80)
    relabelled = graph[np.ix_(order, order)]
    for scores in (grampa(relabelled, graph), -feature_distance(relabelled, graph)):
        assert (linear_sum_assignment(scores, maximize=True)[1] == order).mean() > 0.95


@pytest.mark.parametrize("score", ["likelihood", "correlation"])
@pytest.mark.parametrize("attacker", ["expected", "one_key"])
def test_twenty_known_people_give_everybody_away_in_plain_filters(case, score: str, attacker: str) -> None:
    each = case("compat")
    assert each.found(20, getattr(each, attacker), score=score) > 0.98


def test_one_to_one_assignment_needs_ten_known_people_in_plain_filters(case) -> None:
    each, rows = case("compat"), np.arange(400)
    seeds = np.arange(0, 400, 40)
    matches = seeded_alignment(each.victim.part(rows), each.expected.part(rows), (seeds, seeds), each.rng, assign=True)
    assert hits(matches.best, np.setdiff1d(rows, seeds)) > 0.98


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_plain_filters_fall_at_partial_overlap_and_to_a_dirty_list(case, families, share: float) -> None:
    each, rng = case("compat"), np.random.default_rng(4)
    sides = overlapping(families(SIZE).groups, share, rng)
    common = np.flatnonzero(sides.truth >= 0)
    seeds = rng.permutation(common)[:20]
    dirty = dense(model_of(each.scheme, corrupted(families(SIZE).people, rng), rng, keys=8))
    for attacker, least in ((each.expected, 0.95), (dirty, 0.80)):
        matches = seeded_alignment(
            each.victim.part(sides.victims), attacker.part(sides.listed), (seeds, sides.truth[seeds]), rng
        )
        scored = np.setdiff1d(common, seeds)
        assert (matches.best[scored] == sides.truth[scored]).mean() > least


def test_the_model_beats_the_published_attack_where_hardening_is_thin(case) -> None:
    each = case("standard", 3)
    assert each.found(60, each.expected) > 0.4
    assert each.found(60, each.one_key, score="correlation") < 0.1


def test_a_quarter_known_breaks_two_and_not_five_bits_of_diffusion(case) -> None:
    assert case("standard", 2).found(250, case("standard", 2).expected) > 0.95
    assert case("standard").found(250, case("standard").expected) < 0.05
    assert case("standard").found(20, case("standard").expected) < 0.01


def test_groups_sharpen_the_attack(case) -> None:
    three = case("standard", 3)
    without = three.found(20, three.expected)
    share, guess = three.found_with_groups(20)
    assert share > max(5 * without, 5 * guess)


def test_groups_alone_align_plain_filters(case) -> None:
    share, _ = case("compat").found_with_groups(0)
    assert share > 0.95


def test_groups_do_not_break_the_default(case) -> None:
    for known in (0, 20):
        share, guess = case("standard").found_with_groups(known)
        assert share - guess < CutOffs().groups_few.warn


def test_structure_alone_gives_what_chance_gives() -> None:
    groups, records = np.array([0, 0, 1, 1, 2]), np.arange(5)
    same = np.zeros(5, dtype=np.int64)
    assert by_structure_alone(groups, records, same, NOBODY) == pytest.approx([1 / 4] * 4 + [1])
    # A known person leaves one group of that shape, and one person in the own group.
    assert by_structure_alone(groups, records, same, np.array([0])) == pytest.approx([1, 1, 1 / 2, 1 / 2, 1])
    # An adult and a child are told apart; so is a record with two encodings.
    assert by_structure_alone(groups, records, np.array([0, 1, 0, 1, 0]), NOBODY) == pytest.approx([1 / 2] * 4 + [1])
    twice = by_structure_alone(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 2, 3]), same, NOBODY)
    assert twice == pytest.approx([1, 1, 1, 1 / 2, 1 / 2])


def test_structure_alone_is_what_guesses_by_structure_find() -> None:
    """Pair groups of one shape at random, many times: as many are right as the formula says."""
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(60), rng.integers(1, 4, 60))
    rows, seen = np.arange(len(groups)), rng.integers(0, 2, len(groups))
    known = rng.permutation(rows)[:15]
    expected = by_structure_alone(groups, rows, seen, known)
    right = np.zeros(len(groups))
    rounds = 2000
    for _ in range(rounds):
        guess = np.full(len(groups), -1)
        guess[known] = known
        shapes: dict[tuple[int, ...], list[np.ndarray]] = {}
        for group in range(60):
            members = rows[(groups == group) & ~np.isin(rows, known)]
            own = () if not np.isin(groups[known], group).any() else (group,)
            order = members[np.argsort(seen[members], kind="stable")]
            shapes.setdefault((*own, -1, *seen[order].tolist()), []).append(order)
        for alike in shapes.values():
            for ours, theirs in zip(alike, rng.permutation(len(alike)), strict=True):
                listed = alike[theirs]
                for what in (0, 1):
                    guess[ours[seen[ours] == what]] = rng.permutation(listed[seen[listed] == what])
        right += guess == rows
    assert right / rounds == pytest.approx(expected, abs=0.06)


def test_what_is_seen_beside_a_record_tells_people_apart(case) -> None:
    each = case("standard")
    groups, rng = each.families.groups, np.random.default_rng(9)
    seen = rng.integers(0, 50, SIZE)
    noise = each.model.link.noise
    none, all_of_it = (
        group_alignment(each.victim, each.expected, (groups, groups), (NOBODY, NOBODY), noise, None, given)
        for given in (None, (seen, seen))
    )
    everyone = np.arange(SIZE)
    assert hits(all_of_it.best, everyone) > 0.9 > 10 * hits(none.best, everyone)


def test_singling_out_is_certain_on_plain_filters_and_rare_on_hardened_ones(case) -> None:
    order = np.random.default_rng(2).permutation(SIZE)
    anchors, calibration, targets = order[:125], order[125:250], order[250:]

    def few(profile: str):
        each = case(profile)
        scores = fit_of_all(each.victim, each.expected, anchors, anchors)
        return singling_out(scores, np.arange(SIZE), calibration, targets)

    plain, hardened = few("compat"), few("standard")
    assert plain.few > 0.9 * plain.looked_at
    assert plain.median == 1
    assert hardened.few < 0.05 * hardened.looked_at
    for each in (plain, hardened):
        assert each.covered > 0.9 * each.looked_at


def test_views_agree_with_whole_matrices(scheme, families, secret) -> None:
    people = families(SIZE).people[:50]
    clks = [scheme("compat").encode(key, people) for key in (secret, bytes(32))]
    view, chosen = Encoded(clks), np.array([3, 17])
    mean = (similarity(clks[0], clks[0]) + similarity(clks[1], clks[1])) / 2
    assert view.columns(chosen) == pytest.approx(mean[:, chosen], abs=1e-5)
    assert dense(view).columns(chosen) == pytest.approx(mean[:, chosen], abs=1e-5)


def test_seeded_alignment_gives_the_same_from_columns_as_from_a_matrix(case) -> None:
    each, seeds = case("compat"), np.arange(20)
    from_columns = seeded_alignment(Encoded([each.clks]), each.model, (seeds, seeds), np.random.default_rng(0))
    from_matrix = seeded_alignment(each.victim, each.expected, (seeds, seeds), np.random.default_rng(0))
    assert (from_columns.best == from_matrix.best).mean() > 0.99
