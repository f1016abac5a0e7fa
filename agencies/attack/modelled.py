"""The attacker's model: how similar two people's encodings are expected to be under a key that the attacker does not have.

Published graph attacks encode the attacker's list once, under a key of the attacker's own, and take those similarities as they come.
But schema and hardening are public, so an attacker can do better: average the similarities *before* hardening over many keys, which
takes out the accidents of hashing, and learn from own keys what hardening makes of a similarity (for diffusion over t bits about its
t-th power). What is left of the noise is the victim's alone. We found no publication of this; against diffusion it is many times
stronger than the published form, so it decides here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Clks, Floats, Ints, similarity, upper
from agencies.attack.people import People, Scheme
from agencies.attack.views import Encoded

BASE_KEYS = 16
LINK_KEYS = 4
LINK_ROWS = 2000
_BINS = 200


@dataclass(frozen=True, slots=True)
class Link:
    """From similarity before hardening to expected similarity after it: a rising curve through points, and the noise around it."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    noise: float

    def __call__(self, values: Floats) -> Floats:
        return np.interp(values, self.before, self.after).astype(np.float32)


def learn_link(base: Floats, hardened: list[Floats]) -> Link:
    """Fit the curve by isotonic regression on bins: `base` and each of `hardened` are similarities of the same pairs, as vectors.

    Equal CLKs stay equal under every deterministic stage, so the curve ends at (1, 1).
    """
    from sklearn.isotonic import IsotonicRegression

    bins = np.clip(((base + 1) * (_BINS / 2)).astype(np.int64), 0, _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS).astype(np.float64)
    used = counts > 0
    centres = np.bincount(bins, base, _BINS)[used] / counts[used]
    mean = np.mean(hardened, axis=0)
    heights = np.bincount(bins, mean, _BINS)[used] / counts[used]
    risen = IsotonicRegression().fit_transform(centres, heights, sample_weight=counts[used])
    before, after = np.append(centres, 1.0), np.append(risen, max(1.0, float(risen[-1])))
    link = Link(before, after, 0.0)
    noise = float(np.sqrt(np.mean((hardened[0] - link(base)) ** 2)))
    return Link(before, after, max(noise, 1e-6))


@dataclass(frozen=True, slots=True)
class Modelled:
    """A view of the expected similarities among the people of a list."""

    base: Encoded
    link: Link

    @property
    def size(self) -> int:
        return self.base.size

    def part(self, rows: Ints) -> Modelled:
        """The expected similarities among some of the people."""
        return Modelled(self.base.part(rows), self.link)

    def columns(self, chosen: Ints) -> Floats:
        return self.link(self.base.columns(chosen))


def model_of(scheme: Scheme, people: People, rng: np.random.Generator, keys: int = BASE_KEYS) -> Modelled:
    """The attacker's model of a list, from the public scheme and keys of the attacker's own."""
    bases = Encoded([scheme.encode_base(rng.bytes(32), people) for _ in range(keys)])
    rows = np.arange(len(people)) if len(people) <= LINK_ROWS else rng.choice(len(people), LINK_ROWS, replace=False)
    some = [people[int(row)] for row in rows]
    before = upper(Encoded([clks[rows] for clks in bases.encodings]).columns(np.arange(len(rows))))
    after = [upper(_similar(scheme.encode(rng.bytes(32), some))) for _ in range(LINK_KEYS)]
    return Modelled(bases, learn_link(before, after))


def _similar(clks: Clks) -> Floats:
    return similarity(clks, clks)
