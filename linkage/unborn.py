"""Unborn children: they have no encoding and hang on their mother, until they are born and linked like anybody else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from linkage.declared import Declared
from linkage.grade import Evidence, Rule
from linkage.order import OrderedRecords
from linkage.records import Family, GradeName, Member, PreviousLink
from linkage.result import Link, link_id
from protocols.vocabulary import Kind, Role


@dataclass(frozen=True)
class _Claim:
    """A member who may be an unborn record, with the grade of the mother's link; `clear` if nothing speaks against it."""

    member_id: str
    record_ref: str
    grade: GradeName
    clear: bool


def unborn_links(
    families: Sequence[Family],
    people: Declared,
    records: OrderedRecords,
    links: Sequence[Link],
    previous: Sequence[PreviousLink],
    barred: Collection[tuple[str, str, str]],
) -> list[Link]:
    """Links of unborn members to an agency's unborn records that share a group with their mother's record there.

    Where one unborn person and one unborn record are each other's only choice, the link takes the grade of the mother's;
    where there is another choice, nobody can tell which is which, and each goes to review. A record or a person that a
    must-link in `links` has settled has no other choice; pairs in `barred` are none.

    While only one side knows of the birth, the link stays, for review: a member that has been born since keeps the link to
    an unborn record until the agency has a record of the born child, and a record of a child born since keeps the link to
    an unborn member until the birth is declared. Then the unborn one goes quietly.
    """
    earlier = {(p.member_id, p.record_ref): p for p in previous if p.agency == records.agency}
    settled_refs = {item.record_ref for item in links}
    settled_ids = {
        same
        for item in links
        if item.rule == Rule.MUST_LINK and records.kind_of(item.record_ref) == Kind.UNBORN
        for same in people.same[item.member_id]
    }
    best: dict[tuple[str, str], _Claim] = {}
    for claim in _claims(families, records, links, earlier):
        key = (claim.member_id, claim.record_ref)
        if (
            claim.record_ref in settled_refs
            or claim.member_id in settled_ids
            or (key[0], records.agency, key[1]) in barred
        ):
            continue
        if key not in best or claim.grade == "certain":
            best[key] = claim
    return [
        _link(best[key], records.agency, grade, earlier)
        for key, grade in sorted((key, _grade(claim, best, people)) for key, claim in best.items())
    ]


def _grade(claim: _Claim, claims: Mapping[tuple[str, str], _Claim], people: Declared) -> GradeName:
    """The mother's grade if the person and the record are each other's only choice."""
    person = people.same[claim.member_id]
    alone = all(
        (people.same[member] == person) == (ref == claim.record_ref)
        for member, ref in claims
        if people.same[member] == person or ref == claim.record_ref
    )
    return claim.grade if alone and claim.clear else "probable"


def _claims(
    families: Sequence[Family],
    records: OrderedRecords,
    links: Sequence[Link],
    earlier: Mapping[tuple[str, str], PreviousLink],
) -> Iterator[_Claim]:
    held: dict[str, list[Link]] = {}
    for item in links:
        held.setdefault(item.member_id, []).append(item)
    hung = {ref for (_, ref), link in earlier.items() if link.unborn}
    unborn = records.unborn
    born = [row for ref in sorted(hung) if (row := records.row(ref)) is not None and records.kind[row] == Kind.CHILD]
    refs_of: dict[str, list[str]] = {}
    for row in (*unborn, *born):
        for group in records.groups[row]:
            refs_of.setdefault(group, []).append(records.record_refs[row])
    if not refs_of:
        return
    new = {records.record_refs[row] for row in unborn}
    for family in families:
        for member in family.members:
            for mother in family.members:
                if not _hangs_on(member, mother):
                    continue
                for item in held.get(mother.member_id, ()):
                    row = records.row(item.record_ref)
                    for group in () if row is None else records.groups[row]:
                        for ref in refs_of.get(group, ()):
                            was = (member.member_id, ref) in earlier
                            waits = member.kind == Kind.UNBORN
                            if (waits and (ref in new or was)) or (was and ref in new and member.member_id not in held):
                                yield _Claim(member.member_id, ref, item.grade, waits and ref in new)


def _hangs_on(member: Member, other: Member) -> bool:
    """Whether `other` is the member's mother; of a child born since, whoever of the family the link hung on."""
    if member.member_id == other.member_id or other.kind == Kind.UNBORN:
        return False
    if member.kind == Kind.CHILD:
        return True
    if member.kind != Kind.UNBORN:
        return False
    return (other.record_ref or other.person) == member.mother if member.mother else other.role == Role.MOTHER


def _link(claim: _Claim, agency: str, grade: GradeName, earlier: Mapping[tuple[str, str], PreviousLink]) -> Link:
    was = earlier.get((claim.member_id, claim.record_ref))
    return Link(
        claim.member_id,
        agency,
        claim.record_ref,
        grade,
        Rule.UNBORN,
        (Evidence.MOTHER,) if was is None else (Evidence.MOTHER, Evidence.EARLIER_LINK),
        1.0,
        link_id(claim.member_id, agency, claim.record_ref) if was is None else was.link_id,
    )
