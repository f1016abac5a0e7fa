"""Unborn children: they have no encoding and hang on their mother, until they are born and linked like anybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from linkage.grade import Evidence, Rule
from linkage.records import EncodedRecords, Family, GradeName, Member, PreviousLink
from linkage.result import Link, link_id
from protocols.vocabulary import Kind, Role


def unborn_links(
    families: Sequence[Family],
    records: EncodedRecords,
    links: Sequence[Link],
    previous: Sequence[PreviousLink],
) -> list[Link]:
    """Links of unborn members to an agency's unborn records that share a group with their mother's record there.

    One unborn member and one unborn record in the mother's groups take the mother's grade; where there are more, nobody
    can tell which is which, and each goes to review. A member that has been born since keeps the link to an unborn
    record, as probable, until the agency has a record of the born child: then the unborn record goes quietly.
    """
    rows = [row for row, kind in enumerate(records.kind) if kind == Kind.UNBORN]
    if not rows:
        return []
    mothers: dict[str, list[Link]] = {}
    for link in links:
        mothers.setdefault(link.member_id, []).append(link)
    row_of = {ref: row for row, ref in enumerate(records.record_refs)}
    earlier = {(p.member_id, p.record_ref): p.link_id for p in previous if p.agency == records.agency}
    found: dict[tuple[str, str], Link] = {}
    for family in families:
        for mother in family.members:
            if mother.role != Role.MOTHER:
                continue
            for held in mothers.get(mother.member_id, ()):
                groups = set(records.groups[row_of[held.record_ref]])
                here = [records.record_refs[row] for row in rows if groups & set(records.groups[row])]
                for link in _of_family(family, records.agency, held.grade, here, earlier, mothers):
                    found.setdefault((link.member_id, link.record_ref), link)
    return [found[key] for key in sorted(found)]


def _of_family(
    family: Family,
    agency: str,
    grade: GradeName,
    refs: Sequence[str],
    earlier: Mapping[tuple[str, str], str],
    links: Mapping[str, Sequence[Link]],
) -> list[Link]:
    waiting = [m for m in family.members if m.kind == Kind.UNBORN]
    born = [
        m
        for m in family.members
        if m.kind == Kind.CHILD and any((m.member_id, ref) in earlier for ref in refs) and m.member_id not in links
    ]
    clear = len(waiting) + len(born) == 1 and len(refs) == 1
    made = [_link(m, agency, ref, grade if clear else "probable", earlier) for m in waiting for ref in refs]
    made += [_link(m, agency, ref, "probable", earlier) for m in born for ref in refs if (m.member_id, ref) in earlier]
    return made


def _link(member: Member, agency: str, ref: str, grade: GradeName, earlier: Mapping[tuple[str, str], str]) -> Link:
    evidence = (Evidence.MOTHER, Evidence.EARLIER_LINK) if (member.member_id, ref) in earlier else (Evidence.MOTHER,)
    return Link(
        member.member_id,
        agency,
        ref,
        grade,
        Rule.UNBORN,
        evidence,
        1.0,
        earlier.get((member.member_id, ref)) or link_id(member.member_id, agency, ref),
    )
