"""The same variants of encoding through the whole matcher: calibration, competition and the family step, at the shipped match rules.

    python -m benchmarks.encode_linked FOLDER [--secrets 3] [--only TEXT]

Printed for each agency: precision and recall of the certain links, then of certain and probable links together (P+, R+), and the
probable links for review as a share of the true pairs.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from agencies.standardise.person import StandardPerson
from benchmarks.encode_quality import AGENCIES, Encode, People, load, variants
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Member
from protocols.matching import MatchRules

YEAR = 2030  # in which the benchmark's extracts were taken


def main() -> None:
    """Link under every variant and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--anchor", default="social_care")
    parser.add_argument("--secrets", type=int, default=3, help="how many linkage secrets to average over")
    parser.add_argument("--only", action="append", help="only variants whose name holds this text; may be repeated")
    arguments = parser.parse_args()
    held = load(arguments.folder, (arguments.anchor, *AGENCIES))
    agencies = [name for name in held if name != arguments.anchor]
    print(f"{'':38}{'certain P':>22}{'certain R':>24}{'P+':>24}{'R+':>24}{'review %':>20}")
    for name, encode in variants():
        if arguments.only is None or any(text in name for text in arguments.only):
            rows = [_linked(encode, held, arguments.anchor, bytes([n]) * 32) for n in range(1, arguments.secrets + 1)]
            means = np.mean(rows, axis=0)
            shown = ["/".join(f"{value:.3f}" for value in column) for column in means.T[:4]]
            review = "/".join(f"{value:.1f}" for value in means.T[4])
            print(f"{name:38}{'  '.join(shown)}  {review}", flush=True)
    print(f"agencies: {', '.join(agencies)}")


def _linked(encode: Encode, held: dict[str, People], anchor: str, secret: bytes) -> list[list[float]]:
    """For each agency: certain P, certain R, P+, R+, review percentage."""
    records = {name: _records(name, people, encode, secret) for name, people in held.items()}
    agencies = [each for name, each in records.items() if name != anchor]
    result = link(records[anchor], _families(held[anchor]), agencies, MatchRules(), threads=1)
    who = {name: dict(zip(people.refs, people.who, strict=True)) for name, people in held.items()}
    copies = Counter(held[anchor].who.tolist())
    out = []
    for agency in agencies:
        links = [each for each in result.links if each.agency == agency.agency]
        right = [who[anchor][each.member_id] == who[agency.agency][each.record_ref] for each in links]
        certain = [ok for each, ok in zip(links, right, strict=True) if each.grade == "certain"]
        pairs = sum(copies[person] for person in held[agency.agency].who.tolist())
        probable = len(links) - len(certain)
        out.append([np.mean(certain), sum(certain) / pairs, np.mean(right), sum(right) / pairs, 100 * probable / pairs])
    return out


def _records(name: str, people: People, encode: Encode, secret: bytes) -> EncodedRecords:
    clks = encode(people.people, secret)
    told = np.flatnonzero(clks.any(axis=1))
    return EncodedRecords(
        agency=name,
        record_refs=tuple(people.refs[i] for i in told),
        clks=clks[told],
        owner=np.arange(len(told), dtype=np.int32),
        groups=tuple((people.families[i],) for i in told),
        kind=tuple(_kind(people.people[i]) for i in told),
    )


def _kind(person: StandardPerson) -> str:
    """What an agency's desk would say at the date of the extracts."""
    year = person.date_of_birth[:4]
    if not year.isdecimal():
        return "UNKNOWN"
    return "CHILD" if int(year) > YEAR - 18 else "ADULT"


def _families(people: People) -> list[Family]:
    members: dict[str, list[Member]] = defaultdict(list)
    for ref, family in zip(people.refs, people.families, strict=True):
        members[family].append(Member(ref, ref, "UNKNOWN", "OTHER_ADULT"))  # the kind of the record holds
    return [Family(ref, tuple(each)) for ref, each in members.items()]


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
