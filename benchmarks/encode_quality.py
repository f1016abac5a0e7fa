"""What each hardening profile costs in links, and what it hides, on a folder of families.

    python -m benchmarks.encode_quality FOLDER [--secrets 3] [--recipes] [--only TEXT]

The folder has one CSV for each agency (record_id, family_ref, given_name, middle, family_name, date_of_birth, sex, address, postcode)
and truth.csv (agency, record_id, person_id). Every record of an agency is given to the anchor's most similar record, by simple matching;
the truth then says how good that is: the best F1 over all cuts, and the recall at a cut where precision is still .999 and .99. No matcher,
no family evidence: the encoding alone. `T6` is the correlation of all pairwise similarities under two secrets: what an attacker without
the secret has to work with (the aim is .10 or less).
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agencies.attack.suite import run_suite
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, standardise
from benchmarks.encode_recipes import Clks, Variant, profiles, recipes

AGENCIES = ("health_gp", "police_benefits", "health_wic", "education")
FIDELITY_PEOPLE = 1500
ATTACKED_PEOPLE = 1900


class People(NamedTuple):
    """One agency's people, standardised; who they are; their records' and families' references."""

    people: list[StandardPerson]
    who: NDArray[np.object_]
    refs: tuple[str, ...]
    families: tuple[str, ...]


class Quality(NamedTuple):
    """Best F1, and recall at precision .999 and .99."""

    f1: float
    at_999: float
    at_99: float


def main() -> None:
    """Measure every variant and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--anchor", default="social_care")
    parser.add_argument("--secrets", type=int, default=3, help="how many linkage secrets to average over")
    parser.add_argument(
        "--attack", action="store_true", help="run the seeded attack T8 too (a minute for each variant)"
    )
    parser.add_argument("--recipes", action="store_true", help="recipes of features instead of hardening profiles")
    parser.add_argument("--only", action="append", help="only variants whose name holds this text; may be repeated")
    arguments = parser.parse_args()
    held = load(arguments.folder, (arguments.anchor, *AGENCIES))
    agencies = [name for name in held if name != arguments.anchor]
    print(f"{'':38}{'fill':>6}{'F1':>8}{'R@.999':>8}{'R@.99':>8}{'T6':>7}   R@.999 by agency: {', '.join(agencies)}")
    for variant in recipes() if arguments.recipes else profiles():
        if arguments.only is None or any(text in variant.name for text in arguments.only):
            print(_line(variant, held, arguments.anchor, agencies, arguments.secrets, arguments.attack), flush=True)


def _line(
    variant: Variant, held: dict[str, People], anchor: str, agencies: list[str], secrets: int, attack: bool
) -> str:
    results, fills = [], []
    for number in range(1, secrets + 1):
        secret = bytes([number]) * 32
        members = variant.encode(held[anchor].people, secret)
        fills.append(np.bitwise_count(members).mean() / 8)
        for agency in agencies:
            likeness = similarity(variant.encode(held[agency].people, secret), members)
            results.append(quality(likeness, held[agency].who, held[anchor].who))
    mean = np.array(results).reshape(secrets, len(agencies), 3).mean(axis=0)
    index = fidelity(variant, held[anchor].people)
    by_agency = " ".join(f"{value:.3f}" for value in mean[:, 1])
    f1, at_999, at_99 = mean.mean(axis=0)
    attacked = f"   seeded {_attacked(variant, held[anchor])}" if attack else ""
    return (
        f"{variant.name:38}{np.mean(fills):6.2f}{f1:8.3f}{at_999:8.3f}{at_99:8.3f}{index:7.3f}   {by_agency}{attacked}"
    )


def similarity(records: Clks, members: Clks) -> NDArray[np.float32]:
    """Simple matching on [-1, 1], shape (records, members)."""
    left, right = (np.unpackbits(clks, axis=1).astype(np.float32) * 2 - 1 for clks in (records, members))
    return np.asarray(left @ right.T / np.float32(left.shape[1]))


def quality(likeness: NDArray[np.float32], records: NDArray[np.object_], members: NDArray[np.object_]) -> Quality:
    """Each record to its most similar member; true pairs are all pairs of one person."""
    best = likeness.argmax(axis=1)
    score = likeness[np.arange(len(best)), best]
    right = records[np.arange(len(best))] == members[best]
    copies = Counter(members.tolist())
    pairs = sum(copies[person] for person in records.tolist())
    order = np.argsort(-score, kind="stable")
    found = np.cumsum(right[order])
    precision, recall = found / np.arange(1, len(found) + 1), found / pairs
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return Quality(float(f1.max()), _recall_at(0.999, precision, recall), _recall_at(0.99, precision, recall))


def _recall_at(level: float, precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    cuts = np.flatnonzero(precision >= level)
    return float(recall[cuts[-1]]) if cuts.size else 0.0


def fidelity(variant: Variant, people: Sequence[StandardPerson]) -> float:
    """T6: the correlation of all pairwise similarities of the same people under two secrets."""
    sample = people[:FIDELITY_PEOPLE]
    above = np.triu_indices(len(sample), 1)
    one, two = (similarity(clks, clks)[above] for clks in (variant.encode(sample, bytes([n]) * 32) for n in (101, 102)))
    return float(np.corrcoef(one, two)[0, 1])


def _attacked(variant: Variant, people: People) -> str:
    """T8 by the self-attack: shares of people found by who knows 20, 5 % and 25 % of 1,900 people and has the others' list."""
    report = run_suite(
        people.people,
        people.families,
        variant.parts,
        secret=b"\x09" * 32,
        seed=1,
        sample=ATTACKED_PEOPLE,
        tests=("T8",),
    )
    found = {measure.name: measure.value for finding in report.findings for measure in finding.measures}
    return " / ".join(f"{found[name]:.3f}" for name in ("seeds_20", "seeds_5pct", "seeds_quarter"))


def load(folder: Path, agencies: Sequence[str]) -> dict[str, People]:
    """The agencies of a folder that has them, by name."""
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as text:
        truth = {(row["agency"], row["record_id"]): row["person_id"] for row in csv.DictReader(text)}
    return {name: _people(folder, name, truth) for name in agencies if (folder / f"{name}.csv").is_file()}


def _people(folder: Path, agency: str, truth: dict[tuple[str, str], str]) -> People:
    with (folder / f"{agency}.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    fields = ("given_name", "middle", "family_name", "date_of_birth", "sex", "address", "postcode")
    rules = StandardiseRules()
    return People(
        people=[standardise(RawPerson(*(row[field] for field in fields)), rules) for row in rows],
        who=np.array([truth[agency, row["record_id"]] for row in rows], dtype=object),
        refs=tuple(row["record_id"] for row in rows),
        families=tuple(row["family_ref"] for row in rows),
    )


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
