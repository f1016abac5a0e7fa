"""The hardening stages: recorded vectors, and the properties that make diffusion what it is."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

from agencies.encoding.diffusion import diffuse, diffusion_indices
from agencies.encoding.harden import FOR_COMPARISON_ONLY, PROFILES, Hardening, harden
from config.resources import PROTOCOL_FILE
from protocols.errors import InputError, KeyProblem, ProtocolError
from protocols.load import load_protocol

VECTORS = json.loads((Path(__file__).parent / "vectors" / "hardening.json").read_text("utf-8"))
SECRET = bytes.fromhex(VECTORS["secret"])


def rows(texts: list[str]) -> NDArray[np.uint8]:
    return np.array([list(bytes.fromhex(text)) for text in texts], dtype=np.uint8)


def random_clks(n: int, length: int, fill: float = 0.45, seed: int = 7) -> NDArray[np.uint8]:
    return np.packbits(np.random.default_rng(seed).random((n, length)) < fill, axis=1)


@pytest.mark.parametrize("vector", VECTORS["hardened"], ids=lambda vector: str(vector["hardening"]))
def test_recorded_vectors(vector: dict[str, Any]) -> None:
    out = harden(rows(VECTORS["clks"]), Hardening(**vector["hardening"]), SECRET)
    assert [row.tobytes().hex() for row in out] == vector["clks"]


def test_recorded_index_tables() -> None:
    small = VECTORS["diffusion_indices"]
    assert diffusion_indices(SECRET, small["length"], small["t"]).tolist() == small["table"]
    for vector in VECTORS["diffusion_indices_sha256"]:
        table = diffusion_indices(SECRET, vector["length"], vector["t"]).astype("<u2").tobytes()
        assert hashlib.sha256(table).hexdigest() == vector["little_endian_16_bit"]


def test_the_index_table_follows_from_the_published_primitives() -> None:
    """HKDF-SHA256 by hand, ChaCha20 key stream, Fisher-Yates with skipped words: written here a second time."""
    length, t = 64, 3
    info = b"kinlink/diffusion/v1/length=64/t=3"
    key = hmac.digest(hmac.digest(bytes(32), SECRET, "sha256"), info + b"\x01", "sha256")
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(1 << 16))
    words = iter(int.from_bytes(stream[i : i + 4], "little") for i in range(0, len(stream), 4))
    table: list[list[int]] = []
    while len(table) < t:
        order = list(range(length))
        for last in range(length - 1, 0, -1):
            word = next(words)
            while word >= 2**32 // (last + 1) * (last + 1):
                word = next(words)
            pick = word % (last + 1)
            order[last], order[pick] = order[pick], order[last]
        if all(a != b for row in table for a, b in zip(row, order, strict=True)):
            table.append(order)
    assert diffusion_indices(SECRET, length, t).tolist() == table


@pytest.mark.parametrize(("length", "t"), [(64, 2), (1024, 3), (1024, 5), (2048, 4)])
def test_pools_are_balanced_and_no_output_uses_a_bit_twice(length: int, t: int) -> None:
    table = diffusion_indices(SECRET, length, t)
    assert set(Counter(table.ravel().tolist()).values()) == {t}
    assert all(len(set(column)) == t for column in table.T.tolist())


def test_each_output_bit_is_the_xor_of_its_inputs() -> None:
    clks, table = random_clks(700, 256), diffusion_indices(SECRET, 256, 3)
    bits = np.unpackbits(clks, axis=1)
    expected = bits[:, table[0]] ^ bits[:, table[1]] ^ bits[:, table[2]]
    assert np.array_equal(np.unpackbits(diffuse(clks, table), axis=1), expected)


def test_a_permutation_is_uniform_enough() -> None:
    """Over many secrets every input reaches the first output equally often (chi-squared, 63 degrees of freedom, p > 1e-6)."""
    firsts = Counter(int(diffusion_indices(i.to_bytes(32, "big"), 64, 1)[0, 0]) for i in range(3200))
    chi2 = sum((firsts[place] - 50) ** 2 / 50 for place in range(64))
    assert chi2 < 132


@pytest.mark.parametrize("profile", PROFILES)
def test_deterministic_row_by_row_and_in_any_order(profile: str) -> None:
    hardening, clks = Hardening(profile), random_clks(1100, 1024)
    out = harden(clks, hardening, SECRET)
    assert out.shape == (1100, hardening.output_length // 8)
    assert np.array_equal(out, harden(clks.copy(), hardening, SECRET))
    assert np.array_equal(out[::-1], harden(clks[::-1], hardening, SECRET))
    assert harden(clks[:0], hardening, SECRET).shape == (0, hardening.output_length // 8)
    assert clks.tobytes() == random_clks(1100, 1024).tobytes(), "the input stays as it was"


@pytest.mark.parametrize("profile", ["xor-fold", "rule-90", "blip", "compat"])
def test_what_is_for_comparison_only_is_refused_in_a_protocol(tmp_path: Path, profile: str) -> None:
    assert profile in FOR_COMPARISON_ONLY
    text = PROTOCOL_FILE.read_text()
    assert "profile: standard" in text
    path = tmp_path / "protocol.yaml"
    path.write_text(text.replace("profile: standard", f"profile: {profile}"))
    with pytest.raises(ProtocolError, match="expected"):
        load_protocol(path)


@pytest.mark.parametrize("profile", ["standard", "high", "blip"])
def test_another_secret_gives_unrelated_output(profile: str) -> None:
    clks = random_clks(400, 1024)
    one, two = (np.unpackbits(harden(clks, Hardening(profile), bytes([i]) * 32), axis=1) for i in (1, 2))
    if profile == "blip":
        noise_one, noise_two = one ^ np.unpackbits(clks, axis=1), two ^ np.unpackbits(clks, axis=1)
        assert abs(np.corrcoef(noise_one.ravel(), noise_two.ravel())[0, 1]) < 0.01
    else:
        assert abs((one == two).mean() - 0.5) < 0.01


def test_diffusion_multiplies_differences_and_hides_the_fill() -> None:
    clks = random_clks(2000, 1024, fill=0.3)
    flipped = clks.copy()
    flipped[:, 5] ^= 0b1000
    out, other = (np.unpackbits(harden(each, Hardening(), SECRET), axis=1) for each in (clks, flipped))
    assert set((out != other).sum(axis=1).tolist()) == {3}, "one input bit reaches exactly t output bits"
    assert abs(out.mean() - (1 - (1 - 2 * 0.3) ** 3) / 2) < 0.005, "the fill of an XOR of three bits, each 0.3 full"


def test_rule_90_and_the_fold_by_definition() -> None:
    clks = random_clks(5, 128)
    bits = np.unpackbits(clks, axis=1)
    ninety = np.unpackbits(harden(clks, Hardening("rule-90", length=128), SECRET), axis=1)
    folded = np.unpackbits(harden(clks, Hardening("xor-fold", length=128), SECRET), axis=1)
    for row in range(5):
        assert ninety[row].tolist() == [bits[row, j - 1] ^ bits[row, (j + 1) % 128] for j in range(128)]
        assert folded[row].tolist() == [bits[row, j] ^ bits[row, j + 64] for j in range(64)]


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 3.0])
def test_blip_flips_with_the_probability_of_its_epsilon(epsilon: float) -> None:
    clks = random_clks(500, 1024)
    flips = np.unpackbits(clks ^ harden(clks, Hardening("blip", epsilon=epsilon), SECRET), axis=1)
    wanted = 1 / (1 + math.exp(epsilon))
    assert abs(flips.mean() - wanted) < 5 * math.sqrt(wanted * (1 - wanted) / flips.size) + 2**-16
    ones, zeros = np.unpackbits(clks, axis=1) == 1, np.unpackbits(clks, axis=1) == 0
    assert abs(flips[ones].mean() - flips[zeros].mean()) < 0.01, "both ways alike: that is what epsilon promises"


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": "none"},
        {"t": 0},
        {"t": 7},
        {"length": 1000},
        {"length": 0},
        {"profile": "blip", "epsilon": 0.0},
        {"profile": "blip", "epsilon": float("nan")},
        {"profile": "blip", "epsilon": float("inf")},
    ],
)
def test_parameters_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Hardening(**wrong)


def test_clks_of_another_shape_and_secrets_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="CLKs of 1024 bits"):
        harden(random_clks(2, 512), Hardening(), SECRET)
    with pytest.raises(InputError):
        harden(random_clks(2, 1024)[0], Hardening(), SECRET)
    with pytest.raises(KeyProblem, match="32 bytes") as problem:
        harden(random_clks(2, 1024), Hardening(), b"short secret")
    assert "short" not in str(problem.value)
