"""Canaries: made-up people whom an auditor has planted in one agency's extract. Nobody else can know them, so whoever links to one is probing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.batch_gate import OPERATOR, require_agency, tell
from api.identity import DECLARING_AGENCY
from api.runs import FoundLink
from api.service import Service
from api.store.store import Transaction
from protocols.audit.events.submissions import CanariesPlanted, CanaryLinked


@dataclass(frozen=True, slots=True)
class Canary:
    """A planted record: whose extract it is in, by which reference, since when."""

    agency: str
    record_ref: str
    planted_at: datetime


def plant(service: Service, by: str, agency: str, record_refs: Sequence[str]) -> dict[str, int]:
    """Take note of made-up people in an agency's extract, on record; how many canaries each agency has now. Raises `NotFound`."""
    with service.store.writing() as tx:
        require_agency(tx, agency)
        event = CanariesPlanted(actor=by, agency=agency, records=len(set(record_refs)))
        tx.gate.plant(agency, record_refs, service.now(), event)
        return tx.gate.counts()


def probing(links: Iterable[FoundLink], canaries: frozenset[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """Links that reach a canary from outside: for each probing agency and each agency with the canary, the links.

    A link whose two ends are both canaries was planted as a whole and tells nothing. A canary's own declaration is no link.
    """
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for link in links:
        if link.agency == DECLARING_AGENCY:
            continue
        declared = (DECLARING_AGENCY, link.member_ref) in canaries
        held = (link.agency, link.record_ref) in canaries
        if declared and not held:
            found[link.agency, DECLARING_AGENCY].append(link.link)
        elif held and not declared:
            found[DECLARING_AGENCY, link.agency].append(link.link)
    return dict(found)


def raise_alarms(tx: Transaction, run: str, links: Iterable[FoundLink], now: datetime) -> int:
    """Log and alert for every agency that links to a canary; not the agency itself, which must not learn that it was seen.

    Returns how many agencies that are.
    """
    alarms = probing(links, tx.gate.canaries())
    for (agency, planted), found in sorted(alarms.items()):
        tx.audit.append(CanaryLinked(actor="service", run=run, agency=agency, planted_at=planted, links=len(found)))
        for recipient in sorted({OPERATOR, planted, DECLARING_AGENCY} - {agency}):
            tell(tx, recipient, f"canary-linked:{run}:{agency}"[:60], now)
    return len({agency for agency, _ in alarms})
