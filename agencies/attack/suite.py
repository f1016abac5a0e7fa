"""The whole suite, in order, on a sample: minutes on two cores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from datetime import UTC, datetime

import numpy as np

from agencies.attack import findings_bits, findings_graph, findings_names, findings_seeded
from agencies.attack.extra import need_extra
from agencies.attack.people import People, Scheme, numbered, whole_groups
from agencies.attack.report import AttackReport, Subject, TrendPoint, described
from agencies.attack.stage import FEW_ROWS, Stage
from agencies.attack.verdict import CutOffs, Finding, Limit, worst
from agencies.encoding.comparator import Comparator
from agencies.encoding.harden import Hardening
from agencies.encoding.schema import EncodingSchema
from agencies.progress import Progress, no_progress
from protocols.errors import InputError

SAMPLE = 5_000
DEEP_SAMPLE = 50_000
FEWEST = 50

TESTS: dict[str, Callable[[Stage], Finding]] = {
    "T0": findings_bits.schema_and_keys,
    "T1": findings_bits.marginals,
    "T2": findings_bits.repeats,
    "T3": findings_bits.together,
    "T4": findings_bits.frequencies,
    "T5": findings_bits.patterns,
    "T6": findings_graph.graph_fidelity,
    "T7": findings_graph.unseeded,
    "T8": findings_seeded.seeded,
    "T9": findings_names.known_pairs,
    "T10": findings_graph.singled_out,
    "T12": findings_names.key_holder,
}


def run_suite(
    people: People,
    households: Sequence[str],
    parts: Sequence[tuple[EncodingSchema, Hardening]],
    *,
    secret: bytes,
    seed: int,
    records: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    sample: int | None = None,
    deep: bool = False,
    attacker_list: People | None = None,
    cut_offs: CutOffs | None = None,
    encodings: int | None = None,
    tests: Sequence[str] = tuple(TESTS),
    subject: Subject | None = None,
    history: Sequence[TrendPoint] = (),
    comparators: Sequence[Comparator] = (),
    progress: Progress = no_progress,
) -> AttackReport:
    """Attack the encodings of `people` under `parts` (the CLKs of a record: schema and hardening) and `secret`.

    `comparators` are the keyed comparators that are sent beside the CLKs.

    `households[i]` is the group that the matcher sees person i in ('' for none), `records[i]` the record (a record may have several
    encodings; by default each has one), `kinds[i]` the kind of person that stands beside it in clear (by default nothing does). `attacker_list` is a public list; without it the attacker holds the extract itself. At most
    `sample` encodings are attacked (5,000; 50,000 if `deep`), by whole groups. `people` may be drawn from more `encodings`. The same
    seed gives the same figures.

    Raises `InputError` if there are fewer than 50 people, or if the packages of `kinlink[attack]` are missing.
    """
    need_extra()
    begun = time.monotonic()
    if len(people) < FEWEST:
        raise InputError(
            f"An attack needs at least {FEWEST} encodings to tell anything; there are {len(people)}.",
            next_step="Attack a larger extract of the same kind.",
        )
    chosen = cut_offs or CutOffs()
    stage = make_stage(people, households, parts, secret, seed, records, sample, deep, attacker_list, chosen, kinds)
    stage.scheme = Scheme(tuple(parts), tuple(comparators))
    stage.partial = len(stage.people) < (len(people) if encodings is None else encodings)
    findings = []
    with _threads(len(stage.people)):
        for number, test in enumerate(tests):
            progress("attacking", number, len(tests))
            started = time.monotonic()
            found = TESTS[test](stage)
            findings.append(found.model_copy(update={"seconds": round(time.monotonic() - started, 1)}))
    progress("attacking", len(tests), len(tests))
    return AttackReport(
        made_at=datetime.now(UTC),
        subject=subject,
        encoding=described(parts, comparators),
        encodings=len(people) if encodings is None else encodings,
        rows=len(stage.people),
        groups=len(np.unique(stage.groups)),
        deep=deep,
        seed=seed,
        attacker_list="the extract itself"
        if attacker_list is None
        else f"a public list of {len(attacker_list):,} people",
        cut_offs={each.name: _pair(getattr(chosen, each.name)) for each in fields(chosen) if each.name != "blocking"},
        blocking=tuple(sorted(chosen.blocking)),
        verdict=worst([each.verdict for each in findings]),
        findings=tuple(findings),
        seconds=round(time.monotonic() - begun, 1),
        history=tuple(history),
    )


def _threads(rows: int) -> AbstractContextManager[object]:
    """Small matrices are multiplied by one thread: more would wait for each other longer than they work."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return threadpool_limits(1) if rows <= FEW_ROWS else nullcontext()


def make_stage(
    people: People,
    households: Sequence[str],
    parts: Sequence[tuple[EncodingSchema, Hardening]],
    secret: bytes,
    seed: int,
    records: Sequence[str] | None = None,
    sample: int | None = None,
    deep: bool = False,
    attacker_list: People | None = None,
    cut_offs: CutOffs | None = None,
    kinds: Sequence[str] | None = None,
) -> Stage:
    """Draw the sample, by whole groups and in random order of groups."""
    rng = np.random.default_rng(seed)
    groups = numbered(households)
    owners = numbered(records) if records is not None else np.arange(len(people))
    kind = (
        np.unique(list(kinds), return_inverse=True)[1] if kinds is not None else np.zeros(len(people), dtype=np.int64)
    )
    rows = whole_groups(groups, sample or (DEEP_SAMPLE if deep else SAMPLE), rng)
    return Stage(
        scheme=Scheme(tuple(parts)),
        secret=secret,
        people=[people[int(row)] for row in rows],
        groups=np.unique(groups[rows], return_inverse=True)[1],
        records=np.unique(owners[rows], return_inverse=True)[1],
        kinds=kind[rows],
        cut_offs=cut_offs or CutOffs(),
        rng=rng,
        listed=attacker_list,
        deep=deep,
    )


def _pair(limit: Limit) -> tuple[float, float]:
    return limit.warn, limit.fail
