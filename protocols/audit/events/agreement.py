"""The service itself and the sharing protocol: what is loaded, acted on, in force, stopped."""

from __future__ import annotations

from protocols.audit.events.vocabulary import Event, EventKind, Personal


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


class RehearsalRequested(Event):
    """A party or a person in an office asked for a rehearsal of a version."""

    kind = EventKind.REHEARSAL_REQUESTED
    decides = False
    rehearsal: str
    digest: str


class RehearsalFailed(Event):
    """A rehearsal ended without a report."""

    kind = EventKind.REHEARSAL_FAILED
    decides = False
    rehearsal: str
    problem: str


class ProtocolRehearsed(Event):
    """A version was rehearsed on kept decision inputs and golden personas. Before rehearsals were jobs they had no id."""

    kind = EventKind.PROTOCOL_REHEARSED
    decides = False
    rehearsal: str | None = None
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
