"""Make the demo county: `python -m config.county.generate --out DIR`. One seed, one county, byte for byte."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from config.county import health, mental_health, police, probation, recovery, social_care
from config.county.cases import Allocations, Case, open_cases
from config.county.chance import Chance
from config.county.consents import Consents
from config.county.families import County
from config.county.health import Health
from config.county.layouts import LAYOUTS
from config.county.numbers import nhs_numbers
from config.county.police import Police
from config.county.records import Record, References
from config.county.scenarios import all_scenes
from config.county.scenarios.scene import Scene
from config.county.social_care import SocialCare
from config.county.writing import Dataset, write

SEED = 20161101
FAMILIES = 2500
LARGEST = 150_000  # families: as many people as there are NHS numbers in the 999 range
_OPEN_SHARE = 0.2
_SOCIAL_WORKERS = 36
_FORMS: dict[str, Callable[[int], str]] = {
    "social_care": social_care.reference,
    "police": police.reference,
    "probation": probation.reference,
    "recovery": recovery.reference,
    "mental_health": mental_health.reference,
    "health": health.reference,
}


def county(seed: int = SEED, families: int = FAMILIES) -> Dataset:
    """The whole county. Raises `ValueError` if there are not NHS numbers enough for so many families."""
    if not 10 <= families <= LARGEST:
        raise ValueError(f"`families` must be from 10 to {LARGEST}, not {families}.")
    numbers = nhs_numbers()
    scenes = all_scenes(numbers)
    population = County(seed, families, numbers)
    references = _references(seed, families, scenes)
    cases = open_cases(population.families, int(_OPEN_SHARE * families), seed, {scene.case.ref for scene in scenes})
    care = _social_care(seed, cases, references["social_care"])
    asked = Consents(seed)
    dataset = Dataset(
        records={
            "social_care": care,
            "police": Police(seed, references["police"]).build(population),
            "probation": probation.build(population, seed, references["probation"]),
            "recovery": recovery.build(population, seed, references["recovery"]),
            "mental_health": mental_health.build(population, seed, references["mental_health"]),
            "health": Health(seed, references["health"]).build(population),
        },
        cases=cases,
        consents=[consent for case in cases for consent in asked.of(case)],
        people={person.id: person for person in population.people.all},
    )
    for scene in scenes:
        _add(scene, dataset)
    for agency, records in dataset.records.items():
        dataset.records[agency] = Chance(seed, "order", agency).shuffled(records)
    return dataset


def _references(seed: int, families: int, scenes: list[Scene]) -> dict[str, References]:
    span = max(1, families // FAMILIES)
    found = {}
    for layout in LAYOUTS:
        agency = layout.agency
        found[agency] = References(_FORMS[agency], Chance(seed, "references", agency), 190_000 * span)
        found[agency].reserve(record.ref for scene in scenes for record in scene.records[agency])
    return found


def _social_care(seed: int, cases: list[Case], references: References) -> list[Record]:
    care = SocialCare(seed, references, _SOCIAL_WORKERS)
    allocations = Allocations(Chance(seed, "allocations"), len(cases))
    for case in cases:
        care.take_in(case)
        allocations.give(case)
        care.describe(case)
    return care.records


def _add(scene: Scene, dataset: Dataset) -> None:
    dataset.cases.append(scene.case)
    dataset.consents += scene.consents
    dataset.people |= scene.people
    for agency, records in scene.records.items():
        dataset.records[agency] += records


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m config.county.generate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--families", type=int, default=FAMILIES)
    parser.add_argument("--scale", type=int, default=1, help="so many times the families, for benchmarks")
    given = parser.parse_args(arguments)
    try:
        dataset = county(given.seed, given.families * given.scale)
    except ValueError as error:
        parser.error(str(error))
    write(dataset, given.out)
    sys.stdout.writelines(f"{name:<14} {count:>8,}\n" for name, count in dataset.counts().items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
