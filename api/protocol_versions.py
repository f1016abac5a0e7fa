"""The versions of the sharing protocol that the service holds, and the one in force, ready to decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import ClassVar, Protocol

from api.problems import NotFound
from protocols.audit.events.agreement import ProtocolActivated, ProtocolLoaded
from protocols.errors import ProtocolError, Unavailable
from protocols.load import LoadedProtocol, load_protocol_text


@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """One version: its digest, its name, its text and whether it is in force."""

    digest: str
    protocol: str
    version: int
    text: str
    state: str


class ProtocolStore(Protocol):
    """The storage that versions of the sharing protocol need."""

    def live_protocol(self) -> ProtocolVersion | None:
        """The version in force."""

    def last_protocol(self) -> ProtocolVersion | None:
        """The version in force; while none is, the one that was last."""

    def live_digest(self) -> str | None:
        """The digest of the version in force."""

    def protocol(self, digest: str) -> ProtocolVersion | None:
        """A version by its digest."""

    def add_protocol(self, version: ProtocolVersion, at: datetime, event: ProtocolLoaded) -> None:
        """Keep a version."""

    def activate_protocol(self, digest: str, at: datetime, event: ProtocolActivated) -> None:
        """Put a version in force."""


class ProtocolCache:
    """Documents are parsed and compiled once in a process for each digest: a digest never means anything else."""

    _loaded: ClassVar[dict[str, LoadedProtocol]] = {}
    _lock: ClassVar[Lock] = Lock()

    @classmethod
    def keep(cls, loaded: LoadedProtocol) -> None:
        """Remember a version that was parsed already."""
        with cls._lock:
            cls._loaded[loaded.digest] = loaded

    def live(self, store: ProtocolStore) -> LoadedProtocol:
        """The version in force. Raises `Unavailable` if there is none: nothing is released without an agreement.

        Which one it is, is asked each time; its text is read once in a process.
        """
        digest = store.live_digest()
        if digest is None:
            raise Unavailable(
                "No sharing protocol is in force.",
                next_step="Ask the service's operator which version is to be approved.",
            )
        with self._lock:
            found = self._loaded.get(digest)
        return found if found is not None else self.version(store, digest)

    def last(self, store: ProtocolStore) -> LoadedProtocol:
        """The version in force; while none is, the one that was last: for what is asked about what was done. Raises `Unavailable`."""
        version = store.last_protocol()
        if version is None:
            raise Unavailable("No sharing protocol was ever in force.", next_step="Ask again when one is.")
        return self.load(version)

    def version(self, store: ProtocolStore, digest: str) -> LoadedProtocol:
        """A version by its digest. Raises `NotFound`."""
        version = store.protocol(digest)
        if version is None:
            raise NotFound("There is no such version of the sharing protocol.", next_step="List the versions.")
        return self.load(version)

    def load(self, version: ProtocolVersion) -> LoadedProtocol:
        """A version, parsed. Raises `ProtocolError` if the stored text is not what its digest says."""
        with self._lock:
            found = self._loaded.get(version.digest)
            if found is None or found.text != version.text:
                found = load_protocol_text(version.text, f"{version.protocol}.yaml")
                if found.digest != version.digest:
                    raise ProtocolError(
                        "The stored sharing protocol is not the one that was approved.",
                        next_step="Restore it from its backup, and check the audit log.",
                    )
                self._loaded[version.digest] = found
            return found


def add(store: ProtocolStore, loaded: LoadedProtocol, actor: str, at: datetime) -> None:
    """Keep a version; one that is here already is left as it is."""
    ProtocolCache.keep(loaded)
    if store.protocol(loaded.digest) is None:
        document = loaded.document
        store.add_protocol(
            ProtocolVersion(loaded.digest, document.id, document.version, loaded.text, "draft"),
            at,
            ProtocolLoaded(actor=actor, protocol=document.id, version=document.version, digest=loaded.digest),
        )


def activate(store: ProtocolStore, loaded: LoadedProtocol, actor: str, reason: str, at: datetime) -> None:
    """Put a version in force and say why."""
    document = loaded.document
    event = ProtocolActivated(
        actor=actor, protocol=document.id, version=document.version, digest=loaded.digest, reason=reason
    )
    store.activate_protocol(loaded.digest, at, event)
