"""The shape that every part of a sharing protocol has: strict, frozen, nothing unknown in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

ID_PATTERN = r"^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$"
ATTRIBUTE_PATTERN = r"^[a-z][a-z0-9]*\.[a-z][a-z0-9]*(?:_[a-z0-9]+)*$"

Id = Annotated[str, Field(pattern=ID_PATTERN, max_length=60)]
AttributeId = Annotated[str, Field(pattern=ATTRIBUTE_PATTERN, max_length=60)]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong: where in the document, by which rule, and what is wrong and would be right."""

    path: tuple[str | int, ...]
    rule: str
    message: str


class Part(BaseModel):
    """A part of a sharing protocol."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Dated(Part):
    """A part that holds between two days, both included. Days are UTC days."""

    since: date = Field(alias="from")
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the part holds on that day."""
        return self.since <= day and (self.until is None or day <= self.until)
