"""`kinlink compare`: all pairs that NumPy finds and no others, and a clear word for every file that cannot be compared."""

import base64
import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from kinlink.cli import build
from kinlink.compare import compare_files
from protocols.errors import InputError


def write(path, clks):
    path.write_text(json.dumps({"clks": [base64.b64encode(row.tobytes()).decode() for row in clks]}))
    return path


def random_clks(seed, rows, size):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (rows, size), dtype=np.uint8) | rng.integers(0, 256, (rows, size), dtype=np.uint8)


@pytest.mark.parametrize("size", [8, 13, 64, 128])
def test_it_finds_what_numpy_finds(tmp_path, size):
    a, b = random_clks(1, 70, size), random_clks(2, 90, size)
    b[:20] = a[:20]
    b[:20, 0] ^= 1
    files = write(tmp_path / "a.json", a), write(tmp_path / "b.json", b)
    out = tmp_path / "pairs.csv"
    done = compare_files(*files, 0.75, out)
    bits_a, bits_b = np.unpackbits(a, axis=1).astype(int), np.unpackbits(b, axis=1).astype(int)
    dice = 2 * bits_a @ bits_b.T / (bits_a.sum(1)[:, None] + bits_b.sum(1)[None])
    expected = {(i, j) for i, j in zip(*np.nonzero(dice >= 0.75), strict=True)}
    with out.open() as source:
        rows = [(int(r["index_a"]), int(r["index_b"]), float(r["dice"])) for r in csv.DictReader(source)]
    assert {(i, j) for i, j, _ in rows} == expected
    assert done.pairs == len(expected) >= 20
    assert all(abs(d - dice[i, j]) < 1e-6 for i, j, d in rows)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan"), float("inf")])
def test_a_threshold_out_of_range_is_refused(tmp_path, threshold):
    file = write(tmp_path / "a.json", random_clks(1, 3, 64))
    with pytest.raises(InputError, match="threshold"):
        compare_files(file, file, threshold, tmp_path / "out.csv")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"clks": []}',
        '{"clks": ["%%%"]}',
        '{"clks": ["QUJD"]}',
        '{"clks": "AAAA"}',
        '{"clks": [1, null]}',
    ],
)
def test_a_file_that_is_not_clks_is_refused(tmp_path, text):
    good = write(tmp_path / "good.json", random_clks(1, 3, 64))
    bad = tmp_path / "bad.json"
    bad.write_text(text)
    with pytest.raises(InputError, match=r"bad\.json"):
        compare_files(good, bad, 0.8, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_two_lengths_are_refused(tmp_path):
    files = write(tmp_path / "a.json", random_clks(1, 3, 64)), write(tmp_path / "b.json", random_clks(1, 3, 128))
    with pytest.raises(InputError, match="512 bits"):
        compare_files(*files, 0.8, tmp_path / "out.csv")


def test_too_many_pairs_are_refused_with_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr("kinlink.compare.MOST_PAIRS", 1000)
    file = write(tmp_path / "a.json", random_clks(1, 100, 64))
    with pytest.raises(InputError, match="about 10,000 pairs"):
        compare_files(file, file, 0.1, tmp_path / "out.csv")


@pytest.mark.parametrize("byte", [0, 255])
def test_an_encoding_of_nobody_is_refused_by_its_number(tmp_path, byte):
    clks = random_clks(1, 5, 64)
    clks[3] = byte
    files = write(tmp_path / "good.json", random_clks(2, 5, 64)), write(tmp_path / "bad.json", clks)
    with pytest.raises(InputError, match=r"`bad\.json` entry 3 has only zeros or only ones"):
        compare_files(*files, 0.8, tmp_path / "out.csv")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("recall", [0.0, 1.0, float("nan")])
def test_a_recall_out_of_range_is_refused(tmp_path, recall):
    file = write(tmp_path / "a.json", random_clks(1, 3, 64))
    with pytest.raises(InputError, match="recall"):
        compare_files(file, file, 0.8, tmp_path / "out.csv", recall=recall)


def test_lsh_says_what_it_promised_and_found(tmp_path):
    rng = np.random.default_rng(5)
    a = random_clks(1, 3_000, 64)
    b = a ^ np.packbits(rng.random((3_000, 512)) < 0.03, axis=1)
    files = write(tmp_path / "a.json", a), write(tmp_path / "b.json", b)
    given = [str(item) for item in (*files, "--threshold", 0.88, "--recall", 0.99, "--out", tmp_path / "p.csv")]
    said = {}
    for search in ("exact", "lsh", "auto"):
        result = CliRunner().invoke(build("compare"), ["compare", *given, "--search", search])
        assert result.exit_code == 0, result.output
        said[search] = result.output
        rows = set((tmp_path / "p.csv").read_text().splitlines()[1:])
        if search == "exact":
            exact = rows
        assert rows <= exact
        assert len(rows) >= 0.97 * len(exact) > 2_000
    assert "Search: exact" in said["exact"]
    assert "Search: lsh (exact about" in said["lsh"]
    assert "Recall promised 0.99, on a sample" in said["lsh"]
    assert "Search: exact (every pair is compared in seconds)" in said["auto"]


def test_a_comparison_that_fails_leaves_nothing(tmp_path, monkeypatch):
    file = write(tmp_path / "a.json", random_clks(1, 10, 64))

    def broken(*_args, **_given):
        raise OSError("disk full")
        yield

    monkeypatch.setattr("kinlink.compare.search_by", broken)
    with pytest.raises(OSError, match="disk full"):
        compare_files(file, file, 0.8, tmp_path / "out.csv")
    assert not list(tmp_path.glob("out*"))


def test_clks_of_two_lengths_in_one_file_are_refused(tmp_path):
    rows = [*random_clks(1, 2, 64), *random_clks(1, 1, 72)]
    bad = write(tmp_path / "bad.json", rows)
    with pytest.raises(InputError, match=r"`bad\.json` entry 2 has 576 bits; expected 512, as the first"):
        compare_files(bad, bad, 0.8, tmp_path / "out.csv")
