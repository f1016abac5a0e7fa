"""The hardening stage: what happens to a CLK after the clkhash schema and before it leaves the agency."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

from agencies.encoding.diffusion import diffuse, diffusion_indices
from agencies.encoding.subkeys import subkey
from protocols.errors import InputError

PROFILES = ("standard", "high", "compat", "xor-fold", "rule-90", "blip")
FOR_COMPARISON_ONLY = ("compat", "xor-fold", "rule-90", "blip")
_MOST_T = 6


@dataclass(frozen=True, slots=True)
class Hardening:
    """A hardening stage: profile, t of the diffusion, `length` of the CLKs that go in (bits), and epsilon per bit (`blip` only)."""

    profile: str = "standard"
    t: int = 3
    length: int = 1024
    epsilon: float = 3.0

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise InputError(
                f"There is no hardening profile `{str(self.profile)[:40]}`.",
                next_step=f"Use one of {', '.join(PROFILES)}.",
            )
        if self.diffuses and not 1 <= self.t <= _MOST_T:
            raise InputError(
                f"Diffusion needs t from 1 to {_MOST_T}; got {self.t}.", next_step="The shipped protocol has 6."
            )
        if self.length < 64 or self.length % 16:
            raise InputError(
                f"Hardening needs a CLK length that is a multiple of 16 and at least 64; got {self.length}.",
                next_step="Use the length of the linkage schema.",
            )
        if self.profile == "blip" and not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise InputError("BLIP needs an epsilon above 0.", next_step="About 3 changes 5 % of the bits.")

    @property
    def diffuses(self) -> bool:
        """Whether the stage is keyed diffusion."""
        return self.profile in ("standard", "high")

    @property
    def salts_names(self) -> bool:
        """Whether name features are hashed under a key of the birth year (done while encoding, not by `harden`)."""
        return self.profile == "high"

    def describe(self) -> dict[str, str | int | float]:
        """The parameters that this profile uses: what two agencies must have the same."""
        parts: dict[str, str | int | float] = {"profile": self.profile, "length": self.length}
        if self.diffuses:
            parts["t"] = self.t
        if self.profile == "blip":
            parts["epsilon"] = self.epsilon
        return parts

    @property
    def output_length(self) -> int:
        """Bits of a CLK that comes out."""
        return self.length // 2 if self.profile == "xor-fold" else self.length


def harden(clks: NDArray[np.uint8], hardening: Hardening, secret: bytes) -> NDArray[np.uint8]:
    """CLKs of shape (n, length / 8) to hardened CLKs of shape (n, output_length / 8).

    Deterministic: the same CLK under the same 32-byte linkage secret always gives the same bytes. Raises `InputError` when the CLKs do
    not have the length that the hardening names.
    """
    return hardener(hardening, secret)(clks)


def hardener(hardening: Hardening, secret: bytes) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """`harden` for many blocks of CLKs: what follows from the secret alone is worked out once, and kept nowhere else."""
    if hardening.diffuses:
        table = diffusion_indices(secret, hardening.length, hardening.t)
        stage: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = partial(diffuse, table=table)
    elif hardening.profile == "xor-fold":
        stage = _xor_fold
    elif hardening.profile == "rule-90":
        stage = _rule_90
    elif hardening.profile == "blip":
        stage = partial(_blip, epsilon=hardening.epsilon, key=subkey(secret, "blip/v1"))
    else:
        stage = _unchanged

    def apply(clks: NDArray[np.uint8]) -> NDArray[np.uint8]:
        _check_shape(clks, hardening)
        return stage(clks)

    return apply


def _check_shape(clks: NDArray[np.uint8], hardening: Hardening) -> None:
    if clks.ndim != 2 or clks.dtype != np.uint8 or clks.shape[1] * 8 != hardening.length:
        raise InputError(
            f"The hardening is for CLKs of {hardening.length} bits; got an array of shape {clks.shape} and type {clks.dtype}.",
            next_step="Name the linkage schema's length in the protocol's hardening.",
        )


def _unchanged(clks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return clks.copy()


def _xor_fold(clks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The two halves of each filter, XORed (Schnell and Borgs 2016)."""
    half = clks.shape[1] // 2
    return clks[:, :half] ^ clks[:, half:]


def _rule_90(clks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each bit becomes the XOR of its two neighbours, the filter being a ring (Schnell and Borgs 2016; Wolfram's rule 90)."""
    bits = np.unpackbits(clks, axis=1)
    return np.packbits(np.roll(bits, 1, axis=1) ^ np.roll(bits, -1, axis=1), axis=1)


def _blip(clks: NDArray[np.uint8], epsilon: float, key: bytes) -> NDArray[np.uint8]:
    """Each bit flips with probability 1 / (1 + e^epsilon) (randomised response; Alaggan, Gambs and Kermarrec 2012).

    The noise of a CLK comes from the key and the CLK itself: repeated submissions carry the same noise, which cannot be averaged away.
    """
    threshold = round((1 << 16) / (1 + math.exp(epsilon)))
    out = np.empty_like(clks)
    zeros = bytes(2 * 8 * clks.shape[1])
    for i, row in enumerate(clks):
        noise_key = hashlib.blake2b(row.tobytes(), key=key, digest_size=32).digest()
        stream = Cipher(algorithms.ChaCha20(noise_key, bytes(16)), mode=None).encryptor().update(zeros)
        out[i] = row ^ np.packbits(np.frombuffer(stream, dtype="<u2") < threshold)
    return out
