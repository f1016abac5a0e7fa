"""What a run costs when little has changed since the last one.

    python -m benchmarks.incremental [people] [records] [--shipped]      # 20,000 and 1,000,000 by default

Made-up people in families of four against one agency, hardened encodings. First everything, then a delta of 1 % of the
records (most changed, some gone, some new), then one new family, then nothing new; each run is given the links of the run
before. Processor seconds, since that is what does not depend on what else the machine does, from the records as they were
read to the links. That a delta's links are those of a full run is a property test, not a benchmark.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clks import SHIPPED, Clks
from benchmarks.machine import machine, peak_gigabytes
from benchmarks.search import DOCS, HARDENED, made, warm_up
from linkage.matcher import link
from linkage.order import OrderedRecords, ordered
from linkage.records import EncodedRecords, Family, Member, PreviousLink
from linkage.result import LinkResult
from protocols.matching import MatchRules
from protocols.vocabulary import Kind, Role

ROLES = (Role.MOTHER, Role.FATHER, Role.CHILD, Role.CHILD)
KINDS = (Kind.ADULT, Kind.ADULT, Kind.CHILD, Kind.CHILD)
SHARE = 0.01


@dataclass
class Service:
    """What is kept from run to run, and what each run cost."""

    anchor: OrderedRecords
    agency: OrderedRecords | None
    last: LinkResult | None
    runs: dict[str, dict[str, Any]]

    def run(self, name: str, families: list[Family], put: EncodedRecords | None, removed: list[str]) -> None:
        """Take in what is new and link."""
        begun = time.process_time()
        if self.agency is None:
            assert put is not None, "the first run is given all records"
            self.agency = ordered(put)
        elif put is not None:
            self.agency = self.agency.changed(put, removed)
        previous = [
            PreviousLink(item.member_id, item.agency, item.record_ref, item.grade, item.link_id)
            for item in (self.last.links if self.last else ())
        ]
        memory = self.last.memory if self.last else None
        self.last = link(
            self.anchor, families, [self.agency], MatchRules(), previous=previous, memory=memory, remember=True
        )
        seconds = time.process_time() - begun
        report = self.last.report.agencies[0]
        self.runs[name] = {
            "processor seconds": round(seconds, 2),
            "links": len(self.last.links),
            "search": report.search.why,
            "calibration": report.calibration,
        }
        print(name, self.runs[name], flush=True)


def main() -> None:
    """Run, print and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", nargs="?", type=int, default=20_000)
    parser.add_argument("records", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--shipped", action="store_true", help="as the shipped protocol encodes, not 1,024 bits")
    asked = parser.parse_args()
    council, agency = made(asked.people + 4, asked.records, SHIPPED if asked.shipped else HARDENED)
    council = np.roll(council, 4, axis=0)  # so that the family declared last is found
    warm_up()
    gc.freeze()  # as the service's worker does
    service = measure(asked.people, council, agency)
    whole = service.runs["everything"]["processor seconds"]
    for run in service.runs.values():
        run["to everything"] = round(run["processor seconds"] / whole, 4)
    results = {
        "machine": machine(),
        "people": asked.people,
        "records": asked.records,
        "bits": 8 * agency.shape[1],
        "runs": service.runs,
        "peak gigabytes": round(peak_gigabytes(), 2),
    }
    print(json.dumps(results, indent=2))
    DOCS.mkdir(parents=True, exist_ok=True)
    name = "incremental-shipped.json" if asked.shipped else "incremental.json"
    (DOCS / name).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def measure(people: int, council: Clks, agency: Clks) -> Service:
    """The runs; the family declared last is the first four rows of `council`."""
    families = [_family(number) for number in range(1, people // 4 + 1)]
    everyone = np.arange(len(agency))
    service = Service(ordered(_records("council", "c", council, np.arange(len(council)))), None, None, {})
    service.run("everything", families, _records("health", "h", agency, everyone), [])
    service.run(f"delta of {SHARE:.0%} of the records", families, *_delta(agency))
    families = [_family(0), *families]
    service.run("one new family", families, None, [])
    service.run("nothing new", families, None, [])
    return service


def _delta(agency: Clks) -> tuple[EncodedRecords, list[str]]:
    """Of the records chosen, eight in ten are encoded anew, one in ten is gone, and one in ten is a new one."""
    rng = np.random.default_rng(7)
    rows = np.flatnonzero(rng.random(len(agency)) < SHARE)
    what = rng.random(rows.size)
    changed, gone, new = rows[what < 0.8], rows[(what >= 0.8) & (what < 0.9)], rows[what >= 0.9]
    of = np.concatenate([changed, len(agency) + np.arange(new.size)])
    clks = agency[np.concatenate([changed, new])]
    clks = clks ^ np.packbits(rng.random((of.size, 8 * clks.shape[1])) < 0.02, axis=1)
    return _records("health", "h", clks, of), [_ref("h", row) for row in gone.tolist()]


def _family(number: int) -> Family:
    rows = range(4 * number, 4 * number + 4)
    members = (Member(f"m{row}", _ref("c", row), KINDS[row % 4], ROLES[row % 4]) for row in rows)
    return Family(f"f{number}", tuple(members))


def _records(agency: str, letter: str, clks: Clks, rows: NDArray[np.int64]) -> EncodedRecords:
    numbers = rows.tolist()
    return EncodedRecords(
        agency,
        tuple(_ref(letter, row) for row in numbers),
        clks,
        np.arange(len(numbers), dtype=np.int32),
        tuple((f"{letter}g{row // 4}",) for row in numbers),
        tuple(str(KINDS[row % 4]) for row in numbers),
    )


def _ref(letter: str, row: int) -> str:
    return f"{letter}{row:07}"


if __name__ == "__main__":
    main()
