"""What the last linking run of this process left for the next one, in memory only: gone when the process ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.service import Service
from linkage.memory import Memory
from linkage.order import OrderedRecords


@dataclass(frozen=True, slots=True)
class KeptRun:
    """The matcher's memory, under which sharing protocol it is, and of which submissions' files each agency's records are."""

    protocol_digest: str
    chains: Mapping[str, tuple[str, ...]]
    memory: Memory

    def records(self, agency: str, chain: tuple[str, ...]) -> tuple[OrderedRecords, int] | None:
        """Records of an agency that are made of the first files of a chain, and of how many; None if there are none."""
        files = self.chains.get(agency, ())
        if not files or chain[: len(files)] != files:
            return None
        memory = self.memory
        if agency == memory.anchor.agency:
            return memory.anchor, len(files)
        return (memory.agencies[agency].records, len(files)) if agency in memory.agencies else None


def forget_deleted(service: Service) -> None:
    """Forget the last run when a file that it was about is deleted: encodings are kept no longer than their submission."""
    kept = service.kept_run
    if kept is None:
        return
    with service.store.reading() as tx:
        needed = tx.submissions.needed_files()
    if any(submission not in needed for chain in kept.chains.values() for submission in chain):
        service.kept_run = None
