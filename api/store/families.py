"""Declared families, their members and the consents about them, in the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from api.families import StoredFamily, declared_event
from api.store.base import connection_of
from api.store.log import AuditLog
from api.store.tables import FamilyAliasRow, FamilyRow, FeedRow, MemberRow, RecordRow, SubmissionRow
from api.store.tables_work import ChangeRow, LinkRow
from protocols.audit.events.linking import FeedConfirmed
from protocols.errors import InputError
from protocols.family import FamilyDeclaration

IN_USE = ("received", "current")
STAGES, ROLES = "stages", "roles"
_BATCH = 500
_COLUMNS = (FamilyRow.declaration, FamilyRow.version, FamilyRow.declared_at, FamilyRow.confirmed_at)
_FAMILY = select(*_COLUMNS).where(FamilyRow.family_ref == bindparam("ref"))
_BY_ALIAS = (
    select(*_COLUMNS)
    .join(FamilyAliasRow, FamilyAliasRow.family_ref == FamilyRow.family_ref)
    .where(FamilyAliasRow.alias == bindparam("ref"))
)


class Families:
    """What children's social care says about families."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def family(self, ref: str) -> StoredFamily | None:
        """A family by its reference or an alias."""
        db = connection_of(self._session)
        row = db.execute(_FAMILY, {"ref": ref}).first() or db.execute(_BY_ALIAS, {"ref": ref}).first()
        return None if row is None else _stored(row)

    def families(self) -> list[StoredFamily]:
        """Every declared family."""
        rows = self._session.execute(select(FamilyRow).order_by(FamilyRow.family_ref)).scalars()
        return [_stored(row) for row in rows]

    def count(self) -> int:
        """How many families are declared."""
        return int(self._session.execute(select(func.count()).select_from(FamilyRow)).scalar_one())

    def families_of(self, record_ref: str) -> list[str]:
        """The families that a person is declared in."""
        return list(
            self._session.execute(
                select(MemberRow.family_ref).where(MemberRow.record_ref == record_ref).order_by(MemberRow.family_ref)
            ).scalars()
        )

    def newest_submission(self, agency: str) -> str | None:
        """The agency's last submission that is in use, whether or not it is linked yet."""
        return self._session.execute(
            select(SubmissionRow.submission)
            .where(SubmissionRow.agency == agency, SubmissionRow.state.in_(IN_USE))
            .order_by(SubmissionRow.number.desc())
            .limit(1)
        ).scalar_one_or_none()

    def unknown_records(self, agency: str, refs: Iterable[str]) -> list[str]:
        """Those of `refs` that the agency's newest submission does not have, in their order."""
        wanted = list(dict.fromkeys(refs))
        submission = self.newest_submission(agency)
        known: set[str] = set()
        for start in range(0, len(wanted) if submission else 0, _BATCH):
            known.update(
                self._session.execute(
                    select(RecordRow.record_ref).where(
                        RecordRow.submission == submission, RecordRow.record_ref.in_(wanted[start : start + _BATCH])
                    )
                ).scalars()
            )
        return [ref for ref in wanted if ref not in known]

    def confirm(self, at: datetime, event: FeedConfirmed | None) -> None:
        """Note that stages and allocations are as declared; `event` is None when a submission's own event says so."""
        if event is not None:
            self._audit.append(event)
        for feed in (STAGES, ROLES):
            row = self._session.get(FeedRow, feed)
            if row is None:
                self._session.add(FeedRow(feed=feed, confirmed_at=at))
            else:
                row.confirmed_at = at
        self._session.flush()

    def declare(self, declaration: FamilyDeclaration, at: datetime, actor: str, again: bool = True) -> StoredFamily:
        """Keep a declaration; one that differs from the last closes the links of members who are gone.

        One that says the same is confirmed, or with `again=False` left as it is.
        """
        ref = declaration.family_ref
        row = self._session.get(FamilyRow, ref)
        if row is not None and FamilyDeclaration.model_validate_json(row.declaration) == declaration:
            if again:
                self._audit.append(declared_event(actor, declaration, row.version, 0))
                row.confirmed_at = at
                self._session.flush()
            return _stored(row)
        members = [member.record_ref for member in declaration.members]
        gone = select(LinkRow.link).where(
            LinkRow.family_ref == ref, LinkRow.state != "closed", LinkRow.member_ref.not_in(members)
        )
        links = list(self._session.execute(gone).scalars())
        version = 1 if row is None else row.version + 1
        self._audit.append(declared_event(actor, declaration, version, len(links)))
        self._check_aliases(declaration)
        if row is None:
            row = FamilyRow(family_ref=ref)
            self._session.add(row)
        row.version, row.declaration = version, declaration.canonical().decode()
        row.closed, row.declared_at, row.confirmed_at = declaration.closed, at, at
        self._session.flush()
        self._replace_parts(ref, members, declaration.aliases)
        for start in range(0, len(links), _BATCH):
            self._session.execute(
                update(LinkRow)
                .where(LinkRow.link.in_(links[start : start + _BATCH]))
                .values(state="closed", changed_at=at, ended_why="member-left")
            )
        self._session.execute(insert(ChangeRow).values(at=at, kind="family", family_ref=ref))
        return _stored(row)

    def _check_aliases(self, declaration: FamilyDeclaration) -> None:
        for alias in (declaration.family_ref, *declaration.aliases):
            other = self.family(alias)
            if other is not None and other.declaration.family_ref != declaration.family_ref:
                raise InputError(
                    f"Reference `{alias}` belongs to family `{other.declaration.family_ref}`.",
                    next_step="Close or correct that family first.",
                )

    def _replace_parts(self, ref: str, members: list[str], aliases: tuple[str, ...]) -> None:
        self._session.execute(delete(MemberRow).where(MemberRow.family_ref == ref))
        self._session.execute(insert(MemberRow), [{"family_ref": ref, "record_ref": member} for member in members])
        self._session.execute(delete(FamilyAliasRow).where(FamilyAliasRow.family_ref == ref))
        if aliases:
            self._session.execute(insert(FamilyAliasRow), [{"alias": alias, "family_ref": ref} for alias in aliases])


def _stored(row: Any) -> StoredFamily:
    return StoredFamily(
        declaration=FamilyDeclaration.model_validate_json(row.declaration),
        version=row.version,
        declared_at=row.declared_at,
        confirmed_at=row.confirmed_at,
    )
