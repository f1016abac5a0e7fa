"""The life of a version of a sharing protocol: who advises, who approves, when it goes live, who can stop it.

The transitions are data (`TRANSITIONS`); `docs/protocol-lifecycle.md` is drawn from them. Every act is about
one digest: a changed document is another version and starts again. Data protection officers advise and do not
approve. The senior information risk owner of every party approves, and the Caldicott Guardian where a party
holds health data. Any party's data protection officer can stop that party's releases at once; what is
stopped, only an approver starts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import AwareDatetime, Field

from protocols.document import SharingProtocol
from protocols.errors import Refusal
from protocols.signing import Wire


class Status(StrEnum):
    """Where a version stands."""

    DRAFT = "draft"
    ADVISED = "advised"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    LIVE = "live"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class Deed(StrEnum):
    """What somebody does to a version."""

    ADVISE = "advise"
    OVERRIDE = "override"
    APPROVE = "approve"
    SCHEDULE = "schedule"
    GO_LIVE = "go live"
    STOP_OWN = "stop own releases"
    START_OWN = "start own releases"
    SUSPEND = "suspend"
    RESUME = "resume"
    RETIRE = "retire"


class Office(StrEnum):
    """In what office somebody acts."""

    DATA_PROTECTION_OFFICER = "data-protection-officer"
    SENIOR_RISK_OWNER = "senior-risk-owner"
    CALDICOTT_GUARDIAN = "caldicott-guardian"
    OPERATOR = "operator"


class Verdict(StrEnum):
    """A data protection officer's advice."""

    SUPPORT = "support"
    SUPPORT_WITH_CONDITIONS = "support-with-conditions"
    OBJECT = "object"


class Act(Wire):
    """One act on record: who, in what office, for which agency, did what, when, to which digest, and why.

    `reasons` are required for advice, an override and every stop. `verdict` belongs to advice, `day` and
    `rehearsal` to scheduling: `rehearsal` is the digest of a rehearsal report that passed.
    """

    deed: Deed
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    agency: str
    office: Office
    person: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,80}$")
    at: AwareDatetime
    verdict: Verdict | None = None
    reasons: str = Field(default="", max_length=2000)
    day: date | None = None
    rehearsal: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a version stands and how it came there. `stopped`: agencies whose own releases are stopped."""

    document: SharingProtocol
    digest: str
    status: Status = Status.DRAFT
    acts: tuple[Act, ...] = ()
    day: date | None = None
    stopped: frozenset[str] = field(default_factory=frozenset)

    def by(self, deed: Deed) -> tuple[Act, ...]:
        """The acts of one kind."""
        return tuple(act for act in self.acts if act.deed is deed)

    @property
    def releases(self) -> bool:
        """Whether anything may be released under this version now."""
        return self.status is Status.LIVE


@dataclass(frozen=True, slots=True)
class Transition:
    """From which states a deed is possible, who may do it, and where it leads (None: it stays)."""

    deed: Deed
    from_: tuple[Status, ...]
    offices: tuple[Office, ...]
    to: Status | None
    when: str


_OPEN: Final = (Status.DRAFT, Status.ADVISED)
_RUNNING: Final = (Status.LIVE, Status.SUSPENDED)
_SETTLED: Final = "every approval is there and every objection overridden"
_APPROVERS: Final = (Office.SENIOR_RISK_OWNER, Office.CALDICOTT_GUARDIAN)

TRANSITIONS: Final = (
    Transition(
        Deed.ADVISE, _OPEN, (Office.DATA_PROTECTION_OFFICER,), Status.ADVISED, "every party's officer has advised"
    ),
    Transition(Deed.OVERRIDE, (Status.ADVISED,), (Office.SENIOR_RISK_OWNER,), Status.APPROVED, _SETTLED),
    Transition(Deed.APPROVE, (Status.ADVISED,), _APPROVERS, Status.APPROVED, _SETTLED),
    Transition(Deed.SCHEDULE, (Status.APPROVED,), (Office.OPERATOR,), Status.SCHEDULED, "the rehearsal passed"),
    Transition(Deed.GO_LIVE, (Status.SCHEDULED,), (Office.OPERATOR,), Status.LIVE, "the day has come"),
    Transition(Deed.STOP_OWN, _RUNNING, (Office.DATA_PROTECTION_OFFICER,), None, "at any time, for the own agency"),
    Transition(Deed.START_OWN, _RUNNING, (Office.SENIOR_RISK_OWNER,), None, "the own agency's releases were stopped"),
    Transition(
        Deed.SUSPEND, (Status.LIVE,), (*_APPROVERS, Office.OPERATOR), Status.SUSPENDED, "at any time, for all agencies"
    ),
    Transition(Deed.RESUME, (Status.SUSPENDED,), (Office.SENIOR_RISK_OWNER,), Status.LIVE, "by a senior risk owner"),
    Transition(
        Deed.RETIRE,
        (Status.DRAFT, Status.ADVISED, Status.APPROVED, Status.SCHEDULED, Status.LIVE, Status.SUSPENDED),
        (Office.OPERATOR, Office.SENIOR_RISK_OWNER),
        Status.RETIRED,
        "it was dropped, or another version took its place",
    ),
)
_BY_DEED: Final[Mapping[Deed, Transition]] = MappingProxyType({item.deed: item for item in TRANSITIONS})
_NEEDS_REASONS: Final = (Deed.ADVISE, Deed.OVERRIDE, Deed.STOP_OWN, Deed.SUSPEND)


def required_advice(document: SharingProtocol) -> frozenset[str]:
    """The agencies whose data protection officer has to advise: all parties."""
    return frozenset(party.id for party in document.parties)


def required_approvals(document: SharingProtocol) -> frozenset[tuple[str, Office]]:
    """Who has to approve: every party's senior risk owner, and the Caldicott Guardian of those with health
    data.
    """
    owners = {(party.id, Office.SENIOR_RISK_OWNER) for party in document.parties}
    return frozenset(owners | {(p.id, Office.CALDICOTT_GUARDIAN) for p in document.parties if p.health})


def missing_advice(standing: Standing) -> frozenset[str]:
    """Agencies whose data protection officer is still to advise."""
    return required_advice(standing.document) - {act.agency for act in standing.by(Deed.ADVISE)}


def missing_approvals(standing: Standing) -> frozenset[tuple[str, Office]]:
    """Approvals that are still to come."""
    given = {(act.agency, act.office) for act in standing.by(Deed.APPROVE)}
    return required_approvals(standing.document) - given


def open_objections(standing: Standing) -> frozenset[str]:
    """Agencies whose officer objects and whose senior risk owner has not overridden the objection in writing."""
    last = {act.agency: act for act in standing.by(Deed.ADVISE)}
    overridden = {
        act.agency for act in standing.by(Deed.OVERRIDE) if act.agency in last and act.at >= last[act.agency].at
    }
    return frozenset(a for a, act in last.items() if act.verdict is Verdict.OBJECT and a not in overridden)


def act_on(standing: Standing, act: Act) -> Standing:
    """The standing after an act. Raises `Refusal` that says what is missing or who may do it instead."""
    rule = _BY_DEED[act.deed]
    if act.digest != standing.digest:
        raise _refused(act, "it is about another digest", "Read this version and act on its own digest.")
    if standing.status not in rule.from_:
        allowed = " or ".join(rule.from_)
        raise _refused(
            act,
            f"the version is {standing.status}, expected {allowed}",
            "Look at the version's record: it says what comes next.",
        )
    if act.office not in rule.offices:
        raise _refused(
            act, f"a {act.office} cannot; expected a {' or '.join(rule.offices)}", "Ask who holds that office."
        )
    if act.office is not Office.OPERATOR and act.agency not in required_advice(standing.document):
        raise _refused(act, f"`{act.agency}` is no party", "Name the agency that you act for.")
    if act.deed in _NEEDS_REASONS and not act.reasons.strip():
        raise _refused(act, "it needs its reasons", "Say why in `reasons`.")
    _check_own_rule(standing, act)
    after = replace(standing, acts=(*standing.acts, act))
    return _moved(after, act, rule)


def replay(document: SharingProtocol, digest: str, acts: Iterable[Act]) -> Standing:
    """The standing that a record of acts comes to. Raises `Refusal` at the first act that was not possible."""
    standing = Standing(document, digest)
    for act in acts:
        standing = act_on(standing, act)
    return standing


def _check_own_rule(standing: Standing, act: Act) -> None:
    check = _CHECKS.get(act.deed)
    if check is not None:
        check(standing, act)


def _check_advice(_: Standing, act: Act) -> None:
    if act.verdict is None:
        raise _refused(act, "advice needs its verdict", f"Give one of {', '.join(Verdict)}.")


def _check_override(standing: Standing, act: Act) -> None:
    if act.agency not in open_objections(standing):
        raise _refused(act, f"no officer of `{act.agency}` objects", "Approve instead.")


def _check_approval(standing: Standing, act: Act) -> None:
    if (act.agency, act.office) not in required_approvals(standing.document):
        raise _refused(act, f"`{act.agency}` needs no {act.office}", "Nothing is missing here.")
    if any(other.person == act.person for other in standing.by(Deed.ADVISE)):
        raise _refused(act, "whoever advised cannot approve", "Another person has to approve.")
    if open_objections(standing) & {act.agency}:
        raise _refused(
            act, f"the officer of `{act.agency}` objects", "Override in writing first, or change the document."
        )
    if any(
        (o.agency, o.office) != (act.agency, act.office) and o.person == act.person for o in standing.by(Deed.APPROVE)
    ):
        raise _refused(act, "one person cannot approve for two offices", "Another person has to approve.")


def _check_schedule(standing: Standing, act: Act) -> None:
    if act.day is None or act.day < act.at.date():
        raise _refused(act, "expected a day from today on", "Give the day on which it goes live.")
    if act.rehearsal is None:
        raise _refused(act, "there is no rehearsal that passed", "Run `kinlink protocol rehearse` on this version.")


def _check_day(standing: Standing, act: Act) -> None:
    if standing.day is None or act.at.date() < standing.day:
        raise _refused(act, f"it is scheduled for {standing.day}", "Wait, or schedule another version.")


def _check_start(standing: Standing, act: Act) -> None:
    if act.agency not in standing.stopped:
        raise _refused(act, f"the releases of `{act.agency}` are not stopped", "Nothing to do.")


_CHECKS: Final[Mapping[Deed, Callable[[Standing, Act], None]]] = MappingProxyType(
    {
        Deed.ADVISE: _check_advice,
        Deed.OVERRIDE: _check_override,
        Deed.APPROVE: _check_approval,
        Deed.SCHEDULE: _check_schedule,
        Deed.GO_LIVE: _check_day,
        Deed.START_OWN: _check_start,
    }
)


def _moved(standing: Standing, act: Act, rule: Transition) -> Standing:
    if act.deed is Deed.STOP_OWN:
        return replace(standing, stopped=standing.stopped | {act.agency})
    if act.deed is Deed.START_OWN:
        return replace(standing, stopped=standing.stopped - {act.agency})
    if act.deed in (Deed.ADVISE, Deed.OVERRIDE, Deed.APPROVE):
        return replace(standing, status=_settled(standing))
    if act.deed is Deed.SCHEDULE:
        standing = replace(standing, day=act.day)
    return replace(standing, status=rule.to or standing.status)


def _settled(standing: Standing) -> Status:
    """How far advice and approvals have come, in whatever order they came."""
    if missing_advice(standing):
        return Status.DRAFT
    return Status.ADVISED if missing_approvals(standing) or open_objections(standing) else Status.APPROVED


def _refused(act: Act, why: str, next_step: str) -> Refusal:
    return Refusal(f"Cannot {act.deed}: {why}.", next_step=next_step)


def diagram() -> str:
    """The transitions as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.DRAFT}"]
    for item in TRANSITIONS:
        who = " or ".join(office.replace("-", " ") for office in item.offices)
        for start in item.from_:
            end = item.to or start
            lines.append(f"    {start} --> {end}: {item.deed} ({who}; {item.when})")
    lines.append(f"    {Status.RETIRED} --> [*]")
    return "\n".join(lines)
