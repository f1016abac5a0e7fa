"""An answer as it is kept: every decision in it with all that it depended on, and what the log commits to.

The decisions are kept as JSON that is written as text: building it from parts takes longer than deciding. `api/explain.py` reads it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from json.encoder import encode_basestring as quoted

from api.families import StoredFamily
from api.picture import Picture, Question, SealedCell
from protocols.audit.events.answers import ProfileAnswered
from protocols.decision import Facts
from protocols.decision_inputs import pack_asking, write_children, write_facts
from protocols.decision_words import decision_text, listed
from protocols.load import LoadedProtocol
from protocols.profile import Judged, MemberAtAgency
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
        self._profile = profile
        self._members = {ref: place for place, ref in enumerate(dict.fromkeys(item.member_ref for item in told))}
        self._agencies = {party.id: place for place, party in enumerate(protocol.document.parties)}
        self._attributes = {item.id: place for place, item in enumerate(protocol.document.attributes, start=1)}

    def __call__(self, member: str, agency: str, attribute: str | None) -> str:
        """The id of the decision about a member at an agency, as a whole or about an attribute."""
        place = self._attributes[attribute] if attribute else 0
        return f"{self._profile}.{self._members[member]:02d}.{self._agencies[agency]:02d}.{place:03d}"


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
    counts = Counter((item.member_ref, item.agency, cell.cell.record_ref) for item in told for cell in item.released)
    known = {(item.member_ref, item.agency) for item in told if item.known}
    views = {
        linked.link: counts[linked.member_ref, linked.agency, linked.record_ref]
        for linked in picture.linked
        if linked.record.grade is Grade.CERTAIN and (linked.member_ref, linked.agency) in known
    }
    event = ProfileAnswered(
        actor=question.client,
        profile=profile_id,
        protocol_digest=question.protocol.digest,
        role_function=claims.role_function.value,
        purpose=claims.purpose.value,
        released=sum(counts.values()),
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
    ties: dict[int, str] = {}  # by identity: a member's are the same at every agency
    asking: dict[bool, str] = {}
    lines, refused = [], 0
    for item in told:
        children, own = item.judged[0].facts.children, item.asked.own_client
        if id(children) not in ties:
            ties[id(children)] = write_children(children)
        if own not in asking:
            asking[own] = json.dumps(pack_asking(item.asked), separators=(",", ":"))
        made, facts = _made(item)
        refused += len(made) - sum(_grants(each) for each in item.judged)
        lines.append(
            f'{{"member":{quoted(item.member_ref)},"agency":{quoted(item.agency)},"state":{quoted(item.state)},'
            f'"open_case":{"true" if open_case else "false"},"asking":{asking[own]},'
            f'"released":[{",".join([quoted(cell.cell.attribute) for cell in item.released])}],'
            f'"decisions":[{",".join(made)}],'
            f'"facts":[{",".join([write_facts(each, ties[id(children)]) for each in facts])}]}}'
        )
    return "[" + ",".join(lines) + "]", refused


def _made(item: MemberAtAgency[SealedCell]) -> tuple[list[str], list[Facts]]:
    """The text of every decision about a member at an agency, and the facts whose places they name."""
    made: list[str] = []
    facts: list[Facts] = []
    for each in item.judged:
        place, sheet = len(facts), each.sheet
        facts.append(each.facts)
        anywhere, in_its_place = listed(each.anywhere), listed(each.in_its_place)
        made.append(sheet.exists_words.decision(in_its_place if sheet.exists.located else anywhere, place))
        for one in each.consented:
            made.append(decision_text(one.mode, one.attribute, one.decision, len(facts)))
            facts.append(one.facts)
        if not each.consented:
            made += [
                line.words.decision(in_its_place if line.ground.located else anywhere, place) for line in sheet.lines
            ]
    return made, facts


def _grants(judged: Judged) -> int:
    """How many decisions about a record are grants."""
    exists = judged.sheet.exists
    return len(judged.grants()) + (exists.granted is not None and not judged.against(exists))
