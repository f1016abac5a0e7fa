"""The same variants of encoding through the whole matcher: calibration, competition and the family step, at the shipped match rules.

    python -m benchmarks.encode_linked FOLDER [--secrets 3] [--only TEXT]     a folder of families, as benchmarks.encode_quality reads it
    python -m benchmarks.encode_linked --county                               the demo county that ships, as each agency's desk reads it

The closeness guard of the match rules ("no certain link on name and place without the date") is a number on the scale of the shipped
profile, so `--unguarded` is what compares profiles. Printed for each agency: precision and recall of the certain links, then of certain and probable links together (P+, R+), and the
probable links for review as a share of the true pairs.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agencies.extract import Extract
from agencies.mapping import load_mapping
from agencies.reading import Reading
from agencies.records import Record
from agencies.standardise.person import StandardPerson
from benchmarks.encode_quality import AGENCIES, load
from benchmarks.encode_recipes import Variant, profiles, recipes
from config.resources import COUNTY_DATA, PROTOCOL_FILE
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Member
from protocols.load import load_protocol
from protocols.matching import GuardRules, MatchRules

ANCHOR = "social_care"
YEAR = 2030  # in which most extracts of the folder were taken: who was a child then


class Person(NamedTuple):
    """One record: its reference, every spelling to encode, groups, kind, and who it is."""

    ref: str
    spellings: tuple[StandardPerson, ...]
    groups: tuple[str, ...]
    kind: str
    who: str


Held = dict[str, list[Person]]


def main() -> None:
    """Link under every variant and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--county", action="store_true", help="the demo county instead of a folder")
    parser.add_argument("--secrets", type=int, default=3, help="how many linkage secrets to average over")
    parser.add_argument(
        "--unguarded", action="store_true", help="without the closeness guard, whose scale is the shipped profile's"
    )
    parser.add_argument("--recipes", action="store_true", help="recipes of features instead of hardening profiles")
    parser.add_argument("--only", action="append", help="only variants whose name holds this text; may be repeated")
    arguments = parser.parse_args()
    if arguments.county == (arguments.folder is not None):
        parser.error("give a folder, or --county")
    held, families = _county(COUNTY_DATA) if arguments.county else _folder(arguments.folder)
    rules = MatchRules(guards=GuardRules(closeness=0)) if arguments.unguarded else MatchRules()
    wide = 6 * (len(held) - 1) + 1
    print("agencies:", ", ".join(name for name in held if name != ANCHOR))
    print(f"{'':36}{'certain P':>{wide}}{'certain R':>{wide}}{'P+':>{wide}}{'R+':>{wide}}{'review %':>{wide}}")
    for variant in recipes() if arguments.recipes else profiles():
        if arguments.only is None or any(text in variant.name for text in arguments.only):
            rows = [_linked(variant, held, families, rules, bytes([n]) * 32) for n in range(1, arguments.secrets + 1)]
            *shares, review = np.mean(rows, axis=0).T
            shown = ["/".join(f"{value:.3f}" for value in column) for column in shares]
            shown.append("/".join(f"{value:.1f}" for value in review))
            print(f"{variant.name:36}{''.join(f'{text:>{wide}}' for text in shown)}", flush=True)


def _linked(
    variant: Variant, held: Held, families: list[Family], rules: MatchRules, secret: bytes
) -> list[list[float]]:
    """For each agency: certain P, certain R, P+, R+, review percentage."""
    records = {name: _records(name, people, variant, secret) for name, people in held.items()}
    agencies = [each for name, each in records.items() if name != ANCHOR]
    result = link(records[ANCHOR], families, agencies, rules, threads=1)
    who = {name: {person.ref: person.who for person in people} for name, people in held.items()}
    declared = {
        member.member_id: who[ANCHOR].get(member.record_ref or "", "") for f in families for member in f.members
    }
    copies = Counter(declared.values())
    out = []
    for agency in agencies:
        links = [each for each in result.links if each.agency == agency.agency and each.rule != "unborn-with-mother"]
        right = [declared[each.member_id] == who[agency.agency][each.record_ref] for each in links]
        certain = [ok for each, ok in zip(links, right, strict=True) if each.grade == "certain"]
        pairs = sum(copies[person] for person in who[agency.agency].values())
        probable = len(links) - len(certain)
        out.append(
            [
                sum(certain) / max(1, len(certain)),
                sum(certain) / pairs,
                sum(right) / max(1, len(right)),
                sum(right) / pairs,
                100 * probable / pairs,
            ]
        )
    return out


def _records(name: str, people: Iterable[Person], variant: Variant, secret: bytes) -> EncodedRecords:
    """Records of which the encoding says something."""
    told = [person for person in people if person.kind == "UNBORN" or any(_says_something(s) for s in person.spellings)]
    spellings = [(i, each) for i, person in enumerate(told) for each in person.spellings if person.kind != "UNBORN"]
    return EncodedRecords(
        agency=name,
        record_refs=tuple(person.ref for person in told),
        clks=variant.encode([each for _, each in spellings], secret),
        owner=np.array([i for i, _ in spellings], dtype=np.int32),
        groups=tuple(person.groups for person in told),
        kind=tuple(person.kind for person in told),
    )


def _says_something(person: StandardPerson) -> bool:
    return person != StandardPerson()


def _folder(folder: Path) -> tuple[Held, list[Family]]:
    held = {
        name: [
            Person(ref, (person,), (family,), _kind(person), who)
            for ref, person, family, who in zip(each.refs, each.people, each.families, each.who, strict=True)
        ]
        for name, each in load(folder, (ANCHOR, *AGENCIES)).items()
    }
    members: dict[str, list[Member]] = defaultdict(list)
    for person in held[ANCHOR]:
        members[person.groups[0]].append(Member(person.ref, person.ref, person.kind, "OTHER_ADULT"))
    return held, [Family(ref, tuple(each)) for ref, each in members.items()]


def _kind(person: StandardPerson) -> str:
    """What an agency's desk would say at the date of the extracts."""
    year = person.date_of_birth[:4]
    if not year.isdecimal():
        return "UNKNOWN"
    return "CHILD" if int(year) > YEAR - 18 else "ADULT"


def _county(folder: Path) -> tuple[Held, list[Family]]:
    truth = {(row["agency"], row["record"]): row["person_id"] for row in _table(folder / "truth.csv")}
    names = (ANCHOR, *sorted(path.parent.name for path in folder.glob("*/extract.csv") if path.parent.name != ANCHOR))
    held = {name: list(_read(folder / name, name, truth)) for name in names}
    refs = {person.ref for person in held[ANCHOR]}
    families: dict[str, list[Member]] = defaultdict(list)
    declared: dict[str, Member] = {}
    for row in _table(folder / ANCHOR / "members.csv"):
        ref = row["member_ref"]
        member = Member(ref, ref if ref in refs else None, row["kind"], row["role"])
        families[row["family_ref"]].append(declared.setdefault(ref, member))
    return held, [Family(ref, tuple(each)) for ref, each in families.items()]


def _read(folder: Path, agency: str, truth: dict[tuple[str, str], str]) -> Iterator[Person]:
    protocol = load_protocol(PROTOCOL_FILE)
    mapping = load_mapping(folder / "mapping.yaml", agency, protocol)
    for record in Reading(Extract(folder / "extract.csv", mapping), mapping, protocol, agency).records():
        if isinstance(record, Record):
            yield Person(record.local, record.people, record.groups, record.kind, truth[agency, record.local])


def _table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
