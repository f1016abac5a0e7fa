"""An answer as it is kept: every decision in it with all that it depended on, and what the log commits to.

The decisions are kept as JSON that is written as text: building it from parts takes longer than deciding. `api/explain.py` reads it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from json.encoder import encode_basestring as quoted

from api.families import StoredFamily
from api.picture import Picture, Question, SealedCell
from protocols.audit.events.answers import ProfileAnswered
from protocols.decision import Facts, Request
from protocols.decision_inputs import pack_asking, write_children, write_facts
from protocols.decision_words import decision_text, listed
from protocols.load import LoadedProtocol
from protocols.profile import Judged, MemberAtAgency, Standing
from protocols.vocabulary import Grade


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it is kept: every decision in it, and the links through which something was released."""

    profile: str
    at: datetime
    family_ref: str
    worker: str
    role_function: str
    purpose: str
    protocol_digest: str
    decisions: bytes
    views: Mapping[str, int]


class DecisionIds:
    """Decision ids of one length: the profile, the member, the agency and the attribute by their places."""

    def __init__(self, profile: str, told: Sequence[MemberAtAgency[SealedCell]], protocol: LoadedProtocol) -> None:
        members = dict.fromkeys([item.member_ref for item in told])
        attributes = enumerate(protocol.document.attributes, start=1)
        self._members = {ref: f"{profile}.{place:02d}" for place, ref in enumerate(members)}
        self._agencies = {party.id: f"{place:02d}" for place, party in enumerate(protocol.document.parties)}
        self._attributes = {None: "000"} | {item.id: f"{place:03d}" for place, item in attributes}

    def __call__(self, member: str, agency: str, attribute: str | None) -> str:
        """The id of the decision about a member at an agency, as a whole or about an attribute."""
        return f"{self._members[member]}.{self._agencies[agency]}.{self._attributes[attribute]}"


def kept(
    question: Question,
    family: StoredFamily,
    picture: Picture,
    told: Sequence[MemberAtAgency[SealedCell]],
    profile_id: str,
) -> tuple[StoredAnswer, ProfileAnswered]:
    """What is kept of an answer, and the event that commits to it."""
    claims = question.assertion
    text, refused = written(told, _is_open(family, question.today))
    body = text.encode()
    salt = secrets.token_bytes(16)
    known = {
        (item.member_ref, item.agency): [cell.cell.record_ref for cell in item.released] for item in told if item.known
    }
    views = {
        linked.link: known[where].count(linked.record_ref)
        for linked in picture.linked
        if linked.record.grade is Grade.CERTAIN and (where := (linked.member_ref, linked.agency)) in known
    }
    event = ProfileAnswered(
        actor=question.client,
        profile=profile_id,
        protocol_digest=question.protocol.digest,
        role_function=claims.role_function.value,
        purpose=claims.purpose.value,
        released=sum([len(item.released) for item in told]),
        refused=refused,
        family=family.declaration.family_ref,
        worker=claims.worker,
        session=claims.session,
        decisions=hashlib.sha256(salt + body).hexdigest(),
    )
    stored = StoredAnswer(
        profile=profile_id,
        at=question.at,
        family_ref=family.declaration.family_ref,
        worker=claims.worker,
        role_function=claims.role_function.value,
        purpose=claims.purpose.value,
        protocol_digest=question.protocol.digest,
        decisions=salt + zlib.compress(body, 1),
        views=views,
    )
    return stored, event


def _is_open(family: StoredFamily, today: date) -> bool:
    closed = family.declaration.closed
    return closed is None or today < closed


def written(told: Sequence[MemberAtAgency[SealedCell]], open_case: bool) -> tuple[str, int]:
    """The decisions of an answer as JSON, one line for every member at every agency; and how many of them are refusals.

    A line has the state that was told, and every decision with all that it depended on: `facts` has each set of facts once; a
    decision ends with the place of its own.
    """
    pen = _Pen()
    lines, refused = [], 0
    for item in told:
        made: list[str] = []
        facts: list[str] = []
        for each in item.judged:
            pen.write(each, made, facts)
            refused += 1 + len(each.sheet.lines) - len(each.grants()) - each.known()
        lines.append(
            f'{{"member":{quoted(item.member_ref)},"agency":{quoted(item.agency)},"state":{quoted(item.state)},'
            f'"open_case":{"true" if open_case else "false"},"asking":{pen.asking(item.asked)},'
            f'"released":[{",".join([quoted(cell.cell.attribute) for cell in item.released])}],'
            f'"decisions":[{",".join(made)}],"facts":[{",".join(facts)}]}}'
        )
    return "[" + ",".join(lines) + "]", refused


class _Pen:
    """Writes what many lines of one answer share only once: who asks, and how a member stands with a record or without one."""

    def __init__(self) -> None:
        self._asking: dict[bool, str] = {}
        self._standing: dict[int, tuple[str, str, str]] = {}  # by identity: what is written lives as long as the answer
        self._children: dict[int, str] = {}

    def asking(self, asked: Request) -> str:
        """Who asks, what for and when."""
        if asked.own_client not in self._asking:
            self._asking[asked.own_client] = json.dumps(pack_asking(asked), separators=(",", ":"))
        return self._asking[asked.own_client]

    def write(self, judged: Judged, made: list[str], facts: list[str]) -> None:
        """Add the decisions about a record, and the facts whose places they name."""
        sheet, place = judged.sheet, len(facts)
        own, anywhere, in_its_place = self._stands(judged.standing)
        facts.append(own)
        if not judged.consented:
            made.append(sheet.words.text(anywhere, in_its_place, place))
            return
        made.append(sheet.exists_words.text(anywhere, in_its_place, place))
        for one in judged.consented:
            made.append(decision_text(one.mode, one.attribute, one.decision, len(facts)))
            facts.append(self._facts(one.facts))

    def _stands(self, standing: Standing) -> tuple[str, str, str]:
        found = self._standing.get(id(standing))
        if found is None:
            found = (self._facts(standing.facts), listed(standing.anywhere), listed(standing.in_its_place))
            self._standing[id(standing)] = found
        return found

    def _facts(self, facts: Facts) -> str:
        children = facts.children
        if id(children) not in self._children:
            self._children[id(children)] = write_children(children)
        return write_facts(facts, self._children[id(children)])
