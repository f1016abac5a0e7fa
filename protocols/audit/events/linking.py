"""Families, runs and other work, links, and what becomes of a link."""

from __future__ import annotations

from protocols.audit.events.vocabulary import Counts, Event, EventKind, Personal, PersonalOrNone


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


class JobGivenUp(Event):
    """Work failed, or its workers died in it (`why`), so often that it is not tried again."""

    kind = EventKind.JOB_GIVEN_UP
    decides = False
    job: str
    work: str
    subject: str
    why: str
    times: int


class NewestBatchLinked(Event):
    """Links to members who were declared before, which are there only because of an agency's newest batch."""

    kind = EventKind.NEWEST_LINKED
    decides = False
    run: str
    agency: str
    submission: str
    links: tuple[str, ...]


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
