"""The sharing protocol: one versioned document that people read, agree and rehearse, and that is then
enforced to the letter.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from protocols.attack_gate import AttackGate
from protocols.document_catalogue import Attribute
from protocols.document_parts import AttributeId, Dated, Id, Line, Part
from protocols.document_rules import Basis, BreakGlass, Grant, NeverRelease, People, Prohibition, Shielding
from protocols.matching import MatchRules
from protocols.vocabulary import Contact, PartyClass, Purpose, RoleFunction, Stage

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Desk(Part):
    """Whom to call at an agency: a team, never a person."""

    team: Line
    phone: Annotated[str, Field(pattern=r"^[0-9 +]{5,20}$")]


class Party(Dated):
    """A controller, from the day it takes part. `registered_caseload` bounds the records of one submission."""

    id: Id
    name: Line
    party_class: PartyClass
    public_authority: bool
    health: bool = False
    desk: Desk
    systems: tuple[Line, ...] = ()
    registered_caseload: Annotated[int, Field(ge=1)]
    successor: Id | None = None


class ClkEncoding(Part):
    """One CLK that every agency makes: its name and its clkhash linkage schema (version 3), named by its
    SHA-256.
    """

    id: Id
    schema_file: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*\.json$")]
    schema_sha256: Sha256


class Hardening(Part):
    """What is done to a CLK after clkhash. `compat` does nothing and must say why."""

    profile: Literal["standard", "high", "compat"]
    t: Annotated[int, Field(ge=1, le=6)]
    length: Annotated[int, Field(ge=64, le=65536, multiple_of=8)]
    reason: Line | None = None


class Comparator(Part):
    """A keyed hash of some fields together, cut to a few bits: two records show whether they agree, and nothing else.

    The fields are the date of birth and one or both names: together they are nearly unique, so what is learnt about one
    person's bits says nothing about another's. `bits` is at most 15; two different people agree once in 2^bits.
    """

    id: Id
    fields: Annotated[
        tuple[Literal["given_name", "family_name", "date_of_birth"], ...], Field(min_length=2, max_length=3)
    ]
    bits: Annotated[int, Field(ge=4, le=15)]


class Epoch(Dated):
    """The days on which one linkage secret is in use."""

    id: Annotated[int, Field(ge=1)]


class Encoding(Part):
    """How identifiers become CLKs: the same at every agency, or nothing links."""

    clks: Annotated[tuple[ClkEncoding, ...], Field(min_length=1)]
    standardisation: Annotated[int, Field(ge=1)]
    hardening: Hardening
    comparators: tuple[Comparator, ...] = ()
    epochs: Annotated[tuple[Epoch, ...], Field(min_length=1)]


class FunctionTitles(Part):
    """A role function, how sentences name it, and the local titles that mean it."""

    id: RoleFunction
    title: Annotated[str, Field(pattern=r"^[a-z][a-z -]{3,60}$")]
    local_titles: tuple[Line, ...] = ()
    faces: Literal["victim", "perpetrator"] | None = None


class FunctionGroup(Part):
    """A name that sentences use for several functions together: 'those who hold the case'."""

    id: Id
    title: Annotated[str, Field(pattern=r"^[a-z][a-z -]{3,60}$")]
    functions: Annotated[tuple[RoleFunction, ...], Field(min_length=2)]


class StageTitle(Part):
    """A stage and how sentences name it: 'from … on', 'at …'."""

    id: Stage
    title: Annotated[str, Field(pattern=r"^[a-z][a-z0-9 '-]{3,80}$")]


class ConsentScope(Part):
    """What one signature covers: attributes, for purposes."""

    id: Id
    title: Line
    attributes: Annotated[tuple[AttributeId, ...], Field(min_length=1)]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]


class Notice(Dated):
    """A version of the privacy notice that a consent refers to."""

    id: Annotated[str, Field(pattern=r"^v[1-9][0-9]{0,3}$")]
    title: Line


class ConsentRules(Part):
    """What people are asked, by whom, and where asking would not be safe.

    Consent is asked for only where it decides something; it is not asked of an adult whose contact with the
    child is one of `not_asked_where_contact`, nor by a function that is not in `asked_by`.
    """

    scopes: Annotated[tuple[ConsentScope, ...], Field(min_length=1)]
    notices: Annotated[tuple[Notice, ...], Field(min_length=1)]
    asked_by: Annotated[tuple[RoleFunction, ...], Field(min_length=1)]
    not_asked_where_contact: tuple[Contact, ...] = ()
    lasts_days: Annotated[int, Field(ge=1, le=731)]


class Freshness(Part):
    """How old an agency's last submission and its values may be, in days. `id` is the agency.

    Past `source_days` nothing of the agency is released; past `value_days` a value is shown as stale.
    """

    id: Id
    source_days: Annotated[int, Field(ge=1, le=366)]
    value_days: Annotated[int, Field(ge=1, le=731)]
    exceptions: dict[AttributeId, Annotated[int, Field(ge=1, le=3660)]] = Field(default_factory=dict)


class Feeds(Part):
    """How old, in minutes, what a decision depends on may be. Older means: nothing is released.

    `protocol_minutes` binds whoever decides from a copy of the version in force. The central service has no
    copy: it looks which version is in force with every question, and again before the answer is on record.
    """

    protocol_minutes: Annotated[int, Field(ge=1)]
    stage_minutes: Annotated[int, Field(ge=1)]
    role_minutes: Annotated[int, Field(ge=1)]


class Retention(Part):
    """What the central service keeps, and for how long."""

    unlinked_days: Annotated[int, Field(ge=0, le=31)]
    links_after_close_days: Annotated[int, Field(ge=0, le=90)]
    profile_cache_hours: Annotated[int, Field(ge=0, le=24)]
    decision_inputs_days: Annotated[int, Field(ge=1, le=366)]
    audit_years: Annotated[int, Field(ge=1, le=12)]


class Limits(Part):
    """Bounds that keep a mistake or a misuse small."""

    upload_part_bytes: Annotated[int, Field(ge=65_536, le=67_108_864)]
    queries_per_worker_per_hour: Annotated[int, Field(ge=1)]
    members_per_family: Annotated[int, Field(ge=2, le=60)]
    submission_change_share: Annotated[float, Field(gt=0, le=1)]


class SharingProtocol(Part):
    """The whole agreement."""

    id: Id
    version: Annotated[int, Field(ge=1)]
    title: Line
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z ]{2,30}$")]
    agreed: date
    review_date: date
    parties: Annotated[tuple[Party, ...], Field(min_length=2)]
    encoding: Encoding
    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1)]
    matching: MatchRules
    functions: Annotated[tuple[FunctionTitles, ...], Field(min_length=1)]
    groups: tuple[FunctionGroup, ...] = ()
    stages: Annotated[tuple[StageTitle, ...], Field(min_length=1)]
    people: Annotated[tuple[People, ...], Field(min_length=1)]
    bases: Annotated[tuple[Basis, ...], Field(min_length=1)]
    grants: tuple[Grant, ...]
    prohibitions: tuple[Prohibition, ...]
    never_release: Annotated[tuple[NeverRelease, ...], Field(min_length=1)]
    shielding: Shielding
    break_glass: BreakGlass
    consents: ConsentRules
    freshness: tuple[Freshness, ...]
    feeds: Feeds
    retention: Retention
    limits: Limits
    attack_gate: AttackGate = AttackGate()
