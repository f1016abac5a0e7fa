"""T6, T7 and T10: what similarities give away, with and without groups."""

from __future__ import annotations

import numpy as np

from agencies.attack.fidelity import fidelity
from agencies.attack.grouped import attack_with_groups
from agencies.attack.seeded import fit_of_all
from agencies.attack.singling import FEW, singling_out
from agencies.attack.stage import Stage
from agencies.attack.unseeded import align
from agencies.attack.verdict import Finding, Measure, finding, most_by_chance, proportion, share_of
from agencies.attack.words import GIVEN_LIST, HARDEN, KNOWN

FIDELITY_ROWS, UNSEEDED_ROWS = 2000, 1000


def graph_fidelity(stage: Stage) -> Finding:
    """T6, the headline index."""
    graph = stage.graph
    rows = np.sort(stage.rng.permutation(graph.firsts)[:FIDELITY_ROWS])
    people = [graph.people[int(row)] for row in rows]
    theirs = stage.scheme.encode(stage.key(), people)
    result = fidelity(stage.clks[rows], theirs, graph.expected.part(rows).matrix, graph.groups[rows])
    measures = [
        Measure(name="fidelity", about="correlation of all similarities under two keys", value=result.index, limit="fidelity",
                baseline=0.0),
        Measure(name="fidelity_top", about="closest 1 % of pairs that both keys agree on", value=result.top, baseline=0.01),
        Measure(name="fidelity_modelled", about="correlation with the attacker's model", value=result.modelled, baseline=0.0),
        Measure(name="fidelity_within", about="the same index among pairs of one group", value=result.within, baseline=0.0),
        Measure(name="fidelity_between", about="the same index of the mean similarities of two groups", value=result.between,
                baseline=0.0),
    ]  # fmt: skip
    got = (
        f"similarities that agree with the true ones to {max(result.index, 0):.3f} (1 is everything, 0 is nothing); "
        f"inside a group to {max(result.within, 0):.2f}"
    )
    return finding(
        "T6", "Similarity-graph fidelity", stage.cut_offs, measures, given=GIVEN_LIST, got=got, advice=HARDEN
    )


def unseeded(stage: Stage) -> Finding:
    """T7, without groups on 1,000 records and with groups on all rows of the graph."""
    graph = stage.graph
    rows = np.sort(stage.rng.permutation(graph.firsts)[:UNSEEDED_ROWS])
    victim, records = graph.victim.part(rows).matrix, graph.records[rows]
    runs = [
        (int((records[run.best] == records).sum()), f"{run.start}, {name}, power {run.power}")
        for name, attacker in (("one key", graph.one_key), ("model", graph.expected))
        for run in align(victim, attacker.part(rows).matrix)
    ]
    best, how = max(runs)
    grouped = attack_with_groups(stage, np.empty(0, dtype=np.int64), graph.expected)
    measures = [
        proportion("unseeded", f"people found, groups not given (best of {len(runs)} runs: {how})", best, len(rows),
                   baseline=1 / len(rows), limit="unseeded" if stage.judges_structure else None, chance=most_by_chance(len(rows), 1 / len(rows), len(runs))),
        *grouped.measures("unseeded", judged=stage.judges_structure),
    ]  # fmt: skip
    got = f"{share_of(best, len(rows))}; with the groups given, {grouped.words}"
    return finding("T7", "Alignment, nobody known", stage.cut_offs, measures, given=GIVEN_LIST, got=got, advice=HARDEN)


def singled_out(stage: Stage) -> Finding:
    """T10, by an attacker who knows a quarter of the people: half to compare with, half to learn how sure to be."""
    graph = stage.graph
    everyone = np.arange(graph.rows)
    known = stage.rng.permutation(graph.seeds(graph.rows // 4, everyone))
    anchors, calibration = known[: len(known) // 2], known[len(known) // 2 :]
    scores = fit_of_all(graph.victim, graph.expected, anchors, anchors)
    targets = np.setdiff1d(everyone, known)
    result = singling_out(scores, everyone, calibration, targets)
    measures = [
        proportion("singled_out", f"encodings that fit fewer than {FEW} people, the right one among them", result.few,
                   result.looked_at, limit="singled_out"),
        Measure(name="median_set", about="people whom half of the encodings fit, or more", value=result.median,
                baseline=float(graph.rows)),
        proportion("covered", "sets that hold the right person (about 95 %, or the sets are wrong)", result.covered,
                   result.looked_at),
    ]  # fmt: skip
    got = (
        f"{share_of(result.few, result.looked_at)} singled out to fewer than {FEW}; half of the encodings fit "
        f"{result.median:,.0f} or more of {graph.rows:,}"
    )
    return finding(
        "T10", "Singling out", stage.cut_offs, measures,
        given=f"{GIVEN_LIST}, and {KNOWN['seeds_quarter']} by their encodings", got=got, advice=HARDEN,
    )  # fmt: skip
