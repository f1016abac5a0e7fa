"""The answer to the Workbook, as it crosses the wire. Every member at every agency has the same fields, whatever the state."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, Field

from protocols.family import FAMILY_REF, RECORD_REF
from protocols.signing import Wire
from protocols.vocabulary import Assertion, Kind, Purpose, Role, RoleFunction, Stage, State

SIZE_CLASS: Final = 16_384
NOT_PROOF: Final = (
    "This profile shows what the sharing protocol lets you see today. "
    "Where it shows nothing, that is not evidence that there is no involvement and no risk: ask."
)
STATE_WORDS: Final = {
    State.RELEASED: "Known to this agency. What you may see is below.",
    State.NOTHING_TO_SHARE: "Nothing that can be shared with you here. This does not mean that there is no involvement or no risk.",
    State.PENDING_REVIEW: "There may be a record. A person has to confirm that it is the same person before anything is shown.",
    State.SOURCE_STALE: "The agency's last submission is too old to rely on. Ask the agency.",
    State.SOURCE_UNAVAILABLE: "The agency's information cannot be reached at present. Ask the agency.",
    State.AGENCY_NOT_PARTICIPATING: "The agency does not take part in this sharing protocol at present.",
    State.NOT_FOR_YOUR_ROLE: "The sharing protocol lets your role see nothing from this agency about this kind of person.",
    State.CONSENT_NEEDED: "Nothing can be shown without this person's consent, and it has not been asked for or has run out.",
}


class Freshness(StrEnum):
    """Whether a value is young enough to be relied on without asking."""

    FRESH = "FRESH"
    STALE = "STALE"


class ReleasedValue(Wire):
    """One sealed value and all that may be said about it.

    Only the Workbook can open `sealed` (base64), with the data key `key` of the profile's `keys`. `record_ref` is the agency's own
    pseudonym of the record: the value is bound to it (`protocols.submission.cell_context`).
    """

    attribute: str
    title: str
    as_at: date
    assertion: Assertion
    freshness: Freshness
    sentence: str
    basis: str
    rule: str
    decision_id: str
    court_derived: bool
    break_glass: bool
    sealed: str
    key: str
    record_ref: str = Field(pattern=RECORD_REF)


class DataKey(Wire):
    """The data key of the submission `id`, in a box that only the Workbook can open (`protocols.submission.box_context`).

    `recipient` is the fingerprint of the Workbook's sealing key that the box was made for.
    """

    id: str = Field(pattern=r"^sub-[0-9a-f]{24}$")
    agency: str
    protocol_digest: str
    epoch: int
    recipient: str
    box: str


class AgencyDesk(Wire):
    """Whom to ask at the agency."""

    team: str
    phone: str


class ProfileAgency(Wire):
    """One member at one agency. `known` is true only in the state RELEASED.

    `consent_needed` and `refused` never depend on whether the agency holds anything: `refused` lists attributes that this person
    refused to share and that this worker could see anyway, because a duty applies.
    """

    agency: str
    name: str
    state: State
    words: str
    known: bool
    values: tuple[ReleasedValue, ...]
    consent_needed: bool
    refused: tuple[str, ...]
    desk: AgencyDesk
    decision_id: str


class ProfileMember(Wire):
    """One member of the family, by children's social care's own reference."""

    record_ref: str = Field(pattern=RECORD_REF)
    role: Role
    kind: Kind
    stage: Stage | None
    agencies: tuple[ProfileAgency, ...]


class Profile(Wire):
    """The whole answer. `keys` are those of the values in it. `padding` brings its JSON to a multiple of 16 KiB, so that its length tells little."""

    family_ref: str = Field(pattern=FAMILY_REF)
    protocol_id: str
    protocol_version: int
    protocol_digest: str
    asked_at: AwareDatetime
    valid_until: AwareDatetime
    role_function: RoleFunction
    purpose: Purpose
    break_glass: bool
    notice: str
    members: tuple[ProfileMember, ...]
    keys: tuple[DataKey, ...] = ()
    padding: str = ""
