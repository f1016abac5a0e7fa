"""`kinlink evaluate` on a folder of our own: what it writes, what it measures, and what it says of a folder it cannot use."""

import csv
import hashlib
import random
from dataclasses import replace

import pytest

from config.resources import PROTOCOL_FILE
from kinlink.evaluate import LINK_COLUMNS, evaluate, searches, write_links
from kinlink.evaluate_folder import COLUMNS
from kinlink.evaluate_report import report_page
from protocols.errors import InputError
from protocols.load import load_protocol
from protocols.matching import SearchKind, SearchRules

SECRET = hashlib.sha256(b"test").digest()
SYLLABLES = ["ba", "ro", "lin", "ter", "mo", "ka", "shi", "van", "del", "gra", "pol", "nu", "wes", "ton", "ri", "ja"]


def name(rng):
    return "".join(rng.choices(SYLLABLES, k=rng.choice([2, 3])))


def family(rng, number):
    surname, street, postcode = name(rng), f"{rng.randint(1, 200)} {name(rng)} road", f"9{rng.randint(1000, 9999)}"
    for child in (False, False, True, True):
        year = rng.randint(2010, 2024) if child else rng.randint(1975, 2000)
        born = f"{year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        yield [f"F{number}", name(rng), rng.choice("abcdef"), surname, born, rng.choice("MF"), street, postcode]


def slip(rng, text):
    at = rng.randrange(len(text))
    return text[:at] + rng.choice("aeiou") + text[at + 1 :]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """200 families at social care; two thirds of them at a clinic under its own references, every fourth name with a slip."""
    rng = random.Random(7)
    path = tmp_path_factory.mktemp("folder")
    social_care, clinic, truth = [], [], []
    for number in range(200):
        for member, row in enumerate(family(rng, number)):
            person = f"P{number}-{member}"
            social_care.append([f"SC{number}-{member}", *row])
            truth.append(["social_care", f"SC{number}-{member}", person])
            if number % 3:
                given = slip(rng, row[1]) if rng.random() < 0.25 else row[1]
                clinic.append([f"CL{number}-{member}", f"H{number}", given, *row[2:]])
                truth.append(["clinic", f"CL{number}-{member}", person])
    for file, header, rows in [
        ("social_care", COLUMNS, social_care),
        ("clinic", COLUMNS, clinic),
        ("truth", ("agency", "record_id", "person_id"), truth),
    ]:
        with (path / f"{file}.csv").open("w", newline="") as target:
            csv.writer(target).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def found(folder):
    return evaluate(folder, "social_care", load_protocol(PROTOCOL_FILE), SECRET)


def test_it_links_and_measures(found):
    (quality,) = found.quality
    assert quality.agency == "clinic"
    assert quality.true_pairs == 133 * 4
    assert quality.precision >= 0.99
    assert quality.recall_with_probable >= 0.95


def test_it_says_which_search_found_the_pairs_and_how_many_of_them(folder, found):
    (exact,) = searches(found)
    assert exact == ("clinic", "exact", "every one", "every pair is compared in seconds")
    protocol = load_protocol(PROTOCOL_FILE)
    rules = protocol.document.matching.model_copy(update={"search": SearchRules(kind=SearchKind.LSH, recall=0.9)})
    document = protocol.document.model_copy(update={"matching": rules})
    other = evaluate(folder, "social_care", replace(protocol, document=document), SECRET)
    ((agency, search, share, why),) = searches(other)
    measured = float(share.split()[0])
    assert (agency, search) == ("clinic", "lsh")
    assert 0.9 <= measured <= 1.0
    assert share == f"{measured:.4f} on a sample, 0.9 promised"
    assert "tables" in why
    for text in (share, why):
        assert text in report_page(other)


def test_the_links_are_written_one_a_line(found, tmp_path):
    path = tmp_path / "links.csv"
    write_links(path, found.result.links, found.held)
    with path.open() as source:
        rows = list(csv.reader(source))
    assert tuple(rows[0]) == LINK_COLUMNS
    assert len(rows) - 1 == len(found.result.links)
    assert {row[0] for row in rows[1:]} == {"clinic"}
    assert {row[3] for row in rows[1:]} <= {"certain", "probable"}
    assert all(row[1].startswith("CL") and row[2].startswith("SC") for row in rows[1:])


def test_truth_is_not_used_for_linking(folder, found, tmp_path):
    for path in folder.glob("*.csv"):
        if path.stem != "truth":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    blind = evaluate(tmp_path, "social_care", load_protocol(PROTOCOL_FILE), SECRET)
    assert blind.quality is None
    assert blind.result.links == found.result.links


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: (p / "social_care.csv").unlink(), "no `social_care.csv`"),
        (lambda p: (p / "clinic.csv").unlink(), "one agency only"),
        (lambda p: (p / "clinic.csv").write_text("record_id,family_ref\n"), "no column `given_name`"),
        (lambda p: (p / "clinic.csv").write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
        (lambda p: (p / "clinic.csv").write_text(",".join(COLUMNS) + "\nA,F,x\n"), "row 2 does not have as many"),
        (lambda p: (p / "clinic.csv").write_text(",".join(COLUMNS) + "\n" + "A,,,,,,,,\n" * 2), "row 3 has the same"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(folder, tmp_path, spoil, message):
    for path in folder.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "truth.csv").unlink()
    spoil(tmp_path)
    with pytest.raises(InputError, match=message):
        evaluate(tmp_path, "social_care", load_protocol(PROTOCOL_FILE), SECRET)
