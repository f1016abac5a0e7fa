"""T9: the known-pair decoder. From some CLKs whose people are known, learn to read names out of all the others.

The linear form of the dataset extension attack: Mildenberger, Schaefer, Armknecht and others (NEPAL, 2025) predict q-grams from
encodings with a neural network; ridge regression does most of that in a second. Decoded names need not be those of listed people.
`learn_encoder` turns the regression round: it learns what CLK a person would have, and looks the CLK up among listed people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Clks, Floats, Ints, signs
from agencies.attack.ridge import fit_ridge

_RAREST_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Decoded:
    """Names read right, tried, right by always guessing the most frequent name, and the share that the list says this gives."""

    right: int
    tried: int
    guessed: int
    likely: float = 0.0

    @property
    def guess(self) -> float:
        """What guessing gives, as a share: as the list has it or as it happened to turn out, whichever is more."""
        return max(self.likely, self.guessed / self.tried if self.tried else 0.0)


def decode_names(
    known: Clks,
    known_names: Sequence[Sequence[str]],
    targets: Clks,
    names: Sequence[Sequence[str]],
    listed: Sequence[Sequence[str]],
) -> list[Decoded]:
    """Learn from `known` and `known_names`, read `targets`, and compare with their true `names` ('' is not scored).

    Each of the three lists holds, for each kind of name (given names, family names), one name a person. Candidates are the names of
    the attacker's list, with their frequencies there as the prior. One result for each kind.
    """
    tokens = [token_matrix([bigrams(name) for name in column]) for column in known_names]
    fitted = fit_ridge(signs(known), np.concatenate([each.matrix for each in tokens], axis=1))
    predicted = fitted.predict(signs(targets))
    results, start = [], 0
    for its, truth, column in zip(tokens, names, listed, strict=True):
        here = slice(start, start + len(its.number))
        start = here.stop
        results.append(
            _read(
                predicted[:, here],
                fitted.target_mean[here],
                fitted.error[here],
                its,
                truth,
                Counter(filter(None, column)),
            )
        )
    return results


def _read(
    predicted: Floats, mean: Floats, error: Floats, tokens: TokenMatrix, truth: Sequence[str], prior: Counter[str]
) -> Decoded:
    scored = [row for row, name in enumerate(truth) if name]
    candidates = sorted(prior)
    if not candidates or not scored or not tokens.number:
        return Decoded(0, len(scored), 0)
    held = tokens.of([bigrams(candidate) for candidate in candidates])
    chosen = _most_likely(predicted[scored], mean, error, held, np.log([prior[name] for name in candidates]))
    common = max(candidates, key=lambda name: prior[name])
    return Decoded(
        right=sum(candidates[number] == truth[row] for number, row in zip(chosen, scored, strict=True)),
        tried=len(scored),
        guessed=sum(truth[row] == common for row in scored),
        likely=prior[common] / sum(prior.values()),
    )


def _most_likely(
    predicted: Floats, mean: Floats, error: Floats, candidates: Floats, prior: NDArray[np.float64]
) -> Ints:
    """The candidate of the highest posterior: how much better the prediction fits it than the mean does, plus the log prior."""
    spread = np.maximum(error, 1e-4)
    gain = (predicted / spread) @ candidates.T - ((mean / spread) @ candidates.T)[None, :]
    return np.asarray((gain + prior[None, :]).argmax(axis=1), dtype=np.int64)


def bigrams(name: str) -> list[str]:
    """Padded bigrams of a name."""
    padded = f" {name} " if name else ""
    return [padded[i : i + 2] for i in range(len(padded) - 1)]


@dataclass(frozen=True, slots=True)
class TokenMatrix:
    """Which row holds which token, shape (rows, tokens), values 0 and 1."""

    matrix: Floats
    number: dict[str, int]

    def of(self, rows: Sequence[Sequence[str]]) -> Floats:
        """Other rows over the same tokens; tokens never seen before are left out."""
        held = np.zeros((len(rows), len(self.number)), dtype=np.float32)
        for row, tokens in enumerate(rows):
            held[row, [self.number[token] for token in tokens if token in self.number]] = 1
        return held


def token_matrix(rows: Sequence[Sequence[str]], rarest: int = 1) -> TokenMatrix:
    """The tokens that at least `rarest` rows hold."""
    counts = Counter(token for tokens in rows for token in set(tokens))
    number = {token: i for i, token in enumerate(sorted(t for t, n in counts.items() if n >= rarest))}
    empty = TokenMatrix(np.zeros((0, len(number)), dtype=np.float32), number)
    return TokenMatrix(empty.of(rows), number)


def learn_encoder(
    known: Clks, known_tokens: Sequence[Sequence[str]], targets: Clks, listed: Sequence[Sequence[str]]
) -> Ints:
    """For every target CLK the listed person whose predicted CLK fits it best.

    `known_tokens` and `listed` are people as tokens of all features (`Scheme.tokens`). The prediction is linear in the tokens.
    """
    tokens = token_matrix(known_tokens, _RAREST_TOKEN)
    fitted = fit_ridge(tokens.matrix, signs(known))
    predicted = fitted.predict(tokens.of(listed))
    predicted -= predicted.mean(axis=0)
    predicted /= np.maximum(np.linalg.norm(predicted, axis=1, keepdims=True), 1e-12)
    observed = signs(targets) - fitted.target_mean
    return np.asarray((observed @ predicted.T).argmax(axis=1), dtype=np.int64)
