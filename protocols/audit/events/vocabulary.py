"""The closed vocabulary ``noun:noun:verb``, and what every event has.

A field marked `Personal` stands in the log only as a salted commitment. All others are in clear: ids of things, digests, counts,
agencies, role functions.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
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
    JOB_GIVEN_UP = "service:job:given-up"
    PROTOCOL_LOADED = "protocol:version:loaded"
    PROTOCOL_ACTIVATED = "protocol:version:activated"
    PROTOCOL_SUSPENDED = "protocol:version:suspended"
    PROTOCOL_ACTED_ON = "protocol:version:acted-on"
    REHEARSAL_REQUESTED = "protocol:rehearsal:requested"
    PROTOCOL_REHEARSED = "protocol:version:rehearsed"
    REHEARSAL_FAILED = "protocol:rehearsal:failed"
    RELEASES_STOPPED = "protocol:releases:stopped"
    RELEASES_STARTED = "protocol:releases:started"
    CLIENT_REGISTERED = "client:card:registered"
    CONTACTS_SET = "client:contacts:set"
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
    WORKER_REFUSED = "profile:worker:refused"
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
    @cache
    def personal_fields(cls) -> frozenset[str]:
        """The fields that are logged as commitments."""
        return frozenset(
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(item, _Commit) for item in field.metadata)
        )

    @classmethod
    @cache
    def plain_fields(cls) -> frozenset[str]:
        """The fields that are logged in clear."""
        return frozenset(cls.model_fields) - cls.personal_fields() - {"actor"}

    @classmethod
    @cache
    def required_fields(cls) -> frozenset[str]:
        """The fields that are always there."""
        return frozenset(name for name, field in cls.model_fields.items() if field.is_required()) - {"actor"}
