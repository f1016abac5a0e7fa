"""Our evaluator and Cedar are written apart; they have to come to the same decision, rule, basis and reasons."""

from __future__ import annotations

from collections import Counter

import pytest
from cedar_engine import CedarEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocol_worlds import SHIPPED, asked, asked_of_shipped, protocols

from protocols.decision import Facts, Granted, Request, decide
from protocols.decision_index import CompiledProtocol, ReasonCode

REQUESTS = 80
SEEDS = st.integers(0, 2**32).map(lambda start: range(start, start + REQUESTS))
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def agree(protocol: CompiledProtocol, questions: list[tuple[Request, Facts]]) -> None:
    """Ask both engines the same questions."""
    for (request, facts), (granted, reasons) in zip(questions, CedarEngine(protocol).decide(questions), strict=True):
        ours = decide(request, facts, protocol)
        if isinstance(ours, Granted):
            assert granted == (ours.rule, ours.basis, ours.break_glass)
        else:
            assert granted is None
            assert frozenset(ours.reasons) == reasons


@settings(max_examples=130, deadline=None, suppress_health_check=CHECKS)
@given(protocol=protocols(), seeds=SEEDS)
def test_ten_thousand_requests(protocol: CompiledProtocol, seeds: range) -> None:
    agree(protocol, [asked(protocol, seed) for seed in seeds])


def test_the_worlds_meet_every_reason() -> None:
    """Agreement is worth something only where both answers and every reason occur."""
    met: Counter[str] = Counter()

    @settings(max_examples=60, deadline=None, suppress_health_check=CHECKS, derandomize=True, database=None)
    @given(protocol=protocols(), seeds=SEEDS)
    def meet(protocol: CompiledProtocol, seeds: range) -> None:
        for decision in (decide(*asked(protocol, seed), protocol) for seed in seeds):
            if isinstance(decision, Granted):
                met.update(["granted", f"emergency {decision.break_glass}"])
            else:
                met.update(reason.code for reason in decision.reasons)

    meet()
    assert {"emergency True", "emergency False", *ReasonCode} <= set(met)
    assert met["granted"] > 100


def test_the_shipped_protocol() -> None:
    agree(SHIPPED.compiled, [asked_of_shipped(seed) for seed in range(150)])


@pytest.mark.slow
def test_the_shipped_protocol_at_length() -> None:
    for start in range(0, 4000, 500):
        agree(SHIPPED.compiled, [asked_of_shipped(seed) for seed in range(10_000 + start, 10_500 + start)])


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=CHECKS)
@given(protocol=protocols(), seeds=SEEDS)
def test_a_hundred_thousand_requests(protocol: CompiledProtocol, seeds: range) -> None:
    agree(protocol, [asked(protocol, seed) for seed in seeds])
