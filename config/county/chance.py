"""Seeded chance. Only `Random.random()` is used, whose sequence Python keeps the same across versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """One independent stream per set of labels: a change in one agency's records leaves the others as they were."""

    def __init__(self, *labels: object) -> None:
        self._random = Random("/".join(map(str, labels)))  # noqa: S311 - made-up people, not keys

    def unit(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def yes(self, probability: float) -> bool:
        """True with the given probability."""
        return self.unit() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.unit() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One item, all equally likely."""
        return items[int(self.unit() * len(items))]

    def skewed(self, items: Sequence[T]) -> T:
        """One item, those at the front likelier: how names are spread in a population."""
        value = self.unit()
        if self.yes(0.3):
            value *= value
        return items[int(value * len(items))]

    def weighted(self, items: Sequence[tuple[T, float]]) -> T:
        """One item by weight."""
        left = self.unit() * sum(weight for _, weight in items)
        for item, weight in items:
            left -= weight
            if left < 0:
                return item
        return items[-1][0]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """A copy in random order."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.between(0, last)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def sample(self, items: Sequence[T], count: int, weight: Callable[[T], float]) -> list[T]:
        """`count` items without replacement, likelier the heavier they are (priority sampling), in their first order."""
        drawn = [((1.0 - self.unit()) / weight(item), place) for place, item in enumerate(items) if weight(item) > 0]
        return [items[place] for place in sorted(place for _, place in sorted(drawn)[:count])]

    def day(self, first: date, last: date) -> date:
        """A day from `first` to `last`, both included."""
        return first + timedelta(days=self.between(0, (last - first).days))
