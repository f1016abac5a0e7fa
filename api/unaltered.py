"""What is stored says what its entry in the audit log says: who asked about whom, what was decided, whose key a key is.

`api/completeness.py` finds what is stored without an entry, and the other way about. Here the two are held against each other, column by
column, so that a row which somebody altered in the database is named. What was erased on schedule cannot be compared, and is left out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Executable, select
from sqlalchemy.orm import Session

from api.completeness import Told
from api.explain import unpack
from api.protocol_versions import ProtocolCache, ProtocolVersion
from api.store.tables import ClientKeyRow, ClientRow, FamilyRow, ProtocolRow, SubmissionRow
from api.store.tables_agreement import ActRow, RehearsalRow
from api.store.tables_people import PersonSessionRow
from api.store.tables_work import (
    KEPT,
    AlertRow,
    BreakGlassRow,
    CertificateRow,
    ChallengeRow,
    LinkRow,
    MarkerRow,
    ProfileRow,
    RecallRow,
    ViewRow,
)
from protocols.audit.entries import Entry
from protocols.audit.events.vocabulary import EventKind as Kind
from protocols.errors import KinlinkError
from protocols.sealing import SealingPublicKey
from protocols.signing import VerifyingKey

LATEST = timedelta(minutes=10)
"""How far apart an answer and its entry may be: it waits for its turn to write, and the clock may be set meanwhile."""


class _Row(NamedTuple):
    """What is stored under a name (the query's first column), and the event that told of it by one of its facts.

    Each further column is called like the fact or the commitment that it must be; `actor` is who did it.
    """

    query: Executable
    kind: Kind
    fact: str
    what: str


def _rows() -> list[_Row]:
    return [
        _Row(
            select(
                ProfileRow.profile,
                ProfileRow.role_function,
                ProfileRow.purpose,
                ProfileRow.protocol_digest,
                ProfileRow.family_ref.label("family"),
                ProfileRow.worker,
            ),
            Kind.PROFILE_ANSWERED,
            "profile",
            "answer",
        ),
        _Row(select(AlertRow.alert, AlertRow.about, AlertRow.recipient), Kind.ALERT_RAISED, "alert", "alert"),
        _Row(
            select(
                BreakGlassRow.access,
                BreakGlassRow.reason,
                BreakGlassRow.role_function,
                BreakGlassRow.family_ref.label("family"),
                BreakGlassRow.worker,
                BreakGlassRow.manager,
                BreakGlassRow.explanation,
            ),
            Kind.BREAK_GLASS_OPENED,
            "access",
            "emergency access",
        ),
        _Row(
            select(BreakGlassRow.access, BreakGlassRow.outcome, BreakGlassRow.reviewer.label("worker")),
            Kind.BREAK_GLASS_REVIEWED,
            "access",
            "the review of emergency access",
        ),
        _Row(
            select(
                MarkerRow.marker,
                MarkerRow.agency,
                MarkerRow.decision,
                MarkerRow.member_ref.label("member"),
                MarkerRow.record_ref.label("record"),
                MarkerRow.placed_by.label("actor"),
            ),
            Kind.MARKER_PLACED,
            "marker",
            "marker",
        ),
        _Row(
            select(ChallengeRow.challenge, ChallengeRow.reason, ChallengeRow.opened_by.label("actor")),
            Kind.LINK_CHALLENGED,
            "challenge",
            "challenge",
        ),
        _Row(
            select(ChallengeRow.challenge, ChallengeRow.state.label("decision")),
            Kind.CHALLENGE_DECIDED,
            "challenge",
            "the verdict on challenge",
        ),
        _Row(select(RecallRow.recall, RecallRow.link), Kind.RECALL_OPENED, "recall", "recall"),
        _Row(select(RecallRow.recall, RecallRow.outcome), Kind.RECALL_ACKNOWLEDGED, "recall", "the answer to recall"),
        _Row(
            select(
                SubmissionRow.submission,
                SubmissionRow.agency.label("actor"),
                SubmissionRow.protocol_digest,
                SubmissionRow.epoch,
            ),
            Kind.SUBMISSION_RECEIVED,
            "submission",
            "submission",
        ),
        _Row(
            select(ClientKeyRow.kid, ClientKeyRow.client, ClientKeyRow.sealing_fingerprint.label("sealing_key")),
            Kind.CLIENT_REGISTERED,
            "signing_key",
            "key",
        ),
        _Row(
            select(ClientRow.client, ClientRow.controller, ClientRow.officer),
            Kind.CONTACTS_SET,
            "client",
            "the contacts of",
        ),
        _Row(
            select(ProtocolRow.digest, ProtocolRow.protocol, ProtocolRow.version),
            Kind.PROTOCOL_LOADED,
            "digest",
            "version",
        ),
        _Row(
            select(PersonSessionRow.session, PersonSessionRow.person, PersonSessionRow.offices),
            Kind.PERSON_SIGNED_IN,
            "session",
            "session",
        ),
    ]


def check_unaltered(session: Session, told: Told) -> Iterator[str]:
    """Everything that is stored otherwise than its entry says, as sentences that name it by its id."""
    for item in _rows():
        entries = told.named.get((item.kind, item.fact), {})
        for row in session.execute(item.query):
            name, *_ = row
            entry = told.entries.get(entries.get(name, -1))
            if entry is None:  # that it is missing is said elsewhere
                continue
            other = [field for field in row._fields[1:] if not _fits(told, entry, field, getattr(row, field))]
            if other:
                yield f"{item.what} `{name}` is not stored as entry {entry.index} has it: {', '.join(other)}"
    yield from _times(session, told)
    yield from _views(session)
    yield from _families(session, told)
    yield from _shut_out(session, told)
    yield from _digests(session, told)


def _fits(told: Told, entry: Entry, field: str, stored: object) -> bool:
    if field == "actor":
        return entry.actor == stored
    if field in entry.commitments:
        opening = told.openings.get((entry.index, field))
        return opening is None or opening.value == stored
    said = entry.facts.get(field)
    return json.dumps(said) == stored if isinstance(said, tuple) else said == stored


def _times(session: Session, told: Told) -> Iterator[str]:
    """An answer is on record at about the time when it was decided."""
    for profile, at, index in session.execute(select(ProfileRow.profile, ProfileRow.at, ProfileRow.entry)):
        entry = told.entries.get(index)
        if entry is not None and abs(entry.at - at) > LATEST:
            yield f"answer `{profile}` is not stored as entry {index} has it: at"


def _views(session: Session) -> Iterator[str]:
    """Who saw what through which link is what the kept decisions say, member by member and agency by agency."""
    shown: dict[str, Counter[tuple[str, str]]] = {}
    query = select(ViewRow.profile, LinkRow.member_ref, LinkRow.agency, ViewRow.released).outerjoin(
        LinkRow, LinkRow.link == ViewRow.link
    )
    for profile, member, agency, released in session.execute(query):
        shown.setdefault(profile, Counter())[(member, agency)] += released
    for profile, decisions in session.execute(select(ProfileRow.profile, ProfileRow.decisions).where(KEPT)):
        try:
            told = Counter({(line["member"], line["agency"]): len(line["released"]) for line in unpack(decisions)})
        except (ValueError, KeyError, TypeError, zlib.error):  # that they are not the ones on record is said elsewhere
            continue
        if +shown.get(profile, Counter()) != +told:
            yield f"what answer `{profile}` is said to have shown is not what its decisions released"


def _families(session: Session, told: Told) -> Iterator[str]:
    """Each family is declared as the last entry about it says."""
    last: dict[str, Entry] = {}
    for entry in told.of(Kind.FAMILY_DECLARED):
        if (opening := told.openings.get((entry.index, "family"))) is not None:
            last[opening.value] = entry
    for ref, version, declaration in session.execute(
        select(FamilyRow.family_ref, FamilyRow.version, FamilyRow.declaration)
    ):
        declared = last.get(ref)
        if declared is None:
            continue
        opening = told.openings.get((declared.index, "declaration"))
        same = opening is None or opening.value == hashlib.sha256(declaration.encode()).hexdigest()
        if declared.facts["version"] != version or not same:
            yield f"a family is not stored as entry {declared.index} has it"


def _shut_out(session: Session, told: Told) -> Iterator[str]:
    """Whoever was shut out, and every key that was retired, still is, unless it was registered anew."""
    registered = told.named.get((Kind.CLIENT_REGISTERED, "client"), {})
    let_in = set(session.execute(select(ClientRow.client).where(ClientRow.revoked_at.is_(None))).scalars())
    for client, index in told.named.get((Kind.CLIENT_REVOKED, "client"), {}).items():
        if registered.get(client, -1) < index and client in let_in:
            yield f"`{client}` has access, and entry {index} shut it out"
    believed = set(session.execute(select(ClientKeyRow.kid).where(ClientKeyRow.retired_at.is_(None))).scalars())
    for kid, index in told.named.get((Kind.CLIENT_KEY_RETIRED, "signing_key"), {}).items():
        if kid in believed:
            yield f"key `{kid}` is believed, and entry {index} retired it"


def _digests(session: Session, told: Told) -> Iterator[str]:
    """What is stored beside its own digest, or beside one in its entry, has that digest."""
    files = set(told.named.get((Kind.UPLOAD_OPENED, "file_sha256"), {}))
    for name, manifest, file in session.execute(
        select(SubmissionRow.submission, SubmissionRow.manifest, SubmissionRow.file_sha256)
    ):
        fact = _fact(told, Kind.SUBMISSION_RECEIVED, "submission", name, "manifest_sha256")
        if fact is not None and hashlib.sha256(manifest.encode()).hexdigest() != fact:
            yield f"the manifest of submission `{name}` was altered"
        if fact is not None and file not in files:
            yield f"submission `{name}` names a file that nobody announced"
    for day, text in session.execute(select(CertificateRow.day, CertificateRow.text)):
        fact = _fact(told, Kind.CERTIFICATE_SIGNED, "day", day, "sha256")
        if fact is not None and _signed_sha256(text) != fact:
            yield f"the certificate of `{day}` was altered"
    for sha256, token in session.execute(select(ActRow.sha256, ActRow.token)):
        if hashlib.sha256(token.encode()).hexdigest() != sha256:
            yield f"the signed act `{sha256}` was altered"
    for report, body in session.execute(
        select(RehearsalRow.report, RehearsalRow.report_body).where(RehearsalRow.report.is_not(None))
    ):
        if hashlib.sha256((body or "").encode()).hexdigest() != report:
            yield f"the report `{report}` of a rehearsal was altered"
    cache = ProtocolCache()
    for row in session.execute(select(ProtocolRow)).scalars():
        version = ProtocolVersion(row.digest, row.protocol, row.version, row.text, row.state)
        if _derived(lambda version=version: cache.load(version).digest) != row.digest:  # type: ignore[misc]
            yield f"the text of version `{row.digest}` was altered"
    for kid, jwk, sealing, fingerprint in session.execute(
        select(ClientKeyRow.kid, ClientKeyRow.jwk, ClientKeyRow.sealing_key, ClientKeyRow.sealing_fingerprint)
    ):
        signing = _derived(lambda jwk=jwk: VerifyingKey.from_dict(json.loads(jwk)).kid)  # type: ignore[misc]
        sealed = _derived(lambda sealing=sealing: SealingPublicKey.from_text(sealing).fingerprint)  # type: ignore[misc]
        if (signing, sealed) != (kid, fingerprint):
            yield f"key `{kid}` was put in another's place"


def _fact(told: Told, kind: Kind, name: str, value: str, fact: str) -> object:
    entry = told.entries.get(told.named.get((kind, name), {}).get(value, -1))
    return None if entry is None else entry.facts.get(fact)


def _signed_sha256(token: str) -> str:
    """The digest of what a JWS signs."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        return hashlib.sha256(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).hexdigest()
    except ValueError:
        return ""


def _derived(derive: Callable[[], str]) -> str:
    try:
        return derive()
    except (KinlinkError, ValueError):
        return ""
