"""Sentences and pages: made from what is enforced, and saying all of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.resources import PROTOCOL_FILE
from kinlink.protocol_cli import generated_pages
from protocols.decision import Decision
from protocols.decision_index import ReasonCode
from protocols.document_rules import Grant, Prohibition
from protocols.load import LoadedProtocol, load_protocol
from protocols.schema import json_schema
from protocols.sentences import (
    REASON_WORDS,
    decision_sentences,
    grant_sentence,
    sentence_of_grant,
    sentence_of_never,
    sentence_of_prohibition,
)
from protocols.sentences_back import grant_from_sentence, prohibition_from_sentence
from protocols.vocabulary import Grade, Mode, Purpose, Sensitivity, Stage

DOCS = Path(__file__).parents[4] / "docs"
DOCUMENT = load_protocol(PROTOCOL_FILE).document
OPEN = tuple(stage for stage in Stage if stage is not Stage.CLOSED)


def test_every_shipped_grant_can_be_read_back_from_its_sentence() -> None:
    for grant in DOCUMENT.grants:
        assert grant_from_sentence(DOCUMENT, grant.id, sentence_of_grant(DOCUMENT, grant)) == grant


def ordered(values: tuple[object, ...], least: int = 1) -> st.SearchStrategy[tuple[object, ...]]:
    """A subset in its order."""
    return st.sets(st.sampled_from(range(len(values))), min_size=least).map(
        lambda at: tuple(values[i] for i in sorted(at))
    )


@st.composite
def any_grant(draw: st.DrawFn) -> Grant:
    """Any grant that could be written, sensible or not."""
    mode = draw(st.sampled_from(list(Mode)))
    attributes = tuple(a.id for a in DOCUMENT.attributes if a.mode is mode)
    days = st.dates(min_value=DOCUMENT.agreed)
    return Grant.model_validate(
        {
            "id": "any",
            "agency": draw(st.sampled_from([party.id for party in DOCUMENT.parties])),
            "mode": mode,
            "attributes": draw(ordered(attributes)) if attributes else (),
            "to": draw(ordered(tuple(function.id for function in DOCUMENT.functions))),
            "own_client": draw(st.booleans()),
            "purposes": draw(ordered(tuple(Purpose))),
            "about": draw(ordered(tuple(line.id for line in DOCUMENT.people))),
            "stages": draw(ordered(OPEN)),
            "basis": draw(st.sampled_from([basis.id for basis in DOCUMENT.bases])),
            "break_glass": draw(st.booleans()),
            "reason": draw(st.sampled_from(["Because.", "It is so. Why: it is", "In force, at all times"])),
            "agreed": draw(days),
            "from": draw(days),
            "until": draw(st.none() | days),
            "review": draw(days),
        }
    )


@settings(max_examples=200, deadline=None)
@given(any_grant())
def test_any_grant_can_be_read_back_from_its_sentence(grant: Grant) -> None:
    assert grant_from_sentence(DOCUMENT, "any", sentence_of_grant(DOCUMENT, grant)) == grant


@settings(max_examples=150, deadline=None)
@given(any_grant(), any_grant())
def test_two_grants_that_differ_have_two_sentences(one: Grant, two: Grant) -> None:
    assert (sentence_of_grant(DOCUMENT, one) == sentence_of_grant(DOCUMENT, two)) == (one == two)


def test_every_shipped_prohibition_can_be_read_back_from_its_sentence() -> None:
    for item in DOCUMENT.prohibitions:
        assert prohibition_from_sentence(DOCUMENT, item.id, item.title, sentence_of_prohibition(DOCUMENT, item)) == item


@st.composite
def any_prohibition(draw: st.DrawFn) -> Prohibition:
    """Any prohibition that could be written."""
    functions = tuple(function.id for function in DOCUMENT.functions)
    to = draw(ordered(functions, 0))
    return Prohibition.model_validate(
        {
            "id": "any",
            "title": "no",
            "reason": draw(
                st.sampled_from(["Because.", "It is forbidden by law. Why: it is", "So said by any agency"])
            ),
            "agencies": draw(ordered(tuple(party.id for party in DOCUMENT.parties), 0)),
            "attributes": draw(ordered(tuple(attribute.id for attribute in DOCUMENT.attributes), 0)),
            "sensitivities": draw(ordered(tuple(Sensitivity), 0)),
            "location_revealing": draw(st.booleans()),
            "court_derived": draw(st.booleans()),
            "modes": draw(ordered(tuple(Mode), 0)),
            "to": to,
            "except_to": () if to else draw(ordered(functions, 0)),
            "not_own_client": draw(st.booleans()),
        }
    )


@settings(max_examples=200, deadline=None)
@given(any_prohibition())
def test_any_prohibition_can_be_read_back_from_its_sentence(item: Prohibition) -> None:
    assert prohibition_from_sentence(DOCUMENT, "any", "no", sentence_of_prohibition(DOCUMENT, item)) == item


def test_what_is_no_sentence_of_a_rule() -> None:
    with pytest.raises(ValueError, match="not the sentence of a prohibition"):
        prohibition_from_sentence(DOCUMENT, "any", "no", "Nobody has been told anything.")
    with pytest.raises(ValueError, match="not the sentence of a grant"):
        grant_from_sentence(DOCUMENT, "any", "The bakery may tell everybody the price of bread.")


def test_the_tone() -> None:
    assert grant_sentence(DOCUMENT, "recovery-episode") == (
        "Hertfordshire Recovery Service may tell those who hold the case whether the person is in treatment and since when about a "
        "parent, step-parent, parent's partner or carer in contact with the child, from a section 47 enquiry on, for safeguarding "
        "or group supervision, because of the information sharing duty (Children Act 2004 s.16LA; UK GDPR Art 6(1)(c) and Art "
        "9(2)(g)). In force from 16 March 2026; agreed 2 March 2026, to be reviewed by 3 May 2027. Why: Whether a parent is in "
        "treatment bears directly on whether the child is safe."
    )
    assert sentence_of_prohibition(DOCUMENT, DOCUMENT.prohibitions[1]) == (
        "The domestic abuse officer for perpetrators may never be told anything that would tell where a person lives, goes to school "
        "or sees a doctor by any agency. Why: Knowing a school or a practice is enough to find a victim."
    )
    assert sentence_of_never(DOCUMENT.never_release[0]).startswith("N1: where a person lives or can be reached")


def test_every_reason_has_its_words() -> None:
    assert set(REASON_WORDS) == set(ReasonCode)


def test_decisions_have_sentences(ask: Callable[..., Decision], loaded: LoadedProtocol) -> None:
    granted = decision_sentences(loaded.document, ask())
    assert granted[0].startswith("Granted by `recovery-episode`. Hertfordshire Recovery Service may tell")
    assert granted[1].startswith("Basis: Children Act 2004 s.16LA; UK GDPR Art 6(1)(c); UK GDPR Art 9(2)(g)")
    refused = decision_sentences(loaded.document, ask(held=True, grade=Grade.PROBABLE))
    assert refused == ("Refused.", "The link has not the grade that this needs.", "The agency holds the record back.")


@pytest.fixture(scope="module")
def pages(loaded: LoadedProtocol) -> dict[str, str]:
    """The pages as they are generated now."""
    return generated_pages(loaded)


@pytest.mark.parametrize("name", ["protocol-hertfordshire.md", "protocol-lifecycle.md", "protocol-matrix.md"])
def test_the_generated_pages_are_fresh(name: str, pages: dict[str, str]) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages[name], "stale: run `kinlink protocol pages`"


def test_the_page_says_every_rule(loaded: LoadedProtocol, pages: dict[str, str]) -> None:
    page = pages["protocol-hertfordshire.md"]
    assert all(f"**{grant.id}.**" in page for grant in DOCUMENT.grants)
    assert all(f"**{item.id}.**" in page for item in DOCUMENT.prohibitions)
    assert all(f"- {item.id}: " in page for item in DOCUMENT.never_release)
    assert loaded.digest in page
    assert "anonym" not in page.lower()


def test_the_json_schema_is_fresh() -> None:
    published = PROTOCOL_FILE.with_name("protocol.schema.json").read_text(encoding="utf-8")
    assert published == json_schema(), "stale: run `kinlink protocol schema`"
    assert json.loads(published)["properties"]["grants"]["type"] == "array"
