"""Limits against fishing and flooding, per client, per worker and per address (a moving window, in this process)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from api.problems import TooMany

MINUTE, HOUR = 60.0, 3600.0
_CLEAN_EVERY = 1_000


class Limiter:
    """Counts what each client and worker does. Kept in memory: a limit over several processes belongs to the proxy.

    What is refused does not count, so whoever waits comes in again. `clock` gives seconds that never step back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._ends: dict[tuple[str, str], deque[float]] = {}  # when each thing counted leaves its window, oldest first
        self._counted = 0

    def request(self, client: str, most: int) -> None:
        """Count a request of a client. Raises `TooMany`."""
        self._count(most, MINUTE, "client", client, f"at most {most} requests in a minute")

    def token(self, address: str, most: int) -> None:
        """Count a request for a token. Raises `TooMany`."""
        self._count(most, MINUTE, "token", address, f"at most {most} token requests in a minute")

    def question(self, worker: str, most: int) -> None:
        """Count a worker's question. Raises `TooMany`."""
        self._count(most, HOUR, "worker", worker, f"at most {most} questions of one worker in an hour")

    @contextmanager
    def once_an_hour(self, what: str, of: str) -> Iterator[bool]:
        """Whether this is the first time within an hour that something is to be told of. If telling fails, it was not told."""
        first = self._room(1, HOUR, what, of)
        try:
            yield first
        except BaseException:
            if first:
                with self._lock:
                    self._ends.pop((what, of), None)
            raise

    def _count(self, most: int, seconds: float, kind: str, key: str, bound: str) -> None:
        if not self._room(most, seconds, kind, key):
            raise TooMany(f"Too many requests: {bound}.", next_step="Wait, then go on more slowly.")

    def _room(self, most: int, seconds: float, kind: str, key: str) -> bool:
        """Count it, if there is room in the window."""
        with self._lock:
            now = self._clock()
            ends = self._ends.setdefault((kind, key), deque())
            while ends and ends[0] <= now:
                ends.popleft()
            room = len(ends) < most
            if room:
                ends.append(now + seconds)
            self._clean(now)
        return room

    def _clean(self, now: float) -> None:
        """Now and then, forget everyone of whom nothing is in a window any more."""
        self._counted += 1
        if self._counted % _CLEAN_EVERY == 0:
            self._ends = {key: ends for key, ends in self._ends.items() if ends and ends[-1] > now}
