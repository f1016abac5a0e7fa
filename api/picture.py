"""A question of the Workbook, and everything that its answer depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from protocols.family import ConsentRecord
from protocols.identity import WorkerAssertion
from protocols.load import LoadedProtocol
from protocols.profile import AgencyStatus, DataKey, RecordAtAgency


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the Workbook: about which family, on whose behalf, under which agreement, when."""

    ref: str
    client: str
    assertion: WorkerAssertion
    protocol: LoadedProtocol
    at: datetime

    @property
    def today(self) -> date:
        """The day."""
        return self.at.date()


class SealedCell(NamedTuple):
    """A sealed value of a record that is linked; `source` is the submission whose data key it is under."""

    attribute: str
    as_at: date
    record_ref: str
    source: str
    sealed: bytes


class LinkedRecord(NamedTuple):
    """A record that is linked to a member, by which link."""

    link: str
    member_ref: str
    agency: str
    record_ref: str
    record: RecordAtAgency[SealedCell]


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that a question about one family depends on, as of one state of the database.

    `keys` are the boxed data keys of the submissions in force; what a delta took over is under that of an earlier one.
    """

    generation: int
    linked: tuple[LinkedRecord, ...]
    agencies: Mapping[str, AgencyStatus]
    consents: tuple[ConsentRecord, ...]
    stages_confirmed: datetime | None
    roles_confirmed: datetime | None
    keys: Mapping[str, DataKey]
