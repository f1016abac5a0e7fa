"""The match rules of a sharing protocol: what a link must show, and what never counts.

The defaults are the shipped recipe (`docs/matching.md` says how each was measured). They are few on purpose: everything
else the matcher needs it learns from the encodings themselves, without labels.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(gt=0.0, lt=1.0, allow_inf_nan=False)]


Likeness = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class WeakEvidence(StrEnum):
    """Kinds of agreement that say little about a person. The encoder makes no tokens from them."""

    PLACEHOLDER_NAME = "placeholder-name"
    PLACEHOLDER_DATE = "placeholder-date"
    FIRST_OF_JANUARY = "first-of-january"
    FIFTEENTH_OF_MONTH = "fifteenth-of-month"
    PLACEHOLDER_PLACE = "placeholder-place"
    SHARED_ADDRESS = "shared-address"


class SearchKind(StrEnum):
    """How candidate pairs are found."""

    EXACT = "exact"
    LSH = "lsh"
    AUTO = "auto"


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SearchRules(_Rules):
    """How candidate pairs are found."""

    kind: Annotated[
        SearchKind,
        Field(
            strict=False,
            description="`exact` compares every pair; `lsh` compares pairs that share sampled bits; `auto` takes the "
            "cheaper of the two for the data at hand and says which.",
        ),
    ] = SearchKind.AUTO
    recall: Annotated[
        Probability,
        Field(
            description="Share of the pairs that `exact` would find which `lsh` must find too; measured in every run."
        ),
    ] = 0.999


class ReviewRules(_Rules):
    """How much work the `probable` links may make for the people who review them."""

    most_per_member: Annotated[
        int, Field(ge=1, le=20, description="Probable links of one member at one agency; the best are kept.")
    ] = 3
    most_share: Annotated[
        float,
        Field(
            gt=0.0,
            le=10.0,
            allow_inf_nan=False,
            description="Probable links at one agency, as a share of the links expected there; the best are kept.",
        ),
    ] = 0.5


class ContextRules(_Rules):
    """What the rest of a declared family, found in one of an agency's own groups, does to a member's probability."""

    rounds: Annotated[int, Field(ge=0, le=10, description="Rounds of the family step; 0 leaves it out.")] = 3
    same_group: Annotated[
        Probability,
        Field(
            description="How likely a declared member is to be in an agency's group that holds another member of the "
            "family, spread over the group's records."
        ),
    ] = 0.9
    penalty: Annotated[
        float,
        Field(
            ge=0.0,
            le=10.0,
            allow_inf_nan=False,
            description="What is taken from the log-odds when two or more people on both sides are compared and no other "
            "member of the family is found.",
        ),
    ] = 0.5
    largest_group: Annotated[
        int,
        Field(
            ge=2,
            le=1_000,
            description="An agency's group with more records than this (a hostel, a caseload) says nothing about families.",
        ),
    ] = 20


class GuardRules(_Rules):
    """What keeps a probable link from being `certain` on shared evidence alone, however high its probability.

    The guards of the date and of closeness give way when another member of the family, certain without help, is in the
    same group at the agency, but not where relatives share what agrees: a twin's family name and date, a son's name and
    place with another date. A guard never makes a link; it sends it to review.
    """

    date: Annotated[
        bool,
        Field(
            description="A pair of which one side has no date of birth (kind UNKNOWN) is not certain on its own: a father "
            "and a son of one name at one address would agree in all the rest."
        ),
    ] = True
    age: Annotated[bool, Field(description="An adult and a child are never certain, with or without the family.")] = (
        True
    )
    closeness: Annotated[
        float,
        Field(
            ge=0.0,
            le=1.0,
            allow_inf_nan=False,
            description="How alike two encodings must be to be certain on their own, from 0 (strangers) to 1 (equal). It "
            "stands above the pairs that agree in name and place and not in the date; the knock-out table shows it.",
        ),
    ] = 0.50
    closeness_agreeing: Annotated[
        tuple[Likeness, ...],
        Field(
            strict=False,
            description="The same where a keyed comparator agrees: one number for each comparator of the encoding, in order.",
        ),
    ] = ()


class MatchRules(_Rules):
    """When a record at an agency is a declared member."""

    certain: Annotated[
        Probability, Field(description="Probability from which a link is `certain` and may be used.")
    ] = 0.99
    probable: Annotated[
        Probability, Field(description="Probability from which a link is `probable` and goes to review.")
    ] = 0.15
    stay_certain: Annotated[
        Probability,
        Field(description="A link that was `certain` stays so down to this probability, so that links do not flap."),
    ] = 0.97
    stay_probable: Annotated[
        Probability, Field(description="A link that was `probable` stays so down to this probability.")
    ] = 0.10
    weak_evidence: Annotated[
        tuple[Annotated[WeakEvidence, Field(strict=False)], ...],
        Field(strict=False, description="Kinds of agreement that are ignored: the encoder makes no tokens from them."),
    ] = tuple(WeakEvidence)
    shared_address_groups: Annotated[
        int,
        Field(
            ge=2, le=1_000, description="An address that more of an agency's groups than this use is a shared address."
        ),
    ] = 5
    review: ReviewRules = ReviewRules()
    context: ContextRules = ContextRules()
    guards: GuardRules = GuardRules()
    search: SearchRules = SearchRules()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.stay_probable <= self.probable < self.stay_certain <= self.certain:
            raise ValueError(
                "match rules must hold `stay_probable` <= `probable` < `stay_certain` <= `certain`; "
                f"got {self.stay_probable}, {self.probable}, {self.stay_certain}, {self.certain}"
            )
        return self
