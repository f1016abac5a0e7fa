"""A moving window for each client, worker and address."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.limiting import HOUR, MINUTE, Limiter
from api.problems import TooMany


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


def allowed(limiter, worker, most):
    try:
        limiter.question(worker, most)
    except TooMany:
        return False
    return True


def test_what_is_over_the_limit_is_refused_until_the_oldest_leaves_the_window():
    clock = Clock()
    limiter = Limiter(clock)
    limiter.request("police", 2)
    clock.now += 40
    limiter.request("police", 2)
    with pytest.raises(TooMany, match="at most 2 requests in a minute"):
        limiter.request("police", 2)
    clock.now += MINUTE - 40
    limiter.request("police", 2)
    with pytest.raises(TooMany):
        limiter.request("police", 2)


def test_everyone_and_every_kind_has_a_window_of_its_own():
    limiter = Limiter(Clock())
    limiter.request("police", 1)
    limiter.request("probation", 1)
    limiter.question("police", 1)
    limiter.token("police", 1)
    with pytest.raises(TooMany):
        limiter.token("police", 1)


def first(limiter, worker):
    with limiter.once_an_hour("excess", worker) as told:
        return told


def test_an_excess_is_told_of_once_an_hour():
    clock = Clock()
    limiter = Limiter(clock)
    assert [first(limiter, "w-1"), first(limiter, "w-1")] == [True, False]
    with pytest.raises(OSError, match="not on record"), limiter.once_an_hour("excess", "w-2") as told:
        assert told
        raise OSError("not on record")
    assert [first(limiter, "w-1"), first(limiter, "w-2"), first(limiter, "w-2")] == [False, True, False]
    clock.now += HOUR
    assert first(limiter, "w-1")


@given(st.lists(st.tuples(st.integers(0, 2_000), st.sampled_from("abc")), max_size=60), st.integers(0, 4))
def test_no_window_ever_holds_more_than_the_limit_and_nobody_waits_for_nothing(steps, most):
    clock = Clock()
    limiter = Limiter(clock)
    counted = {worker: deque() for worker in "abc"}
    for seconds, worker in steps:
        clock.now += seconds
        within = [at for at in counted[worker] if at > clock.now - HOUR]
        assert allowed(limiter, worker, most) == (len(within) < most)
        if len(within) < most:
            counted[worker].append(clock.now)


def test_those_who_are_gone_are_forgotten_and_those_who_are_not_are_not():
    clock = Clock()
    limiter = Limiter(clock)
    for number in range(999):
        limiter.question(f"w-{number}", 1)
    clock.now += HOUR
    limiter.question("w-new", 1)
    assert not allowed(limiter, "w-new", 1)
    assert len(limiter._ends) == 1
