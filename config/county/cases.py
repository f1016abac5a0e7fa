"""Which families children's social care works with: cases, each child's stage, and the workers on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from config.county.chance import Chance
from config.county.families import Bond, Family
from config.county.people import EXTRACT_DATE, Person

STAGES = ("FAMILY_HELP", "CIN", "S47", "CP", "PLO", "CARE")
_STAGE_SHARES = {
    0: (0.4, 0.36, 0.06, 0.13, 0.02, 0.03),
    1: (0.27, 0.33, 0.08, 0.21, 0.05, 0.06),
    2: (0.12, 0.26, 0.08, 0.31, 0.12, 0.11),
}
_FAMILIES_PER_SOCIAL_WORKER = 14
_SOCIAL_WORKERS_PER_TEAM = 6
DUTY_WORKER = "w-edt"


@dataclass(frozen=True)
class Worker:
    """One worker on a case. `client` is the member the worker works with, where there is one."""

    worker: str
    role_function: str
    client: str = ""
    since: date | None = None
    until: date | None = None


@dataclass
class Case:
    """A declared family. `refs` go from person id to social care's own reference, `stages` from person id to a stage."""

    ref: str
    family: Family
    opened: date
    closed: date | None = None
    aliases: list[str] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    stages: dict[str, tuple[str, date]] = field(default_factory=dict)
    unborn_ref: str = ""
    unborn_stage: tuple[str, date] | None = None
    left: dict[str, date] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)

    @property
    def gravest(self) -> str:
        """The furthest stage of any child of the family."""
        stages = [stage for stage, _ in self.stages.values()]
        if self.unborn_stage:
            stages.append(self.unborn_stage[0])
        return max(stages, key=lambda stage: STAGES.index(stage) if stage in STAGES else -1)

    def bonds(self) -> list[Bond]:
        """The bonds between its declared members."""
        return [bond for bond in self.family.bonds if bond.adult.id in self.refs and bond.child.id in self.refs]


def open_cases(families: list[Family], count: int, seed: int, taken: set[str]) -> list[Case]:
    """Choose the families with a case (one in ten of them closed) and set stages; heavier strain, likelier case."""
    chance = Chance(seed, "cases")
    numbers = (number for number in chance.shuffled(range(10_000, 10_000 + 25 * count)))
    refs = (f"WB-{number}" for number in numbers if f"WB-{number}" not in taken)
    cases = []
    for place, family in enumerate(chance.sample(families, count + count // 10, _weight)):
        opened = EXTRACT_DATE - timedelta(days=_days_open(chance))
        case = Case(next(refs), family, opened)
        if chance.yes(0.06):
            case.aliases.append(next(refs))
        if place % 11 == 10:
            case.closed = chance.day(max(opened, EXTRACT_DATE - timedelta(days=200)), EXTRACT_DATE)
        _set_stages(case, chance)
        _set_left(case, chance)
        cases.append(case)
    return cases


def _weight(family: Family) -> float:
    troubles = sum(len(person.traits - {"da child"}) for person in family.people)
    return 0.25 + family.strain + 0.8 * troubles + 6 * family.in_refuge + (0.5 if family.due else 0)


def _days_open(chance: Chance) -> int:
    share = chance.unit()
    return 5 + int(900 * share * share)


def _set_stages(case: Case, chance: Chance) -> None:
    stage = chance.weighted(list(zip(STAGES, _STAGE_SHARES[case.family.strain], strict=True)))
    since = chance.day(case.opened, EXTRACT_DATE)
    if stage == "S47":
        since = chance.day(max(case.opened, EXTRACT_DATE - timedelta(days=15)), EXTRACT_DATE)
    for child in case.family.children:
        own = stage
        if chance.yes(0.12) and stage != "FAMILY_HELP":
            own = STAGES[STAGES.index(stage) - 1]
        case.stages[child.id] = ("CLOSED", case.closed) if case.closed else (own, max(since, child.born))
    if case.family.due:
        case.unborn_stage = ("CLOSED", case.closed) if case.closed else (stage, since)


def _set_left(case: Case, chance: Chance) -> None:
    for adult, role in case.family.adults:
        if role == "PARTNER" and chance.yes(0.1) and not adult.traits & {"da suspect"}:
            case.left[adult.id] = chance.day(case.opened, EXTRACT_DATE)


class Allocations:
    """Gives every case its workers, as team by function as the family needs."""

    def __init__(self, chance: Chance, cases: int) -> None:
        self._chance = chance
        self._social_workers = max(6, cases // _FAMILIES_PER_SOCIAL_WORKER)
        self._load = 0

    def give(self, case: Case) -> None:
        """Set the case's workers."""
        if case.closed:
            self._handed_over(case)
            return
        number = self._load % self._social_workers
        self._load += 1
        add, family, stage = case.workers.append, case.family, case.gravest
        add(Worker(f"w-{1000 + number}", "social-worker"))
        add(Worker(f"w-{2000 + number // _SOCIAL_WORKERS_PER_TEAM}", "team-manager"))
        if stage in ("CP", "PLO", "CARE"):
            add(self._from(3000, 12, "lead-child-protection-practitioner"))
        for trait, first, function in (
            ("da victim", 3100, "da-victim-practitioner"),
            ("da suspect", 3200, "da-perpetrator-officer"),
            ("substance", 3300, "recovery-worker"),
            ("mental health", 3400, "mental-health-practitioner"),
        ):
            for client in self._clients(case, family.with_trait(trait)):
                add(self._from(first, 14, function, client))
        if self._chance.yes(0.6) or stage == "FAMILY_HELP":
            add(self._from(3500, 30, "family-support-worker"))
        if case.unborn_ref or (any(child.age < 5 for child in family.children) and stage not in ("FAMILY_HELP",)):
            add(self._from(3600, 25, "health-visitor"))
        if any(5 <= child.age < 16 for child in family.children) and self._chance.yes(0.3):
            add(self._from(3700, 15, "education-representative"))
        if self._chance.yes(0.3):
            add(self._from(3800, 12, "administrator"))
        add(Worker(DUTY_WORKER, "emergency-duty"))
        self._change_of_worker(case)

    def _clients(self, case: Case, people: list[Person]) -> list[str]:
        known = [person for person in people if person.id in case.refs and not person.is_child]
        return [case.refs[person.id] for person in known if person.id not in case.left]

    def _from(self, first: int, size: int, function: str, client: str = "") -> Worker:
        return Worker(f"w-{first + self._chance.between(0, size - 1)}", function, client)

    def _handed_over(self, case: Case) -> None:
        worker = f"w-{1000 + self._chance.between(0, self._social_workers - 1)}"
        case.workers.append(Worker(worker, "social-worker", until=case.closed))

    def _change_of_worker(self, case: Case) -> None:
        """A former social worker, whose time on the case is over: no longer a legitimate relationship."""
        if (EXTRACT_DATE - case.opened).days > 200 and self._chance.yes(0.2):
            handed_over = case.opened + timedelta(days=self._chance.between(60, 190))
            earlier = f"w-{1000 + self._chance.between(0, self._social_workers - 1)}"
            current = case.workers[0]
            if earlier != current.worker:
                case.workers[0] = Worker(current.worker, current.role_function, since=handed_over)
                case.workers.append(Worker(earlier, "social-worker", since=case.opened, until=handed_over))
