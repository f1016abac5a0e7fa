"""`kinlink compare` on submissions: opened with the service's key, named by record, and never across epochs or protocols."""

import csv

import numpy as np
import pytest

from kinlink.compare import compare_files
from protocols.errors import InputError


@pytest.fixture
def two(site, tools):
    """The police know 30 people, health 20 of them and ten others; one at health has two encodings."""
    police = [tools.Person(f"POLREF{i:04d}", [tools.clk(i)]) for i in range(30)]
    health = [tools.Person(f"HEAREF{i:04d}", [tools.noisy(tools.clk(i), 40)]) for i in range(20)]
    health += [tools.Person(f"HEAREF{i:04d}", [tools.clk(500 + i)]) for i in range(20, 30)]
    health[0].clks.append(tools.noisy(tools.clk(0), 10))
    return site.submission("police", police), health


def test_submissions_are_compared_by_record(site, two, tmp_path):
    police, health = two
    out = tmp_path / "pairs.csv"
    done = compare_files(police, site.submission("health", health), 0.85, out, service=site.settings.data_dir)
    with out.open() as source:
        rows = [(row["index_a"], row["index_b"]) for row in csv.DictReader(source)]
    expected = [(f"POLREF{i:04d}", f"HEAREF{i:04d}") for i in range(20)]
    assert sorted(rows) == sorted([*expected, expected[0]])
    assert (done.left, done.right, done.pairs) == (30, 31, 21)


def test_without_the_service_a_submission_stays_sealed(site, two, tmp_path):
    with pytest.raises(InputError, match="sealed to the service"):
        compare_files(two[0], two[0], 0.85, tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"epoch": 7}, "two epochs: "), ({"key_check_value": "0000-1111-2222-3333"}, "two linkage secrets: ")],
)
def test_encodings_of_two_epochs_or_secrets_are_refused(site, two, tmp_path, changed, what):
    other = site.submission("health", two[1], **changed)
    with pytest.raises(InputError, match=what):
        compare_files(two[0], other, 0.85, tmp_path / "pairs.csv", service=site.settings.data_dir)
    assert not list(tmp_path.glob("pairs*"))


def test_a_submission_and_a_file_of_clks_go_together(site, two, tools, tmp_path):
    import base64
    import json

    clks = np.stack([tools.clk(3), tools.clk(900)])
    file = tmp_path / "clks.json"
    file.write_text(json.dumps({"clks": [base64.b64encode(row.tobytes()).decode() for row in clks]}))
    out = tmp_path / "pairs.csv"
    compare_files(two[0], file, 0.9, out, service=site.settings.data_dir)
    assert out.read_text().splitlines()[1:] == ["POLREF0003,0,1.000000"]
