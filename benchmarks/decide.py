"""Decisions per second, profiles per second, and whether time tells withheld, silent and no match apart.

python -m benchmarks.decide
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from scipy.stats import mannwhitneyu

from config.resources import PROTOCOL_FILE
from protocols.decision import ChildTie, Decision, Facts, Granted, Request, _by_its_grants, decide
from protocols.decision_index import CompiledProtocol
from protocols.family import FamilyDeclaration, FamilyMember, FamilyRelationship
from protocols.load import load_protocol
from protocols.profile import AgencyStatus, Asker, RecordAtAgency, Sealed, assemble, to_wire
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, Role, RoleFunction, Stage

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
OPENED = date(2026, 5, 1)
ADULTS, CHILDREN = 4, 8
ROUNDS = 1000


@dataclass(frozen=True)
class Cell:
    """A sealed value, as far as deciding needs it."""

    attribute: str
    as_at: date


def main() -> None:
    """Measure and print."""
    protocol = load_protocol(PROTOCOL_FILE).compiled
    _decisions(protocol)
    _profiles(protocol)
    _time_tells(protocol)


def _decisions(protocol: CompiledProtocol) -> None:
    tie = ChildTie(Stage.S47, Relationship.PARENT, Contact.LIVES_WITH)
    request = Request(
        RoleFunction.SOCIAL_WORKER, Purpose.SAFEGUARDING, True, False, "recovery", Mode.CONTENT, "recovery.episode", NOW
    )
    facts = Facts(Kind.ADULT, (tie,), grade=Grade.CERTAIN)
    assert isinstance(decide(request, facts, protocol), Granted)
    refused = replace(request, role_function=RoleFunction.ADMINISTRATOR, allocated=False)
    for name, ask, so in (("granted", request, facts), ("refused", refused, replace(facts, held=True))):
        each = _each(lambda a=ask, f=so: decide(a, f, protocol), 50_000)
        print(f"{name}: {each * 1e6:.1f} microseconds a decision, {1 / each:,.0f} a second")
        first = _each(lambda a=ask, f=so: _anew(a, f, protocol), 50_000)
        print(f"{name}, nobody alike asked before: {first * 1e6:.1f} microseconds, {1 / first:,.0f} a second")


def _anew(request: Request, facts: Facts, protocol: CompiledProtocol) -> Decision:
    """Decide without what is remembered of grants."""
    _by_its_grants.cache_clear()
    return decide(request, facts, protocol)


def _profiles(protocol: CompiledProtocol) -> None:
    family, asker = _family(), Asker(RoleFunction.SOCIAL_WORKER, Purpose.SAFEGUARDING, True)
    records = {
        (member.record_ref, party.id): [_record(protocol, party.id)]
        for member in family.members
        for party in protocol.document.parties
    }
    told = _tell(protocol, family, asker, records)
    decided = sum(len(item.decisions) for item in told)
    each = _each(lambda: _tell(protocol, family, asker, records), 50)
    wire = _each(lambda: _wire(protocol, family, asker, told), 50)
    size = len(_wire(protocol, family, asker, told))
    print(
        f"profile of {len(family.members)} members x {len(protocol.document.parties)} agencies: {each * 1e3:.1f} ms for "
        f"{decided} decisions, {wire * 1e3:.1f} ms for {size:,} bytes of answer"
    )


def _time_tells(protocol: CompiledProtocol) -> None:
    """1,000 questions of each kind, in random order; medians, and whether two samples can be told apart."""
    family, asker = _family(), Asker(RoleFunction.SOCIAL_WORKER, Purpose.SAFEGUARDING, True)
    mother = family.members[0].record_ref
    kinds: dict[str, list[RecordAtAgency[Cell]]] = {
        "no match": [],
        "withheld": [_record(protocol, "police", held=True)],
        "silent": [_record(protocol, "police", silent=True)],
    }
    order = [name for name in (*kinds, "suppressed") for _ in range(ROUNDS)]
    random.Random(5).shuffle(order)
    times: dict[str, list[float]] = {name: [] for name in (*kinds, "suppressed")}
    answers: dict[str, set[bytes]] = {name: set() for name in times}
    for name in order:
        found = kinds.get(name, [])  # a suppressed person was never encoded: there is no record
        start = time.perf_counter()
        answer = _wire(protocol, family, asker, _tell(protocol, family, asker, {(mother, "police"): found}))
        times[name].append(time.perf_counter() - start)
        answers[name].add(answer)
    assert len(set.union(*answers.values())) == 1
    print(f"one answer, {len(answer):,} bytes, for {len(order):,} questions of {len(times)} kinds")
    for name, found_times in times.items():
        p = mannwhitneyu(found_times, times["no match"]).pvalue
        print(f"  {name}: median {statistics.median(found_times) * 1e3:.2f} ms; apart from no match: p = {p:.2f}")


def _each(call: Callable[[], object], times: int) -> float:
    """Processor seconds a call, on one core."""
    call()
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times


def _family() -> FamilyDeclaration:
    adults = [f"adult-{i:06d}" for i in range(ADULTS)]
    children = [f"child-{i:06d}" for i in range(CHILDREN)]
    return FamilyDeclaration(
        family_ref="WB-1",
        opened=OPENED,
        members=(
            *(FamilyMember(record_ref=r, role=Role.OTHER_ADULT, kind=Kind.ADULT, joined=OPENED) for r in adults),
            *(
                FamilyMember(record_ref=r, role=Role.CHILD, kind=Kind.CHILD, stage=Stage.S47, joined=OPENED)
                for r in children
            ),
        ),
        relationships=tuple(
            FamilyRelationship(
                adult_ref=adult, child_ref=child, relationship=Relationship.PARENT, contact=Contact.LIVES_WITH
            )
            for adult in adults
            for child in children
        ),
    )


def _record(
    protocol: CompiledProtocol, agency: str, *, held: bool = False, silent: bool = False
) -> RecordAtAgency[Cell]:
    cells = tuple(Cell(attribute.id, date(2026, 11, 10)) for attribute in protocol.by_agency[agency])
    return RecordAtAgency(Grade.CERTAIN, cells, held=held, silent=silent)


def _tell(protocol: CompiledProtocol, family: FamilyDeclaration, asker: Asker, records: object) -> object:
    status = {party.id: AgencyStatus(date(2026, 11, 12)) for party in protocol.document.parties}
    return assemble(family, asker, records, status, (), protocol, NOW)  # type: ignore[arg-type]


def _wire(protocol: CompiledProtocol, family: FamilyDeclaration, asker: Asker, told: object) -> bytes:
    return to_wire(
        told,  # type: ignore[arg-type]
        family,
        asker,
        protocol,
        NOW,
        lambda _: Sealed(b"A" * 128, "key-0001", "record-0001"),
        lambda *_: "decision-0000000001",
    )


if __name__ == "__main__":
    main()
