"""What a run costs when little has changed since the last one.

    python -m benchmarks.incremental [people] [records]      # 20,000 and 1,000,000 by default

Made-up people in families of four against one agency, hardened encodings. First everything, then a delta of 1 % of the
records, then nothing changed; processor seconds, since that is what does not depend on what else the machine does. That a
delta's links are those of a full run is a property test, not a benchmark.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.clks import Clks
from benchmarks.machine import machine, peak_gigabytes
from benchmarks.search import DOCS, HARDENED, made, warm_up
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Member
from linkage.remember import Remembered
from linkage.result import LinkResult
from protocols.matching import MatchRules
from protocols.vocabulary import Kind, Role

ROLES = (Role.MOTHER, Role.FATHER, Role.CHILD, Role.CHILD)
KINDS = (Kind.ADULT, Kind.ADULT, Kind.CHILD, Kind.CHILD)


def main() -> None:
    """Run, print and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="?", type=int, default=20_000)
    parser.add_argument("records", nargs="?", type=int, default=1_000_000)
    asked = parser.parse_args()
    council, agency = made(asked.people, asked.records, HARDENED)
    warm_up()
    families = [_family(number) for number in range(asked.people // 4)]
    anchor = _records("council", "c", council)
    runs: dict[str, Any] = {}
    memory: Mapping[str, Remembered] = {}
    for name, share in (("everything", 0.0), ("delta of 1 %", 0.01), ("nothing new", 0.0)):
        agency = _changed(agency, share)
        found, seconds = _timed(anchor, families, _records("health", "h", agency), memory)
        memory = found.memory
        report = found.report.agencies[0]
        runs[name] = {"processor seconds": round(seconds, 1), "links": len(found.links), "search": report.search.why}
    whole = runs["everything"]["processor seconds"]
    results = {
        "machine": machine(),
        "people": asked.people,
        "records": asked.records,
        "runs": runs,
        "delta to everything": round(runs["delta of 1 %"]["processor seconds"] / whole, 3),
        "peak gigabytes": round(peak_gigabytes(), 2),
    }
    print(json.dumps(results, indent=2))
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "incremental.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _timed(
    anchor: EncodedRecords, families: list[Family], agency: EncodedRecords, memory: Mapping[str, Remembered]
) -> tuple[LinkResult, float]:
    begun = time.process_time()
    found = link(anchor, families, [agency], MatchRules(), memory=memory)
    return found, time.process_time() - begun


def _changed(clks: Clks, share: float) -> Clks:
    rng = np.random.default_rng(7)
    rows = np.flatnonzero(rng.random(len(clks)) < share)
    changed = clks.copy()
    changed[rows] ^= np.packbits(rng.random((rows.size, 8 * clks.shape[1])) < 0.02, axis=1)
    return changed


def _family(number: int) -> Family:
    rows = range(4 * number, 4 * number + 4)
    members = (Member(f"m{row}", _ref("c", row), KINDS[row % 4], ROLES[row % 4]) for row in rows)
    return Family(f"f{number}", tuple(members))


def _records(agency: str, letter: str, clks: Clks) -> EncodedRecords:
    count = len(clks)
    return EncodedRecords(
        agency,
        tuple(_ref(letter, row) for row in range(count)),
        clks,
        np.arange(count, dtype=np.int32),
        tuple((f"{letter}g{row // 4}",) for row in range(count)),
        tuple(str(KINDS[row % 4]) for row in range(count)),
    )


def _ref(letter: str, row: int) -> str:
    return f"{letter}{row:07}"


if __name__ == "__main__":
    main()
