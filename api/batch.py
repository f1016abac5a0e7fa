"""What a batch of encodings looks like as a whole, beside the same agency's last one: numbers only, no key, no list.

Honest encodings of people are half full, as unlike as strangers are, and differ in dozens of bits as soon as a letter differs. Crafted
ones are not: an oracle attack sends the same encoding over and over with a few bits changed, a dictionary dump sends thousands that
resemble each other, and another population or another key shows in how often each bit is set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from linkage.records import EncodedRecords

Clks = NDArray[np.uint8]
Counts = NDArray[np.int64]

OUTLIER = 6.0
MOST_OUTLIERS, OUTLIERS_GROWTH = 0.02, 3.0
IMPOSSIBLE = 12.0
MEDIAN_SHIFT = 3.0
DRIFT, ENOUGH_TO_DRIFT = 0.012, 500
ENOUGH = 200
NEAR_SHARE, MOST_NEAR = 0.01, 1e-4
ALIKE = 5.0
MOST_ALIKE, ALIKE_GROWTH = 1.0, 3.0
SAMPLE, AMONG = 400, 20_000
LARGE_GROUP, MOST_IN_LARGE = 20, 0.2
HISTOGRAM_SHIFT = 0.25
_BANDS = 32
_FOLLOWERS = 6
_PAIRS = 65_536


def problems(new: EncodedRecords, last: EncodedRecords | None) -> list[str]:
    """What is wrong with a batch, in sentences with counts and no value; nothing if it is sane.

    `last` is the agency's batch before it under the same secret, if there is one.
    """
    if len(new.clks) == 0:
        return []
    before = last if last is not None and len(last.clks) else None
    return [
        *popcount_problems(new.clks, before.clks if before else None),
        *drift_problems(new.clks, before.clks if before else None),
        *near_problems(new, before),
        *alike_problems(new, before),
        *group_problems(new, before),
    ]


def popcounts(clks: Clks) -> Counts:
    """How many bits each encoding sets."""
    return np.asarray(np.bitwise_count(clks).sum(axis=1, dtype=np.int64))


def popcount_problems(new: Clks, last: Clks | None) -> Iterator[str]:
    """Encodings that set far more or fewer bits than the others; the spread of random bits is the unit."""
    unit = np.sqrt(new.shape[1] * 8) / 2
    counts = popcounts(new)
    middle = float(np.median(popcounts(last) if last is not None else counts))
    impossible = int((counts > middle + IMPOSSIBLE * unit).sum())
    if impossible:
        yield f"{impossible} encodings set more bits than an encoding of a person can"
    allowed = MOST_OUTLIERS
    if last is not None:
        allowed = max(allowed, OUTLIERS_GROWTH * float((np.abs(popcounts(last) - middle) > OUTLIER * unit).mean()))
    outliers = int((np.abs(counts - middle) > OUTLIER * unit).sum())
    if outliers > max(2.0, allowed * len(new)):
        yield f"{outliers} of {len(new)} encodings set far more or fewer bits than the agency's encodings do"
    elif last is not None and len(new) >= ENOUGH and abs(float(np.median(counts)) - middle) > MEDIAN_SHIFT * unit:
        yield "the encodings set more or fewer bits than those of the last batch"


def drift_problems(new: Clks, last: Clks | None) -> Iterator[str]:
    """How often each bit is set, beside the last batch: the spread of the differences beyond what chance gives."""
    if last is None or min(len(new), len(last)) < ENOUGH_TO_DRIFT:
        return
    here, there = _frequencies(new), _frequencies(last)
    pooled = (here * len(new) + there * len(last)) / (len(new) + len(last))
    chance = float((pooled * (1 - pooled)).mean()) * (1 / len(new) + 1 / len(last))
    beyond = float(np.sqrt(max(0.0, float(((here - there) ** 2).mean()) - chance)))
    if beyond > DRIFT:
        yield "the bits are set as often as those of another population, or under another key"


def _frequencies(clks: Clks) -> NDArray[np.float64]:
    total = np.zeros(clks.shape[1] * 8, dtype=np.int64)
    for start in range(0, len(clks), 4096):
        total += np.unpackbits(clks[start : start + 4096], axis=1).sum(axis=0, dtype=np.int64)
    return total / len(clks)


def near_problems(new: EncodedRecords, last: EncodedRecords | None) -> Iterator[str]:
    """Encodings that differ from another one, of this batch or the last, in fewer bits than two spellings of one person do.

    A letter changed about nine bits before a diffusion of t, and so about nine t, in the agencies' extracts that this was measured on.
    """
    rows = near_duplicates(new.clks, last.clks if last else None)
    records = len(np.unique(new.owner[rows]))
    if records > MOST_NEAR * len(new.record_refs):
        yield (
            f"{records} records differ from another record, or from themselves in the last batch, in fewer bits than the smallest "
            "difference between two people makes"
        )


def near_duplicates(new: Clks, last: Clks | None) -> Counts:
    """Rows of `new` with another row, in `new` or `last`, that differs in at least one bit and at most 1 % of them.

    Of rows that are equal one is looked at. Rows that agree on one of 32 bands of bits are compared, each with the next few: of
    pairs that differ in one bit 31 of 32 bands agree, and of those that differ in one of a hundred bits about 9 of 32 do.
    """
    rows = _Rows(new, last)
    width = new.shape[1] // _BANDS
    if width == 0 or len(rows.distinct) < 2:
        return np.empty(0, dtype=np.int64)
    near = int(NEAR_SHARE * new.shape[1] * 8)
    found = np.zeros(len(rows.distinct), dtype=bool)
    for band in range(_BANDS):
        keys = np.ascontiguousarray(rows.take(rows.distinct, slice(band * width, (band + 1) * width)))
        packed = keys.view(np.dtype((np.void, width))).ravel()
        order = np.argsort(packed, kind="stable")
        ranked = packed[order]
        for step in range(1, min(_FOLLOWERS, len(order) - 1) + 1):
            same = np.flatnonzero(ranked[:-step] == ranked[step:])
            for start in range(0, len(same), _PAIRS):
                place = same[start : start + _PAIRS]
                left, right = order[place], order[place + step]
                differ = rows.take(rows.distinct[left]) ^ rows.take(rows.distinct[right])
                close = popcounts(differ) <= near
                found[left[close]] = found[right[close]] = True
    chosen = rows.distinct[found]
    return np.sort(chosen[chosen < len(new)])


class _Rows:
    """The rows of two batches as one table, without a copy; `distinct` are the first of each set of equal rows."""

    def __init__(self, new: Clks, last: Clks | None) -> None:
        self._new, self._last = new, new[:0] if last is None else last
        # Other words every time: nobody can prepare rows that differ and have one digest.
        drawn = np.random.default_rng().integers(0, 1 << 63, new.shape[1], dtype=np.uint64)
        words = np.asarray(drawn * np.uint64(2) + np.uint64(1), dtype=np.uint64)
        digests = np.concatenate([_digests(part, words) for part in (self._new, self._last)])
        self.distinct = np.unique(digests, return_index=True)[1].astype(np.int64)

    def take(self, chosen: Counts, columns: slice = slice(None)) -> Clks:
        """Some rows."""
        found = np.empty((len(chosen), len(range(*columns.indices(self._new.shape[1])))), dtype=np.uint8)
        here = chosen < len(self._new)
        found[here] = self._new[chosen[here], columns]
        found[~here] = self._last[chosen[~here] - len(self._new), columns]
        return found


def _digests(clks: Clks, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number for each row, equal for equal rows."""
    parts = [
        (clks[start : start + 4096].astype(np.uint64) * words).sum(axis=1, dtype=np.uint64)
        for start in range(0, len(clks), 4096)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def alike_problems(new: EncodedRecords, last: EncodedRecords | None) -> Iterator[str]:
    """Encodings outside each other's groups that resemble each other, more than chance ever does: people rarely do, a dictionary's
    entries all do. The unit is the spread of two strangers' similarity."""
    if len(new.record_refs) < ENOUGH:
        return
    rate = resemblance(new)
    allowed = MOST_ALIKE
    if last is not None and len(last.record_refs) >= ENOUGH:
        allowed = max(allowed, ALIKE_GROWTH * resemblance(last))
    if rate > allowed:
        yield f"the records resemble each other as people do not: each of them about {rate:.0f} others outside its own groups"


def resemblance(batch: EncodedRecords) -> float:
    """How many records outside its own groups a record resembles, on average, among at most 20,000 encodings of the batch."""
    rng = np.random.default_rng(len(batch.clks))
    among = rng.permutation(len(batch.clks))[:AMONG]
    chosen = among[:SAMPLE]
    names = _group_numbers(batch)
    bits = batch.clks.shape[1] * 8
    left = np.unpackbits(batch.clks[chosen], axis=1).astype(np.float32) * 2 - 1
    total = 0
    for start in range(0, len(among), 4096):
        rows = among[start : start + 4096]
        right = np.unpackbits(batch.clks[rows], axis=1).astype(np.float32) * 2 - 1
        similar = left @ right.T > ALIKE * np.sqrt(bits)
        similar &= names[batch.owner[chosen]][:, None] != names[batch.owner[rows]][None, :]
        total += int(similar.sum())
    return total / len(chosen)


def _group_numbers(batch: EncodedRecords) -> Counts:
    """The first group of every record as a number; a record without one is a group of its own."""
    numbers: dict[str, int] = {}
    firsts = [groups[0] if groups else f"\0{row}" for row, groups in enumerate(batch.groups)]
    return np.array([numbers.setdefault(name, len(numbers)) for name in firsts], dtype=np.int64)


def group_problems(new: EncodedRecords, last: EncodedRecords | None) -> Iterator[str]:
    """The sizes of groups: households, not lists; and about those of the last batch."""
    here = _sizes(new)
    if not here or len(new.record_refs) < ENOUGH:
        return
    people = sum(size * count for size, count in here.items())
    large = sum(size * count for size, count in here.items() if size > LARGE_GROUP)
    there = _sizes(last) if last is not None and len(last.record_refs) >= ENOUGH else Counter[int]()
    before = sum(size * count for size, count in there.items() if size > LARGE_GROUP) / max(
        1, sum(size * count for size, count in there.items())
    )
    if large / people > max(MOST_IN_LARGE, 2 * before):
        yield f"{large} of {people} grouped records are in groups of more than {LARGE_GROUP}: lists, not households"
    elif there and _shift(here, there) > HISTOGRAM_SHIFT:
        yield "the groups have other sizes than those of the last batch"


def _sizes(batch: EncodedRecords) -> Counter[int]:
    """How many groups there are of each size."""
    return Counter(Counter(group for groups in batch.groups for group in groups).values())


def _shift(here: Counter[int], there: Counter[int]) -> float:
    """The total variation distance of two histograms."""
    left, right = here.total(), there.total()
    return sum(abs(here[size] / left - there[size] / right) for size in {*here, *there}) / 2
