"""Steadiness: which links of the last run are gone, and why."""

from __future__ import annotations

from collections.abc import Sequence

from linkage.declared import Declared
from linkage.grade import Rule
from linkage.markers import Decided
from linkage.order import OrderedRecords
from linkage.records import PreviousLink
from linkage.result import Link, Reason, Recall
from protocols.vocabulary import Kind


def recalls(
    links: Sequence[Link],
    previous: Sequence[PreviousLink],
    people: Declared,
    agencies: Sequence[OrderedRecords],
    decided: Decided,
) -> tuple[Recall, ...]:
    """Recalls for earlier links to agencies of this run that are gone or no longer certain, in the order of `previous`."""
    now = {(item.member_id, item.agency, item.record_ref): item for item in links}
    linked = {(item.member_id, item.agency) for item in links if item.rule != Rule.UNBORN}
    at = {records.agency: records for records in agencies}
    found = []
    for item in previous:
        if item.agency not in at:
            continue
        key = (item.member_id, item.agency, item.record_ref)
        still = now.get(key)
        if still is not None and (still.grade == "certain" or item.grade == "probable"):
            continue
        kind = at[item.agency].kind_of(item.record_ref)
        if still is not None:
            reason = Reason.NOW_PROBABLE
        elif key in decided.barred:
            reason = Reason.NEVER_LINK
        elif item.member_id not in people.members:
            reason = Reason.MEMBER_GONE
        elif kind is None:
            reason = Reason.RECORD_GONE
        elif kind == Kind.UNBORN and (item.member_id, item.agency) in linked:
            reason = Reason.BORN
        else:
            reason = Reason.EVIDENCE_GONE
        quiet = reason is Reason.BORN or (
            reason in (Reason.MEMBER_GONE, Reason.RECORD_GONE) and _was_unborn(item, people, kind)
        )
        found.append(Recall(item.member_id, item.agency, item.record_ref, item.grade, item.link_id, reason, quiet))
    return tuple(found)


def _was_unborn(item: PreviousLink, people: Declared, kind: str | None) -> bool:
    """Whether the link was to an unborn child that is no more: it closes without a word to anybody.

    The member, the record or both may be gone; what is left of them says it, or else the link itself.
    """
    member = people.members.get(item.member_id)
    return item.unborn or kind == Kind.UNBORN or (member is not None and member.kind == Kind.UNBORN)
