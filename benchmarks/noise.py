"""Make a family folder worse: the usual errors of registers, added field by field to the records of a clean enough folder.

    python -m benchmarks.noise FOLDER OUT --level 1.0 --seed 7

`level` is about the share of errors of a poorly kept register (1.0: one given name in twelve, one date of birth in ten).
`truth.csv` is copied unchanged: who a record is does not depend on how badly it is written.
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str]

_LOOKALIKES = {"0": "o", "1": "l", "5": "s", "2": "z", "8": "b", "l": "1", "o": "0", "m": "rn", "e": "c", "i": "j"}
_KEYS = {"a": "s", "e": "r", "i": "o", "o": "p", "n": "m", "s": "d", "t": "y", "r": "t", "l": "k", "d": "f", "c": "v"}
_NO_GIVEN = ("Baby", "Unknown", "Child", "Son Of", "Twin A", "No Name", "Mother")
_NO_FAMILY = ("Unknown", "Not Given", "No Last Name", "Of The House", "N/K")
_SHORT = {
    "William": "Bill", "Robert": "Bob", "Elizabeth": "Liz", "Margaret": "Peggy", "Katherine": "Kate", "Michael": "Mike",
    "Christopher": "Chris", "Jennifer": "Jen", "Daniel": "Dan", "Samuel": "Sam", "Alexander": "Alex", "Joseph": "Joe",
    "Thomas": "Tom", "Victoria": "Vicky", "Patricia": "Pat", "Jessica": "Jess", "Matthew": "Matt", "Nicholas": "Nick",
    "Benjamin": "Ben", "Rebecca": "Becky", "Susan": "Sue", "Deborah": "Debbie", "Anthony": "Tony", "Edward": "Ted",
}  # fmt: skip


def typo(text: str, chance: random.Random) -> str:
    """One slip: a letter dropped, doubled, exchanged with the next, hit beside, or misread."""
    if len(text) < 2:
        return text
    at = chance.randrange(len(text) - 1)
    letter = text[at].lower()
    slip = chance.randrange(5)
    if slip == 0:
        return text[:at] + text[at + 1 :]
    if slip == 1:
        return text[: at + 1] + text[at:]
    if slip == 2:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    table = _KEYS if slip == 3 else _LOOKALIKES
    return text[:at] + table.get(letter, letter) + text[at + 1 :]


def wrong_digit(date: str, chance: random.Random) -> str:
    """One digit of a date replaced."""
    places = [i for i, c in enumerate(date) if c.isdigit()]
    if not places:
        return date
    at = chance.choice(places)
    return date[:at] + str(chance.randrange(10)) + date[at + 1 :]


def swapped(date: str) -> str:
    """Day and month of an ISO date exchanged."""
    parts = date.split("-")
    return "-".join((parts[0], parts[2], parts[1])) if len(parts) == 3 else date


def worsen(rows: list[Row], level: float, chance: random.Random) -> list[Row]:
    """A copy of the rows with errors in it."""
    home: dict[str, list[Row]] = {}
    for row in rows:
        home.setdefault(row["family_ref"], []).append(row)

    def anybody() -> Row:
        return chance.choice(rows)

    worse = []
    for source in rows:
        row = dict(source)
        near = home[source["family_ref"]]

        def spoil(field: str, probability: float, change: Callable[[str], str], row: Row = row) -> None:
            if row[field] and chance.random() < probability * level:
                row[field] = change(row[field])

        spoil("given_name", 0.03, lambda t: typo(t, chance))
        spoil("given_name", 0.02, lambda t: _SHORT.get(t, t[:3]))
        spoil("given_name", 0.01, lambda t: chance.choice(_NO_GIVEN))
        spoil("given_name", 0.01, lambda t: anybody()["given_name"])
        spoil("given_name", 0.01, lambda t: "")
        spoil("middle", 0.05, lambda t: "")
        spoil("middle", 0.01, lambda t: chance.choice("ABCDEFGHJKLMNPRST"))
        spoil("family_name", 0.03, lambda t: typo(t, chance))
        spoil("family_name", 0.02, lambda t: anybody()["family_name"])
        spoil("family_name", 0.01, lambda t: chance.choice(_NO_FAMILY))
        spoil("family_name", 0.01, lambda t: "")
        spoil("date_of_birth", 0.03, lambda t: wrong_digit(t, chance))
        spoil("date_of_birth", 0.02, swapped)
        spoil("date_of_birth", 0.015, lambda t, near=near: chance.choice(near)["date_of_birth"])
        spoil("date_of_birth", 0.01, lambda t: typo(t, chance))
        spoil("date_of_birth", 0.02, lambda t: "")
        spoil("sex", 0.01, lambda t: "F" if t == "M" else "M")
        spoil("sex", 0.02, lambda t: "")
        spoil("address", 0.06, lambda t: typo(typo(t, chance), chance))
        spoil("address", 0.02, lambda t: "")
        if chance.random() < 0.08 * level:
            other = anybody()
            row["address"], row["postcode"] = other["address"], other["postcode"]
        spoil("postcode", 0.03, lambda t: wrong_digit(t, chance))
        spoil("postcode", 0.02, lambda t: "")
        worse.append(row)
    return worse


def worsen_folder(folder: Path, out: Path, level: float, seed: int) -> None:
    """Write a worse copy of every agency's file in `folder` to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.csv")):
        if path.name == "truth.csv":
            shutil.copyfile(path, out / path.name)
            continue
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            fields = list(reader.fieldnames or ())
            rows = list(reader)
        with (out / path.name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fields)
            writer.writeheader()
            writer.writerows(worsen(rows, level, random.Random(f"{seed}/{path.stem}")))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--level", type=float, default=1.0)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    worsen_folder(chosen.folder, chosen.out, chosen.level, chosen.seed)
