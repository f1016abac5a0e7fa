"""Everything that can happen, as a closed vocabulary ``noun:noun:verb``, and what each event says.

A field marked `Personal` stands in the log only as a salted commitment. All others are in clear: ids of things, digests, counts,
agencies, role functions. An event's class is the only way to make one, so a typo or a stray field cannot be recorded.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict


class _Commit:
    """Marks a field of which only a commitment is logged."""


Personal = Annotated[str, _Commit()]
PersonalOrNone = Annotated[str | None, _Commit()]
Counts = dict[str, int]


class EventKind(StrEnum):
    """The vocabulary."""

    SERVICE_CREATED = "service:instance:created"
    SERVICE_RESTORED = "service:instance:restored"
    PROTOCOL_LOADED = "protocol:version:loaded"
    PROTOCOL_ACTIVATED = "protocol:version:activated"
    PROTOCOL_SUSPENDED = "protocol:version:suspended"
    PROTOCOL_ACTED_ON = "protocol:version:acted-on"
    PROTOCOL_REHEARSED = "protocol:version:rehearsed"
    RELEASES_STOPPED = "protocol:releases:stopped"
    RELEASES_STARTED = "protocol:releases:started"
    CLIENT_REGISTERED = "client:card:registered"
    CLIENT_KEY_RETIRED = "client:key:retired"
    CLIENT_REVOKED = "client:access:revoked"
    TOKEN_ISSUED = "client:token:issued"  # noqa: S105 - the name of an event
    TOKEN_REFUSED = "client:token:refused"  # noqa: S105 - the name of an event
    PERSON_SIGNED_IN = "person:session:opened"
    PERSON_SIGNED_OUT = "person:session:ended"
    SIGN_IN_REFUSED = "person:session:refused"
    SIGN_IN_LINK_MADE = "person:link:made"
    UPLOAD_OPENED = "submission:upload:opened"
    SUBMISSION_RECEIVED = "submission:file:received"
    SUBMISSION_QUARANTINED = "submission:file:quarantined"
    SUBMISSION_WITHDRAWN = "submission:file:withdrawn"
    SUBMISSION_PURGED = "submission:file:purged"
    FAMILY_DECLARED = "family:declaration:replaced"
    FEED_CONFIRMED = "family:feed:confirmed"
    CONFLICT_DECLARED = "family:conflict:declared"
    FAMILY_CLOSED = "family:case:closed"
    RUN_REQUESTED = "run:linking:requested"
    RUN_STARTED = "run:linking:started"
    RUN_AGENCY_LINKED = "run:agency:linked"
    RUN_COMPLETED = "run:linking:completed"
    RUN_FAILED = "run:linking:failed"
    LINK_CHALLENGED = "link:person:challenged"
    CHALLENGE_DECIDED = "link:challenge:decided"
    LINK_CLOSED = "link:person:closed"
    MARKER_PLACED = "link:marker:placed"
    RECALL_OPENED = "link:recall:opened"
    RECALL_ACKNOWLEDGED = "link:recall:acknowledged"
    REVIEW_VIEWED = "link:review:viewed"
    REVIEW_DECIDED = "link:review:decided"
    PROFILE_ANSWERED = "profile:family:answered"
    PROFILE_REFUSED = "profile:family:refused"
    CHANGES_READ = "profile:changes:read"
    BREAK_GLASS_OPENED = "profile:break-glass:opened"
    BREAK_GLASS_REVIEWED = "profile:break-glass:reviewed"
    ALERT_RAISED = "alert:access:raised"
    ALERT_SEEN = "alert:access:seen"
    PURGE_COMPLETED = "retention:purge:completed"
    CERTIFICATE_SIGNED = "retention:certificate:signed"
    AUDIT_ASKED = "audit:question:answered"
    CHECKPOINT_COSIGNED = "audit:checkpoint:cosigned"
    AUDIT_EXPORTED = "audit:log:exported"
    INPUTS_EXPORTED = "audit:decision-inputs:exported"
    PERSONAL_ERASED = "audit:personal:erased"
    REPORT_OVERRIDDEN = "submission:report:overridden"
    BATCH_PASS_GRANTED = "submission:gate-pass:granted"  # noqa: S105 - the name of an event
    BATCH_PASS_USED = "submission:gate-pass:used"  # noqa: S105 - the name of an event
    CANARIES_PLANTED = "canary:records:planted"
    CANARY_LINKED = "canary:link:found"
    NEWEST_LINKED = "run:newest-batch:linked"


class Event(BaseModel):
    """What happened, and which party did it. Subclasses say what else is known about it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    kind: ClassVar[EventKind]
    decides: ClassVar[bool] = True
    """Whether a decision made before this event may come out differently after it."""

    actor: str

    @classmethod
    def personal_fields(cls) -> frozenset[str]:
        """The fields that are logged as commitments."""
        return frozenset(
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(item, _Commit) for item in field.metadata)
        )

    @classmethod
    def plain_fields(cls) -> frozenset[str]:
        """The fields that are logged in clear."""
        return frozenset(cls.model_fields) - cls.personal_fields() - {"actor"}

    @classmethod
    def required_fields(cls) -> frozenset[str]:
        """The fields that are always there."""
        return frozenset(name for name, field in cls.model_fields.items() if field.is_required()) - {"actor"}


class ServiceCreated(Event):
    """The service was set up with these keys."""

    kind = EventKind.SERVICE_CREATED
    audience: str
    signing_key: str
    sealing_key: str


class ServiceRestored(Event):
    """The service goes on from a backup of this size."""

    kind = EventKind.SERVICE_RESTORED
    size: int
    root: str


class ProtocolLoaded(Event):
    """A version of the sharing protocol is in the store."""

    kind = EventKind.PROTOCOL_LOADED
    protocol: str
    version: int
    digest: str


class ProtocolActivated(Event):
    """A version of the sharing protocol is in force."""

    kind = EventKind.PROTOCOL_ACTIVATED
    protocol: str
    version: int
    digest: str
    reason: str


class ProtocolSuspended(Event):
    """Nothing is released under this version any more."""

    kind = EventKind.PROTOCOL_SUSPENDED
    protocol: str
    version: int
    digest: str
    reason: str


class ProtocolActedOn(Event):
    """Somebody in an office advised on a version, approved it, or moved it on. `act_sha256` names the signed act."""

    kind = EventKind.PROTOCOL_ACTED_ON
    protocol: str
    version: int
    digest: str
    deed: str
    office: str
    state: str
    verdict: str | None = None
    act_sha256: str
    person: Personal


class ProtocolRehearsed(Event):
    """A version was rehearsed on kept decision inputs and golden personas."""

    kind = EventKind.PROTOCOL_REHEARSED
    decides = False
    digest: str
    live_digest: str
    report: str
    questions: int
    passes: bool


class ReleasesStopped(Event):
    """An agency's data protection officer stopped everything that it tells."""

    kind = EventKind.RELEASES_STOPPED
    agency: str
    act_sha256: str


class ReleasesStarted(Event):
    """An agency's senior risk owner lets it tell again."""

    kind = EventKind.RELEASES_STARTED
    agency: str
    act_sha256: str


class ClientRegistered(Event):
    """A party's card was registered: from now its keys are believed."""

    kind = EventKind.CLIENT_REGISTERED
    client: str
    purpose: str
    signing_key: str
    sealing_key: str


class ClientKeyRetired(Event):
    """One of a party's keys is no longer believed."""

    kind = EventKind.CLIENT_KEY_RETIRED
    client: str
    signing_key: str


class ClientRevoked(Event):
    """A party has no access any more: keys and tokens."""

    kind = EventKind.CLIENT_REVOKED
    client: str
    tokens: int


class TokenIssued(Event):
    """A party proved who it is and holds a token."""

    kind = EventKind.TOKEN_ISSUED
    decides = False
    signing_key: str
    scope: str


class TokenRefused(Event):
    """Someone who claimed to be this party got no token."""

    kind = EventKind.TOKEN_REFUSED
    decides = False
    reason: str


class PersonSignedIn(Event):
    """Somebody has a session, with these offices; how: the identity provider, or a demo's one-time link."""

    kind = EventKind.PERSON_SIGNED_IN
    decides = False
    session: str
    how: str
    offices: tuple[str, ...]
    person: Personal


class PersonSignedOut(Event):
    """A session ended, by the person or by another."""

    kind = EventKind.PERSON_SIGNED_OUT
    decides = False
    session: str
    by: Personal


class SignInRefused(Event):
    """Somebody came back from the identity provider and got no session."""

    kind = EventKind.SIGN_IN_REFUSED
    decides = False
    reason: str


class SignInLinkMade(Event):
    """The operator of a demo made a link that signs somebody in once."""

    kind = EventKind.SIGN_IN_LINK_MADE
    decides = False
    offices: tuple[str, ...]
    person: Personal


class UploadOpened(Event):
    """An agency announced a file."""

    kind = EventKind.UPLOAD_OPENED
    decides = False
    upload: str
    file_sha256: str
    bytes: int


class SubmissionReceived(Event):
    """A submission passed every check and is stored."""

    kind = EventKind.SUBMISSION_RECEIVED
    submission: str
    manifest_sha256: str
    protocol_digest: str
    epoch: int
    counts: Counts
    supersedes: str | None = None


class SubmissionQuarantined(Event):
    """A file failed a check; nothing of it is used."""

    kind = EventKind.SUBMISSION_QUARANTINED
    decides = False
    upload: str
    file_sha256: str
    problem: str


class SubmissionWithdrawn(Event):
    """An agency took a submission back."""

    kind = EventKind.SUBMISSION_WITHDRAWN
    submission: str
    links_closed: int


class SubmissionPurged(Event):
    """A submission's file and rows were deleted."""

    kind = EventKind.SUBMISSION_PURGED
    submission: str
    records: int
    reason: str


class FamilyDeclared(Event):
    """A family was declared, or declared anew."""

    kind = EventKind.FAMILY_DECLARED
    family: Personal
    declaration: Personal
    version: int
    members: int
    links_closed: int


class FeedConfirmed(Event):
    """Children's social care says that stages and allocations are as it declared them."""

    kind = EventKind.FEED_CONFIRMED
    families: int


class ConflictDeclared(Event):
    """Children's social care says whom a worker must not ask about: themselves, their own family."""

    kind = EventKind.CONFLICT_DECLARED
    worker: Personal
    people: int


class FamilyClosed(Event):
    """A case is closed."""

    kind = EventKind.FAMILY_CLOSED
    family: Personal


class RunRequested(Event):
    """Someone asked for a linking run."""

    kind = EventKind.RUN_REQUESTED
    decides = False
    run: str


class RunStarted(Event):
    """A linking run took its inputs: these submissions under this protocol."""

    kind = EventKind.RUN_STARTED
    decides = False
    run: str
    protocol_digest: str
    submissions: tuple[str, ...]
    families: int


class RunAgencyLinked(Event):
    """One agency's records were compared; nothing is in force yet."""

    kind = EventKind.RUN_AGENCY_LINKED
    decides = False
    run: str
    submission: str
    links: Counts


class RunCompleted(Event):
    """The links of a run are in force. `changes` commits to the list of every link made, regraded and closed."""

    kind = EventKind.RUN_COMPLETED
    run: str
    made: int
    kept: int
    regraded: int
    closed: int
    recalls: int
    changes: Personal


class RunFailed(Event):
    """A run ended without effect; the links before it stay in force."""

    kind = EventKind.RUN_FAILED
    decides = False
    run: str
    problem: str


class LinkChallenged(Event):
    """Someone says that links are wrong: nothing is released through them until it is decided."""

    kind = EventKind.LINK_CHALLENGED
    challenge: str
    links: tuple[str, ...]
    reason: str
    worker: PersonalOrNone = None


class ChallengeDecided(Event):
    """A challenge was upheld, and its links ended for good, or rejected, and its links are in force again."""

    kind = EventKind.CHALLENGE_DECIDED
    challenge: str
    decision: str
    links: tuple[str, ...]


class LinkClosed(Event):
    """A link ended."""

    kind = EventKind.LINK_CLOSED
    link: str
    reason: str


class MarkerPlaced(Event):
    """A person decided that a member is, or is not, this record."""

    kind = EventKind.MARKER_PLACED
    marker: str
    agency: str
    decision: str
    member: Personal
    record: Personal
    worker: PersonalOrNone = None


class RecallOpened(Event):
    """What was released through a link is recalled from everyone who saw it."""

    kind = EventKind.RECALL_OPENED
    recall: str
    link: str
    views: int


class RecallAcknowledged(Event):
    """The Workbook says what it did with its copy."""

    kind = EventKind.RECALL_ACKNOWLEDGED
    decides = False
    recall: str
    outcome: str


class ReviewViewed(Event):
    """A reviewer looked at a probable link."""

    kind = EventKind.REVIEW_VIEWED
    decides = False
    link: str
    worker: Personal


class ReviewDecided(Event):
    """A reviewer decided about a probable link."""

    kind = EventKind.REVIEW_DECIDED
    link: str
    decision: str
    worker: Personal


class ProfileAnswered(Event):
    """A question about a family was answered. `decisions` commits to every decision, released and refused, with its reason."""

    kind = EventKind.PROFILE_ANSWERED
    decides = False
    profile: str
    protocol_digest: str
    role_function: str
    purpose: str
    released: int
    refused: int
    family: Personal
    worker: Personal
    session: Personal
    decisions: Personal


class ProfileRefused(Event):
    """A question about a family was refused whole."""

    kind = EventKind.PROFILE_REFUSED
    decides = False
    reason: str
    role_function: str
    purpose: str
    family: Personal
    worker: Personal
    session: Personal


class ChangesRead(Event):
    """The Workbook read what changed."""

    kind = EventKind.CHANGES_READ
    decides = False
    since: int
    until: int


class BreakGlassOpened(Event):
    """A worker opened more than the role and stage allow, for a stated reason and a limited time."""

    kind = EventKind.BREAK_GLASS_OPENED
    access: str
    reason: str
    role_function: str
    family: Personal
    worker: Personal
    manager: Personal
    explanation: Personal


class BreakGlassReviewed(Event):
    """Someone else judged a break-glass afterwards."""

    kind = EventKind.BREAK_GLASS_REVIEWED
    decides = False
    access: str
    outcome: str
    worker: Personal


class AlertRaised(Event):
    """Something that a person should look at. `about` names the recipients' view of it, never a person."""

    kind = EventKind.ALERT_RAISED
    decides = False
    alert: str
    about: str
    recipient: str
    family: PersonalOrNone = None
    worker: PersonalOrNone = None


class AlertSeen(Event):
    """The recipient has seen an alert."""

    kind = EventKind.ALERT_SEEN
    decides = False
    alert: str


class PurgeCompleted(Event):
    """What the schedule asks for was deleted."""

    kind = EventKind.PURGE_COMPLETED
    deleted: Counts


class CertificateSigned(Event):
    """The day's deletion certificate."""

    kind = EventKind.CERTIFICATE_SIGNED
    decides = False
    day: str
    sha256: str
    deleted: Counts


class AuditAsked(Event):
    """Someone asked the log a question about a person or a family."""

    kind = EventKind.AUDIT_ASKED
    decides = False
    question: str
    rows: int
    about: Personal


class CheckpointCosigned(Event):
    """An agency has checked that the log of this size follows from what it saw before, and stands by it."""

    kind = EventKind.CHECKPOINT_COSIGNED
    decides = False
    size: int


class AuditExported(Event):
    """A copy of the log left the service."""

    kind = EventKind.AUDIT_EXPORTED
    decides = False
    size: int
    root: str
    openings: bool


class InputsExported(Event):
    """Kept decision inputs left the service, without names or references, to rehearse a draft elsewhere."""

    kind = EventKind.INPUTS_EXPORTED
    decides = False
    since: str
    answers: int
    decisions: int


class PersonalErased(Event):
    """What opened these commitments was deleted; the entries stay."""

    kind = EventKind.PERSONAL_ERASED
    decides = False
    openings: int
    reason: str


class ReportOverridden(Event):
    """A submission was made although its attack report stood in the way (`tests`), or was old or missing."""

    kind = EventKind.REPORT_OVERRIDDEN
    decides = False
    submission: str
    tests: tuple[str, ...]
    reason: Personal
    report: str | None = None


class BatchPassGranted(Event):
    """The operator lets one batch of an agency through the gate."""

    kind = EventKind.BATCH_PASS_GRANTED
    decides = False
    agency: str
    reason: Personal


class BatchPassUsed(Event):
    """A batch went through the gate unexamined."""

    kind = EventKind.BATCH_PASS_USED
    decides = False
    agency: str
    submission: str


class CanariesPlanted(Event):
    """An auditor's made-up people are in an agency's extract."""

    kind = EventKind.CANARIES_PLANTED
    decides = False
    agency: str
    records: int


class CanaryLinked(Event):
    """An agency linked to made-up people whom it cannot know: `planted_at` is the agency that has them."""

    kind = EventKind.CANARY_LINKED
    decides = False
    run: str
    agency: str
    planted_at: str
    links: int


class NewestBatchLinked(Event):
    """Links to members who were declared before, which are there only because of an agency's newest batch."""

    kind = EventKind.NEWEST_LINKED
    decides = False
    run: str
    agency: str
    submission: str
    links: tuple[str, ...]


def _subclasses() -> dict[EventKind, type[Event]]:
    found = {kind.kind: kind for kind in Event.__subclasses__()}
    missing = set(EventKind) - set(found)
    if missing or len(found) != len(Event.__subclasses__()):
        raise AssertionError(f"events without a class, or two with one name: {sorted(missing)}")
    return found


EVENTS: dict[EventKind, type[Event]] = _subclasses()
