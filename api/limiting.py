"""Limits against fishing and flooding, per client, per worker and per address (a moving window, in this process)."""

from __future__ import annotations

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.problems import TooMany


class Limiter:
    """Counts what each client and worker does. Kept in memory: a limit over several processes belongs to the proxy."""

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def request(self, client: str, most: int) -> None:
        """Count a request of a client. Raises `TooMany`."""
        self._count(RateLimitItemPerMinute(most), "client", client, f"at most {most} requests in a minute")

    def token(self, address: str, most: int) -> None:
        """Count a request for a token. Raises `TooMany`."""
        self._count(RateLimitItemPerMinute(most), "token", address, f"at most {most} token requests in a minute")

    def question(self, worker: str, most: int) -> None:
        """Count a worker's question. Raises `TooMany`."""
        self._count(RateLimitItemPerHour(most), "worker", worker, f"at most {most} questions of one worker in an hour")

    def first_excess(self, worker: str) -> bool:
        """Whether this is the first time within an hour that a worker is refused for asking too much."""
        return self._window.hit(RateLimitItemPerHour(1), "excess", worker)

    def _count(self, limit: RateLimitItemPerMinute | RateLimitItemPerHour, kind: str, key: str, bound: str) -> None:
        if not self._window.hit(limit, kind, key):
            raise TooMany(f"Too many requests: {bound}.", next_step="Wait, then go on more slowly.")
