"""What recordlinkage's Fellegi–Sunter classifier (ECM) learns on families when nothing holds it: "same household", not "same person".

    python -m benchmarks.ecm FOLDER [--anchor social_care] [--agency health_gp]

In clear, on the folder's own fields, with every pair compared that shares a postcode, a family name or a date of birth. `m` is how often a
field agrees in the pairs that the classifier takes for matches; the truth says how often it agrees in pairs that are one person.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import recordlinkage

FIELDS = ("given_name", "family_name", "date_of_birth", "sex", "address", "postcode")
BLOCKS = ("postcode", "family_name", "date_of_birth")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--anchor", default="social_care")
    parser.add_argument("--agency", default="health_gp")
    arguments = parser.parse_args()
    left, right = (_table(arguments.folder / f"{name}.csv") for name in (arguments.anchor, arguments.agency))
    who = _truth(arguments.folder / "truth.csv")
    pairs = _pairs(left, right)
    vectors = _compared(pairs, left, right)
    same = np.array([who[arguments.anchor, a] == who[arguments.agency, b] for a, b in vectors.index])
    people = left.index.map(lambda ref: who[arguments.anchor, ref]).value_counts()
    all_pairs = int(people.reindex([who[arguments.agency, ref] for ref in right.index]).fillna(0).sum())
    found = recordlinkage.ECMClassifier(binarize=0.85)
    linked = vectors.index.isin(found.fit_predict(vectors))
    print(f"{len(vectors):,} pairs compared, {int(same.sum()):,} of {all_pairs:,} true ones among them")
    print(f"{'field':16}{'m learnt':>10}{'m in truth':>12}")
    agreeing = vectors.to_numpy() >= 0.85
    for field, learnt, true in zip(FIELDS, agreeing[linked].mean(axis=0), agreeing[same].mean(axis=0), strict=True):
        print(f"{field:16}{learnt:10.2f}{true:12.2f}")
    right_ones = int((linked & same).sum())
    print(
        f"matches {int(linked.sum()):,}: precision {right_ones / max(linked.sum(), 1):.3f}, recall {right_ones / all_pairs:.3f}"
    )


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, index_col="record_id").apply(lambda column: column.str.strip().str.lower())


def _truth(path: Path) -> dict[tuple[str, str], str]:
    with path.open(encoding="utf-8", newline="") as text:
        return {(row["agency"], row["record_id"]): row["person_id"] for row in csv.DictReader(text)}


def _pairs(left: pd.DataFrame, right: pd.DataFrame) -> pd.MultiIndex:
    indexer = recordlinkage.Index()
    for field in BLOCKS:
        indexer.block(field)
    return indexer.index(left, right)


def _compared(pairs: pd.MultiIndex, left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    compare = recordlinkage.Compare()
    for field in FIELDS:
        compare.string(field, field, method="jarowinkler", label=field)
    return compare.compute(pairs, left, right)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
