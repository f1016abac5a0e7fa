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
from protocols.decision import Decision, Facts, Granted
from protocols.decision_inputs import pack_asking, write_children, write_facts
from protocols.load import LoadedProtocol
from protocols.profile import MemberAtAgency
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
    body = written(told, _is_open(family, question.today)).encode()
    salt = secrets.token_bytes(16)
    counts = Counter((item.member_ref, item.agency, cell.cell.record_ref) for item in told for cell in item.released)
    known = {(item.member_ref, item.agency) for item in told if item.known}
    views = {
        linked.link: counts[linked.member_ref, linked.agency, linked.record_ref]
        for linked in picture.linked
        if linked.record.grade is Grade.CERTAIN and (linked.member_ref, linked.agency) in known
    }
    decided = [made.decision for item in told for made in item.decisions]
    event = ProfileAnswered(
        actor=question.client,
        profile=profile_id,
        protocol_digest=question.protocol.digest,
        role_function=claims.role_function.value,
        purpose=claims.purpose.value,
        released=sum(counts.values()),
        refused=len(decided) - sum(isinstance(decision, Granted) for decision in decided),
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


def written(told: Sequence[MemberAtAgency[SealedCell]], open_case: bool) -> str:
    """The decisions of an answer as JSON, one line for every member at every agency.

    A line has the state that was told, and every decision with all that it depended on: `facts` has each set of facts once; a
    decision ends with the place of its own.
    """
    ties: dict[int, str] = {}  # by identity: a member's are the same at every agency
    for item in told:
        children = item.decisions[0].facts.children
        if id(children) not in ties:
            ties[id(children)] = write_children(children)
    asking = {item.asked.own_client: item.asked for item in told}
    asking_text = {own: json.dumps(pack_asking(asked), separators=(",", ":")) for own, asked in asking.items()}
    lines = [_line(item, open_case, asking_text[item.asked.own_client], ties) for item in told]
    return "[" + ",".join(lines) + "]"


def _line(item: MemberAtAgency[SealedCell], open_case: bool, asking: str, ties: Mapping[int, str]) -> str:
    facts: dict[int, tuple[int, Facts]] = {}  # by identity: most decisions share theirs, and hashing them takes longer
    made = [
        f"[{quoted(one.mode)},{quoted(one.attribute) if one.attribute else 'null'},{_outcome(one.decision)},"
        f"{facts.setdefault(id(one.facts), (len(facts), one.facts))[0]}]"
        for one in item.decisions
    ]
    released = [quoted(cell.cell.attribute) for cell in item.released]
    return (
        f'{{"member":{quoted(item.member_ref)},"agency":{quoted(item.agency)},"state":{quoted(item.state)},'
        f'"open_case":{"true" if open_case else "false"},"asking":{asking},"released":[{",".join(released)}],'
        f'"decisions":[{",".join(made)}],'
        f'"facts":[{",".join([write_facts(each, ties[id(each.children)]) for _, each in facts.values()])}]}}'
    )


def _outcome(decision: Decision) -> str:
    if isinstance(decision, Granted):
        widened = "true" if decision.break_glass else "false"
        return f'"granted",{quoted(decision.rule)},{quoted(decision.basis)},{quoted(decision.stage)},{widened}'
    return f'"refused",[{",".join([quoted(f"{reason.code}:{reason.rule}") for reason in decision.reasons])}]'
