"""The answer put into the shape that crosses the wire: the JSON of `protocols.profile_answer.Profile`, written as text.

A profile of a large family is some hundred thousand characters, most of which say the same of everybody: the sentences of the
agreement. They are put into JSON once for each version; what is left is to put the parts of one answer between them. A test reads
every answer back into the model, which must write the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from pydantic import BaseModel

from protocols.decision_index import CompiledProtocol
from protocols.document import SharingProtocol
from protocols.family import FamilyDeclaration, FamilyMember
from protocols.profile_answer import NOT_PROOF, SIZE_CLASS, STATE_WORDS, AgencyDesk, DataKey
from protocols.profile_facts import Asker, CellT, MemberAtAgency
from protocols.sentences import basis_words, grant_sentence
from protocols.vocabulary import State


class Sealed(NamedTuple):
    """A cell's ciphertext in base64, the id of its data key, and the record that it is bound to."""

    ciphertext: bytes
    key: str
    record_ref: str


def to_wire(
    told: Iterable[MemberAtAgency[CellT]],
    family: FamilyDeclaration,
    asker: Asker,
    protocol: CompiledProtocol,
    at: datetime,
    sealed: Callable[[CellT], Sealed],
    decision_id: Callable[[str, str, str | None], str],
    keys: Iterable[DataKey] = (),
) -> bytes:
    """The answer as it crosses the wire: JSON in UTF-8, padded to a multiple of `SIZE_CLASS` bytes.

    `sealed` gives what there is of a cell, `keys` are the data keys of the released cells. `decision_id` gives the id under which a decision is
    on record, by member, agency and attribute (None for the member at the agency as a whole): all ids have one length.
    """
    by_member: dict[str, list[MemberAtAgency[CellT]]] = {}
    for item in told:
        by_member.setdefault(item.member_ref, []).append(item)
    document = protocol.document
    head = _object(
        family_ref=quoted(family.family_ref),
        protocol_id=quoted(document.id),
        protocol_version=str(document.version),
        protocol_digest=quoted(protocol.digest),
        asked_at=_time(at),
        valid_until=_time(at + timedelta(hours=document.retention.profile_cache_hours)),
        role_function=quoted(asker.role_function),
        purpose=quoted(asker.purpose),
        break_glass=_flag(asker.break_glass),
        notice=quoted(NOT_PROOF),
    )
    parts = [f'{head[:-1]},"members":['.encode()]
    members = [member for member in family.members if member.record_ref in by_member]
    for place, member in enumerate(members):
        parts.append(f'{"," if place else ""}{_member(member)},"agencies":['.encode())
        for number, item in enumerate(by_member[member.record_ref]):
            if number:
                parts.append(b",")
            _agency(parts, item, protocol, sealed, decision_id)
        parts.append(b"]}")
    parts.append(f'],"keys":[{",".join(_model(key) for key in keys)}],"padding":"'.encode())
    length = sum(map(len, parts)) + 2
    parts.append(b" " * (-length % SIZE_CLASS) + b'"}')
    return b"".join(parts)  # in one piece: a profile is long, and every copy of it takes its time


def _object(**fields: str) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _time(at: datetime) -> str:
    return f'"{at.astimezone(UTC).isoformat().removesuffix("+00:00")}Z"'


def _model(value: BaseModel) -> str:
    return value.model_dump_json()


def _member(member: FamilyMember) -> str:
    who = _object(
        record_ref=quoted(member.record_ref),
        role=quoted(member.role),
        kind=quoted(member.kind),
        stage="null" if member.stage is None else quoted(member.stage),
    )
    return who[:-1]


def _agency(
    parts: list[bytes],
    item: MemberAtAgency[CellT],
    protocol: CompiledProtocol,
    sealed: Callable[[CellT], Sealed],
    decision_id: Callable[[str, str, str | None], str],
) -> None:
    """Add what is said of a member at an agency."""
    who, desk = _agency_words(protocol, item.agency, item.state)
    parts += (who, b'true,"values":[' if item.known else b'false,"values":[')
    said, member, agency, comma = _said(protocol), item.member_ref, item.agency, b""
    bound, end = ("", ""), b""
    for cell, granted, freshness in item.released:
        what, why, marks = said[cell.attribute, granted.rule, granted.basis, freshness, granted.break_glass]
        ciphertext, key, record_ref = sealed(cell)
        if (key, record_ref) != bound:  # one value of a record is bound like the next
            bound, end = (key, record_ref), f'","key":{quoted(key)},"record_ref":{quoted(record_ref)}}}'.encode()
        parts += (
            comma,
            what,
            cell.as_at.isoformat().encode(),
            why,
            decision_id(member, agency, cell.attribute).encode(),
            marks,
            ciphertext,
            end,
        )
        comma = b","
    refused = ",".join([quoted(name) for name in item.refused])
    parts += (
        f'],"consent_needed":{_flag(item.consent_needed)},"refused":[{refused}]'.encode(),
        desk,
        decision_id(member, agency, None).encode(),
        b'"}',
    )


@lru_cache(maxsize=1024)
def _agency_words(protocol: CompiledProtocol, agency: str, state: State) -> tuple[bytes, bytes]:
    """What is said of an agency in a state, of whomever: up to whether the person is known, and up to the decision's id."""
    party = next(party for party in protocol.document.parties if party.id == agency)
    who = _object(
        agency=quoted(party.id), name=quoted(party.name), state=quoted(state), words=quoted(STATE_WORDS[state])
    )
    desk = AgencyDesk(team=party.desk.team, phone=party.desk.phone)
    return f'{who[:-1]},"known":'.encode(), f',"desk":{_model(desk)},"decision_id":"'.encode()


class _Said(dict[tuple[str, str, str, str, bool], tuple[bytes, bytes, bytes]]):
    """What is said of a value of an attribute that is released by a rule, of whomever: what it is, up to its date; why, up to the
    decision's id; and its marks, up to its ciphertext.

    By attribute, rule, basis, freshness and whether by an emergency alone.
    """

    def __init__(self, document: SharingProtocol) -> None:
        self._document = document
        self._attributes = {attribute.id: attribute for attribute in document.attributes}

    def __missing__(self, key: tuple[str, str, str, str, bool]) -> tuple[bytes, bytes, bytes]:
        name, rule, basis, freshness, break_glass = key
        attribute = self._attributes[name]
        what = _object(attribute=quoted(attribute.id), title=quoted(attribute.title))
        why = _object(
            assertion=quoted(attribute.assertion),
            freshness=quoted(freshness),
            sentence=quoted(grant_sentence(self._document, rule)),
            basis=quoted(basis_words(self._document, basis)),
            rule=quoted(rule),
        )
        marks = _object(court_derived=_flag(attribute.court_derived), break_glass=_flag(break_glass))
        self[key] = (
            f'{what[:-1]},"as_at":"'.encode(),
            f'",{why[1:-1]},"decision_id":"'.encode(),
            f'",{marks[1:-1]},"sealed":"'.encode(),
        )
        return self[key]


@lru_cache(maxsize=64)
def _said(protocol: CompiledProtocol) -> _Said:
    return _Said(protocol.document)
