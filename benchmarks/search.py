"""Speed of the searches, side by side in one run with anonlink and with plain NumPy.

    python -m benchmarks.search                      # everything, minutes
    python -m benchmarks.search one-core 100k …      # some parts; `--list` names them
    python -m benchmarks.search --quick              # small sizes, nothing written

Every comparison runs in a process of its own, so that its memory is its own, and is given with the machine and as a ratio to
what else was measured in the same run. Results are kept in docs/benchmarks/search.json, part by part, and the plot of cost
against size in docs/benchmarks/search.svg. anonlink comes with the extra `evaluation`; without it its column is left out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clks import SHIPPED, Clks, two_sides
from benchmarks.machine import machine, peak_gigabytes
from benchmarks.plot import line_plot
from linkage.bits import pack
from linkage.plan import Plan, make_plan, search_by
from linkage.search_exact import Pairs, dice_limits
from linkage.search_exact import search as search_exact
from protocols.matching import SearchKind, SearchRules

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks"
KEPT = DOCS / "search.json"
PLAIN, HARDENED = "compat", "standard"
SIZES = (6_250, 12_500, 25_000, 50_000, 100_000)
PLANNED_SIZES = (50_000, 100_000, 200_000)
MOST_SECONDS = 300.0  # of one core: what takes longer is estimated and not measured


@dataclass(frozen=True)
class Case:
    """One large comparison on all cores."""

    name: str
    left: int
    right: int
    profile: str
    kind: SearchKind
    dice: float
    recall: float = 0.999


CASES = (
    Case("100k", 100_000, 100_000, PLAIN, SearchKind.EXACT, 0.8),
    Case("100k-auto", 100_000, 100_000, PLAIN, SearchKind.AUTO, 0.8),
    # As far as the matcher looks for these people: just short of where strangers begin.
    Case("20k-1M-hardened", 20_000, 1_000_000, HARDENED, SearchKind.EXACT, 0.59),
    Case("20k-1M-shipped", 20_000, 1_000_000, SHIPPED, SearchKind.EXACT, 0.535),
    Case("1M-lsh", 1_000_000, 1_000_000, PLAIN, SearchKind.LSH, 0.8),
)


def main() -> None:
    """Run what is asked for and keep the results."""
    parts: dict[str, Callable[[], Any]] = {"one-core": lambda: one_core(20_000)}
    parts |= {case.name: lambda case=case: alone(large, case) for case in CASES}
    parts["cost"] = lambda: alone(cost_against_size, SIZES)
    for size in PLANNED_SIZES:
        parts[f"estimates-{size // 1_000}k"] = lambda size=size: alone(estimates, size)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", metavar="PART", help="what to run; without it, everything")
    parser.add_argument("--list", action="store_true", help="name the parts")
    parser.add_argument("--quick", action="store_true", help="small sizes only, and write nothing")
    asked = parser.parse_args()
    unknown = sorted(set(asked.part) - set(parts))
    if asked.list or unknown:
        print(*parts, sep="\n")
        raise SystemExit(f"There is no part {unknown[0]}." if unknown else 0)
    if asked.quick:
        print(json.dumps({"machine": machine(), "one-core": one_core(3_000)}, indent=2))
        return
    DOCS.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in asked.part or parts:
        result = {"machine": machine(), **parts[name]()}
        print(name, json.dumps(result, indent=2), flush=True)
        results = _kept() | {name: result}
        KEPT.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if "cost" in results:
        (DOCS / "search.svg").write_text(
            line_plot("Processor seconds to compare n × n encodings", "n", "seconds", results["cost"]["seconds"]),
            encoding="utf-8",
        )


def _kept() -> dict[str, Any]:
    """The results so far."""
    return dict(json.loads(KEPT.read_text(encoding="utf-8"))) if KEPT.exists() else {}


def alone(function: Callable[[Any], dict[str, Any]], argument: Any) -> dict[str, Any]:
    """Call in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, argument).result()


def made(left: int, right: int, profile: str) -> tuple[Clks, Clks]:
    """Both sides' CLKs; half of the smaller side is on both.

    They are made in a process of their own, since making them takes more memory than comparing them; in the folder that
    KINLINK_BENCH_CLKS names they are kept, and any smaller number is cut from them.
    """
    size = max(left, right)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("KINLINK_BENCH_CLKS", scratch))
        kept = [folder / f"{profile}_{name}.npy" for name in "ab"]
        if not all(path.exists() and np.load(path, mmap_mode="r").shape[0] >= size for path in kept):
            worker = multiprocessing.get_context("spawn").Process(target=_encode, args=(size, profile, kept))
            worker.start()
            worker.join()
            assert worker.exitcode == 0, "the encodings could not be made"
        a, b = (np.load(path, mmap_mode="r") for path in kept)
        both = min(left, right) // 2
        return _both_ends(a, left, both), _both_ends(b, right, both)


def _encode(size: int, profile: str, paths: list[Path]) -> None:
    for path, side in zip(paths, two_sides(size, size, profile), strict=True):
        np.save(path, side)


def _both_ends(side: Clks, size: int, both: int) -> Clks:
    """People on both sides from the beginning, strangers from the end."""
    return np.concatenate([side[:both], side[len(side) - (size - both) :]])


def one_core(size: int) -> dict[str, Any]:
    """size × size on one core: ours, anonlink, NumPy; plain CLKs at two thresholds, and hardened ones."""
    warm_up()
    theirs = _anonlink()
    found: dict[str, Any] = {"size": size}
    for profile, threshold in ((PLAIN, 0.8), (PLAIN, 0.7), (HARDENED, 0.75)):
        a, b = made(size, size, profile)
        words = pack(a), pack(b)
        limits = dice_limits(_bits(a), threshold)
        part = size // 10
        runs: dict[str, Callable[[], int]] = {
            "ours": lambda w=words, m=limits: _count(search_exact(*w, m, threads=1)),
            "numpy": lambda a=a, b=b, t=threshold, p=part: numpy_dice(a[:p], b, t),
        }
        if theirs is not None:
            filters = [theirs[1](side) for side in (a, b)]
            runs["anonlink"] = lambda f=filters, t=threshold: theirs[0](*f, t)
        best = interleaved(runs)
        rates = {
            name: (part if name == "numpy" else size) * size / seconds / 1e6 for name, (seconds, _) in best.items()
        }
        found[f"{_words_of(profile)}, Dice from {threshold}"] = {
            "million pairs per second": {name: round(rate, 1) for name, rate in rates.items()},
            "ours to the others": {n: round(rates["ours"] / rate, 2) for n, rate in rates.items() if n != "ours"},
            "pairs found": {name: pairs for name, (_, pairs) in best.items() if name != "numpy"},
        }
    return found


def large(case: Case) -> dict[str, Any]:
    """One large comparison on all cores: planning and searching, compiled before."""
    sides = made(case.left, case.right, case.profile)
    bits, (a, b) = _bits(sides[0]), map(pack, sides)
    del sides
    warm_up()
    limits = dice_limits(bits, case.dice)
    load = os.getloadavg()[0]
    begun, cpu = time.perf_counter(), time.process_time()
    plan = make_plan(a, b, bits, limits, SearchRules(kind=case.kind, recall=case.recall))
    planned = time.perf_counter()
    pairs = _count(search_by(plan, a, b, limits))
    done = time.perf_counter()
    return {
        **{key: value for key, value in asdict(case).items() if key not in ("name", "profile")},
        "encodings": _words_of(case.profile),
        "bits": bits,
        "search": plan.report.kind,
        "plan": plan.why,
        "recall on the sample": round(plan.measured_recall, 5),
        "seconds": round(done - begun, 1),
        "of them planning": round(planned - begun, 1),
        "processor seconds": round(time.process_time() - cpu, 1),
        "load of the machine before": round(load, 1),
        "pairs found": pairs,
        "peak gigabytes": round(peak_gigabytes(), 2),
    }


def cost_against_size(sizes: tuple[int, ...]) -> dict[str, Any]:
    """Processor seconds of both searches, planning included, plain and hardened, for growing sizes; recall .99."""
    warm_up()
    found: dict[str, list[tuple[int, float]]] = {}
    for profile, threshold in ((PLAIN, 0.8), (HARDENED, 0.75)):
        for size in sizes:
            for kind in (SearchKind.EXACT, SearchKind.LSH):
                if (kind, profile) == (SearchKind.LSH, HARDENED) and size > 50_000:
                    continue  # minutes, and no use to anybody: the planner would take `exact`
                sides = made(size, size, profile)
                planning, searching, _ = _processor_seconds(sides, threshold, SearchRules(kind=kind, recall=0.99))
                line = found.setdefault(f"{kind}, {_words_of(profile)}", [])
                line.append((size, round(planning + searching, 2)))
    return {"seconds": found}


def estimates(size: int) -> dict[str, Any]:
    """Processor seconds of both searches as the planner says and as they are, plain and hardened; promised recall .99."""
    warm_up()
    found: dict[str, Any] = {"size": size}
    for profile, threshold in ((PLAIN, 0.8), (HARDENED, 0.75)):
        sides = made(size, size, profile)
        planned, _, plan = _processor_seconds(
            sides, threshold, SearchRules(kind=SearchKind.AUTO, recall=0.99), search=False
        )
        told = {SearchKind.EXACT: plan.exact_seconds, SearchKind.LSH: plan.lsh_seconds}
        found[f"{_words_of(profile)}: planning"] = {
            "chosen": plan.report.kind,
            "why": plan.why,
            "took": round(planned, 2),
        }
        for kind, estimate in told.items():
            if not estimate < MOST_SECONDS:
                continue  # nobody would wait for it
            _, searching, _ = _processor_seconds(sides, threshold, SearchRules(kind=kind, recall=0.99))
            found[f"{_words_of(profile)}: {kind}"] = {
                "estimated": round(estimate, 2),
                "measured": round(searching, 2),
                "estimated to measured": round(estimate / searching, 2),
            }
    return found


def _processor_seconds(
    sides: tuple[Clks, Clks], threshold: float, rules: SearchRules, *, search: bool = True
) -> tuple[float, float, Plan]:
    """What planning took and what searching took, and the plan."""
    x, y = (pack(side) for side in sides)
    limits = dice_limits(_bits(sides[0]), threshold)
    begun = time.process_time()
    plan = make_plan(x, y, _bits(sides[0]), limits, rules)
    planned = time.process_time()
    if search:
        _count(search_by(plan, x, y, limits))
    return planned - begun, time.process_time() - planned, plan


def warm_up() -> None:
    """Compile everything before anything is timed."""
    a, b = two_sides(300, 300, PLAIN)
    limits = dice_limits(_bits(a), 0.8)
    for kind in (SearchKind.EXACT, SearchKind.LSH):
        plan = make_plan(pack(a), pack(b), _bits(a), limits, SearchRules(kind=kind, recall=0.9))
        _count(search_by(plan, pack(a), pack(b), limits))


def numpy_dice(a: Clks, b: Clks, threshold: float) -> int:
    """The plain NumPy baseline: AND, `bitwise_count`, compare, row by row."""
    left, right = a.view(np.uint64), b.view(np.uint64)
    ones = np.bitwise_count(right).sum(axis=1)
    found = 0
    for row in left:
        common = np.bitwise_count(row & right).sum(axis=1)
        found += int((2 * common >= threshold * (np.bitwise_count(row).sum() + ones)).sum())
    return found


def interleaved(runs: dict[str, Callable[[], int]], rounds: int = 3) -> dict[str, tuple[float, int]]:
    """The shortest of several turns of each, in seconds of this thread's processor, and what it gave.

    Taken in turns, so that whatever else the machine does falls on all of them.
    """
    best: dict[str, tuple[float, int]] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.process_time()
            result = run()
            seconds = time.process_time() - begun
            best[name] = min(best.get(name, (seconds, result)), (seconds, result))
    return best


def _anonlink() -> tuple[Callable[..., int], Callable[[Clks], list[Any]]] | None:
    """anonlink's search and its form of CLKs, if it is installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports pkg_resources
            from anonlink.similarities import dice_coefficient_accelerated
            from bitarray import bitarray
    except ImportError:
        return None

    def filters(side: Clks) -> list[Any]:
        found = []
        for row in side:
            bits = bitarray(endian="little")
            bits.frombytes(row.tobytes())
            found.append(bits)
        return found

    return lambda a, b, threshold: len(dice_coefficient_accelerated([a, b], threshold)[0]), filters


def _bits(side: Clks) -> int:
    return 8 * side.shape[1]


def _words_of(profile: str) -> str:
    return {PLAIN: "plain", HARDENED: "hardened", SHIPPED: "hardened as shipped"}[profile]


def _count(found: Iterable[Pairs]) -> int:
    return sum(part.left.size for part in found)


if __name__ == "__main__":
    main()
