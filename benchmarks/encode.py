"""Encoding speed and memory, side by side with clkhash in one process.

    python -m benchmarks.encode                     100,000 people, one core, four schemas
    python -m benchmarks.encode --memory 1000000    peak memory of a streamed encoding

People are drawn from clkhash's own tables of given and family names with their frequencies, so common names recur as they do in a
register; addresses, dates and postcodes are made up.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from importlib import resources
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from agencies.encoding.bloom import encode_rows
from agencies.encoding.harden import Hardening
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import EncodingSchema, clkhash, load_schema, shipped_schema
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, standardise

SECRET = bytes(range(32))
SHIPPED, T = "person-4096", 6  # what the Hertfordshire protocol names
STREETS = ("Road", "Street", "Avenue", "Close", "Lane", "Drive", "Court", "Way", "Gardens", "Crescent")


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument(
        "--memory", type=int, metavar="RECORDS", help="measure peak memory for this many records instead"
    )
    arguments = parser.parse_args()
    if arguments.memory:
        report_memory(arguments.memory)
    else:
        report_speed(arguments.records)


class Speed(NamedTuple):
    """One schema, timed in seconds of processor time: other work on the machine does not count."""

    schema: str
    clkhash: float
    kinlink: float
    same_bits: bool

    @property
    def ratio(self) -> float:
        """How many times faster than clkhash."""
        return self.clkhash / self.kinlink


def report_speed(records: int) -> None:
    """Print, for each schema, clkhash's time, ours, the ratio, and whether the results are the same bits; then what hardening takes."""
    raw = list(people(records))
    rules, person = StandardiseRules(), shipped_schema(SHIPPED)
    started = time.process_time()
    standard = [standardise(each, rules) for each in raw]
    print(f"{records:,} records; standardising {time.process_time() - started:.2f} s")
    print(f"{'schema':34}{'clkhash':>10}{'kinlink':>10}{'ratio':>8}  same bits")
    for result in speeds(raw, standard):
        print(f"{result.schema:34}{result.clkhash:9.2f}s{result.kinlink:9.2f}s{result.ratio:7.1f}×  {result.same_bits}")
    for profile in ("standard", "high"):
        started = time.process_time()
        PersonEncoder(person, Hardening(profile, T, person.length), SECRET).encode(standard)
        print(f"person, profile {profile}: {time.process_time() - started:.2f} s with hardening")


def speeds(raw: list[RawPerson], standard: list[StandardPerson]) -> Iterator[Speed]:
    """Each schema with clkhash's generate_clks on one worker, then with ours, on the same rows."""
    person = shipped_schema(SHIPPED)
    cases: list[tuple[str, EncodingSchema, list[tuple[str, ...]]]] = [
        ("person, as shipped (blake)", person, _rows(person, standard)),
        ("names and date (blake)", _names_only(), [(p.given_name, p.family_name, p.date_of_birth) for p in standard]),
        ("names, year, postcode (blake)", _mixed(), [_mixed_row(p) for p in raw]),
        ("clkhash's example (double hash)", _example(), [_example_row(i, p) for i, p in enumerate(raw)]),
    ]
    for name, schema, rows in cases:
        theirs_s, theirs = _timed_clkhash(schema, rows)
        started = time.process_time()
        ours = encode_rows(schema, SECRET, rows)
        ours_s = time.process_time() - started
        yield Speed(name, theirs_s, ours_s, ours.tobytes() == b"".join(clk.tobytes() for clk in theirs))


def report_memory(records: int) -> None:
    """Standardise, encode and harden a stream of people, and print the peak memory of the process."""
    rules, schema = StandardiseRules(), shipped_schema(SHIPPED)
    encoder = PersonEncoder(schema, Hardening("standard", T, schema.length), SECRET)
    stream, done, ones = people(records), 0, 0
    started = time.process_time()
    while block := [standardise(person, rules) for person in islice(stream, 10_000)]:
        clks = encoder.encode(block)
        ones += int(np.bitwise_count(clks).sum())
        done += len(clks)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024) / 1024
    print(
        f"{done:,} records in {time.process_time() - started:.1f} s (made up, standardised, encoded, hardened); "
        f"{ones / done / schema.length:.3f} full; peak memory {peak:.2f} GiB"
    )


def people(records: int, seed: int = 20250101) -> Iterator[RawPerson]:
    """Made-up people with real name frequencies."""
    draw = random.Random(seed)
    female, male, last = (_table(name) for name in ("female-first-names", "male-first-names", "last-names"))
    born = date(1930, 1, 1)
    for start in range(0, records, 10_000):
        n = min(10_000, records - start)
        sexes = draw.choices("FM", k=n)
        girls, boys = (draw.choices(*table, k=n) for table in (female, male))
        middles = draw.choices(*female, k=n)
        families, streets = draw.choices(*last, k=n), draw.choices(*last, k=n)
        for i in range(n):
            yield RawPerson(
                given_name=girls[i] if sexes[i] == "F" else boys[i],
                middle_name=middles[i] if draw.random() < 0.7 else "",
                family_name=families[i],
                date_of_birth=(born + timedelta(days=draw.randrange(34_000))).isoformat(),
                sex=sexes[i],
                address=f"{draw.randrange(1, 180)} {streets[i]} {draw.choice(STREETS)}",
                postcode=f"SG99 {draw.randrange(1, 10)}{draw.choice('ABDEFGHJLN')}{draw.choice('PQRSTUWXYZ')}",
            )


def _table(name: str) -> tuple[list[str], list[int]]:
    text = (resources.files("clkhash") / "data" / f"{name}.csv").read_text("utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return [row[0] for row in rows], [int(row[1]) for row in rows]


def _timed_clkhash(schema: EncodingSchema, rows: list[tuple[str, ...]]) -> tuple[float, Any]:
    reference = schema.reference()
    started = time.process_time()
    clks = clkhash().clk.generate_clks(rows, reference, SECRET, max_workers=1)
    return time.process_time() - started, clks


def _rows(schema: EncodingSchema, standard: list[StandardPerson]) -> list[tuple[str, ...]]:
    return PersonEncoder(schema, Hardening("compat", length=schema.length), SECRET).rows(standard)


def _names_only() -> EncodingSchema:
    return _schema(
        _feature("given", 200, {"type": "ngram", "n": 2}),
        _feature("family", 200, {"type": "ngram", "n": 2}),
        _feature("born", 200, {"type": "ngram", "n": 1, "positional": True}),
    )


def _mixed() -> EncodingSchema:
    """Every comparison: n-grams of names, the year as a number, the postcode as a whole."""
    return _schema(
        _feature("given", 150, {"type": "ngram", "n": 2}),
        _feature("family", 150, {"type": "ngram", "n": 2}),
        _feature("year", 100, {"type": "numeric", "thresholdDistance": 4, "resolution": 2}, "integer"),
        _feature("postcode", 100, {"type": "exact"}),
    )


def _mixed_row(person: RawPerson) -> tuple[str, ...]:
    return (person.given_name, person.family_name, person.date_of_birth[:4], person.postcode)


def _feature(name: str, bits: int, comparison: dict[str, Any], form: str = "string") -> dict[str, Any]:
    return {
        "identifier": name,
        "format": {"type": form},
        "hashing": {"comparison": comparison, "strategy": {"bitsPerFeature": bits}},
    }


def _schema(*features: dict[str, Any]) -> EncodingSchema:
    document = {"version": 3, "clkConfig": {"l": 1024, "kdf": {"type": "HKDF"}}, "features": list(features)}
    return load_schema(json.dumps(document).encode())


def _example() -> EncodingSchema:
    return load_schema((resources.files("clkhash") / "data" / "randomnames-schema.json").read_bytes())


def _example_row(index: int, person: RawPerson) -> tuple[str, ...]:
    return (str(index), f"{person.given_name} {person.family_name}", person.date_of_birth.replace("-", "/"), person.sex)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
