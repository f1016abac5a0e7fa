"""Check the store against itself: everything that can be derived is derived again, and everything on record has its entry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from api.completeness import Told, check_complete
from api.store.log import TILE_LEVEL
from api.store.store import Transaction
from api.store.tables import CellRow, FamilyAliasRow, FamilyRow, MemberRow, SubmissionRow
from api.store.tables_work import EntryRow, HeadRow, LinkRow, NodeRow
from api.stored_files import check_files
from api.unaltered import check_unaltered
from protocols.audit.entries import read_entry
from protocols.audit.merkle import nodes_of
from protocols.errors import VerificationError
from protocols.family import FamilyDeclaration

SWEEP = timedelta(hours=2)
"""How long after its link ended a sealed value may still be here: the deletion runs every hour."""


def check_store(session: Session, tx: Transaction, submissions: Path | None) -> Iterator[str]:
    """Everything that does not fit, as sentences. `submissions` is the folder of the files, if they are to be checked too."""
    yield from _derived(session, tx)
    told = _read(tx)
    yield from check_complete(session, told)
    yield from check_unaltered(session, told)
    yield from _families(session)
    yield from _links(session, (tx.audit.last_at() or datetime.now(UTC)) - SWEEP)
    if submissions is not None:
        yield from check_files(session, submissions)


def _read(tx: Transaction) -> Told:
    told = Told()
    for row, opened in tx.audit.rows(tx.audit.size()):
        with suppress(VerificationError):
            told.add(read_entry(row.body), opened)
    return told


def _derived(session: Session, tx: Transaction) -> Iterator[str]:
    """The log's length, its last leaf and the stored subtree hashes, from the leaves alone."""
    leaves = list(session.execute(select(EntryRow.leaf).order_by(EntryRow.entry)).scalars())
    head = session.execute(select(HeadRow)).scalar_one()
    if head.size != len(leaves):
        yield f"the log's head says {head.size} entries; there are {len(leaves)}"
    elif leaves and head.last_leaf != leaves[-1]:
        yield "the log's head does not fit its last entry"
    node = nodes_of(leaves)
    expected = {
        (level, position): node(level, position)
        for level in range(TILE_LEVEL, 64)
        for position in range(len(leaves) >> level)
    }
    stored = {(row.level, row.position): row.hash for row in session.execute(select(NodeRow)).scalars()}
    wrong = sum(stored.get(key) != value for key, value in expected.items()) + len(set(stored) - set(expected))
    if wrong:
        yield f"{wrong} stored subtree hashes of the log do not fit its entries"


def _families(session: Session) -> Iterator[str]:
    """Members and aliases are what the declarations say."""
    members, aliases = set(), set()
    for row in session.execute(select(FamilyRow)).scalars():
        declaration = FamilyDeclaration.model_validate_json(row.declaration)
        members |= {(row.family_ref, member.record_ref) for member in declaration.members}
        aliases |= {(alias, row.family_ref) for alias in declaration.aliases}
    if members != set(session.execute(select(MemberRow.family_ref, MemberRow.record_ref)).all()):
        yield "the stored members are not the ones of the declarations"
    if aliases != set(session.execute(select(FamilyAliasRow.alias, FamilyAliasRow.family_ref)).all()):
        yield "the stored aliases are not the ones of the declarations"


def _links(session: Session, swept: datetime) -> Iterator[str]:
    """Links in force are of declared members; values are of linked records only, or of those whose link ended since `swept`."""
    strangers = session.execute(
        select(LinkRow.link).where(
            LinkRow.state != "closed",
            ~select(MemberRow.family_ref)
            .where(MemberRow.family_ref == LinkRow.family_ref, MemberRow.record_ref == LinkRow.member_ref)
            .exists(),
        )
    ).scalars()
    for link in strangers:
        yield f"link `{link}` is of nobody who is declared"
    linked = select(LinkRow.link).where(
        LinkRow.agency == SubmissionRow.agency,
        LinkRow.record_ref == CellRow.record_ref,
        or_(LinkRow.state != "closed", LinkRow.changed_at > swept),
    )
    unlinked = session.execute(
        select(func.count())
        .select_from(CellRow)
        .join(SubmissionRow, SubmissionRow.submission == CellRow.submission)
        .where(~linked.exists())
    ).scalar_one()
    if unlinked:
        yield f"{unlinked} sealed values are of records that no link ends at"
