"""What the encoder promises: the bits of clkhash, and a million records in under a gibibyte. How fast it is: `benchmarks.encode`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


def benchmark(*arguments: str) -> str:
    """The benchmark's output, from a process of its own: peak memory is a process's, and clkhash's import is not timed."""
    command = [sys.executable, "-m", "benchmarks.encode", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600).stdout


def test_the_benchmark_compares_the_same_bits() -> None:
    lines = [line for line in benchmark("--records", "1500").splitlines() if "×" in line]
    assert len(lines) == 4
    assert all(line.endswith("True") for line in lines)


@pytest.mark.slow
def test_a_million_records_stay_under_a_gibibyte() -> None:
    out = benchmark("--memory", "1000000")
    found = re.search(r"^1,000,000 records .*peak memory ([\d.]+) GiB$", out, re.MULTILINE)
    assert found is not None, out
    assert float(found[1]) < 1
