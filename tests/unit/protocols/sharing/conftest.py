"""What the tests of the sharing protocol share: the shipped protocol, and a request that is granted and can be varied."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.resources import PROTOCOL_FILE
from protocols.decision import ChildTie, Decision, Facts, Request, decide
from protocols.decision_index import CompiledProtocol
from protocols.load import LoadedProtocol, load_protocol
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, Stage

sys.path.insert(0, str(Path(__file__).parent))

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def loaded() -> LoadedProtocol:
    """The shipped protocol."""
    return load_protocol(PROTOCOL_FILE)


@pytest.fixture(scope="session")
def protocol(loaded: LoadedProtocol) -> CompiledProtocol:
    """The shipped protocol, compiled."""
    return loaded.compiled


@pytest.fixture(scope="session")
def text() -> str:
    """The shipped protocol's text."""
    return PROTOCOL_FILE.read_text(encoding="utf-8")


@pytest.fixture
def ask(protocol: CompiledProtocol) -> Callable[..., Decision]:
    """Ask about a mother at a section 47 enquiry whose treatment a social worker may know of; every part can be varied."""

    def asking(**changes: Any) -> Decision:
        stage = changes.pop("stage", Stage.S47)
        tie = ChildTie(stage, Relationship.PARENT, Contact.LIVES_WITH)
        request = Request(
            role_function=RoleFunction.SOCIAL_WORKER,
            purpose=Purpose.SAFEGUARDING,
            allocated=True,
            own_client=False,
            agency="recovery",
            mode=Mode.CONTENT,
            attribute="recovery.episode",
            at=NOW,
        )
        facts = Facts(kind=Kind.ADULT, children=(tie,), grade=Grade.CERTAIN)
        asked = {name: value for name, value in changes.items() if name in Request.__slots__}
        so = {name: value for name, value in changes.items() if name in Facts.__slots__}
        assert set(changes) == set(asked) | set(so)
        return decide(replace(request, **asked), replace(facts, **so), protocol)

    return asking
