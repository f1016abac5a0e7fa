"""The audit log in the database: entries are added in the transaction of what they tell about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from api.store.base import connection_of
from api.store.tables_work import CheckpointRow, CosignatureRow, EntryRow, HeadRow, NodeRow, OpeningRow
from protocols.audit.entries import Opening, seal_event
from protocols.audit.events.keeping import CheckpointCosigned
from protocols.audit.events.vocabulary import Event
from protocols.audit.merkle import HASH_BYTES, leaf_hash, node_hash, root
from protocols.audit.verify import Row
from protocols.errors import InputError, Unavailable

TILE_LEVEL = 8
TILE = 1 << TILE_LEVEL
CLOCK_TOLERANCE = timedelta(minutes=2)
_PAGE = 5_000
# Made once: putting a statement together takes longer than running it.
_HEAD = select(HeadRow.size, HeadRow.last_leaf, HeadRow.last_at, HeadRow.generation)
_LOCKED_HEAD = _HEAD.with_for_update()
_ADD_ENTRY = insert(EntryRow)
_ADD_OPENINGS = insert(OpeningRow)
_GROW = update(HeadRow).values(
    size=bindparam("to_size"),
    last_leaf=bindparam("to_last_leaf"),
    last_at=bindparam("to_last_at"),
    generation=bindparam("to_generation"),
)


class _Head(NamedTuple):
    """Where the log ends, as the transaction that has locked it knows."""

    size: int
    last_leaf: bytes | None
    last_at: datetime | None
    generation: int


class AuditLog:
    """The log as one transaction sees it."""

    def __init__(self, session: Session, clock: Callable[[], datetime], writes: bool) -> None:
        self._session = session
        self._clock = clock
        self._writes = writes
        self._head: _Head | None = None

    def append(self, event: Event) -> int:
        """Add the event's entry and return its index. The head is locked from here to the end of the transaction.

        Time in the log never runs backwards. A clock that is far behind the last entry stops everything that would be recorded, and
        so every release: raises `Unavailable`.
        """
        if not self._writes:
            raise InputError("An entry was added in a transaction that only reads.")
        head, db = self._locked_head(), connection_of(self._session)
        size, at = head.size, self._time_after(head.last_at)
        entry, openings = seal_event(event, size, head.last_leaf, at)
        body = entry.canonical()
        leaf = leaf_hash(body)
        db.execute(_ADD_ENTRY, {"entry": size, "leaf": leaf, "body": body})
        if openings:
            db.execute(
                _ADD_OPENINGS, [{"entry": size, "field": o.field, "salt": o.salt, "value": o.value} for o in openings]
            )
        self._head = _Head(size + 1, leaf, at, size + 1 if event.decides else head.generation)
        db.execute(_GROW, {f"to_{name}": value for name, value in self._head._asdict().items()})
        if (size + 1) % TILE == 0:
            self._close_tile(size + 1)
        return size

    def _time_after(self, last: datetime | None) -> datetime:
        now = self._clock()
        if last is None or now >= last:
            return now
        if last - now > CLOCK_TOLERANCE:
            raise Unavailable(
                "The service's clock is behind its own audit log, so nothing can be recorded and nothing is released.",
                next_step="Set the clock of the service's machine right.",
            )
        return last

    def _locked_head(self) -> _Head:
        if self._head is None:
            self._head = _Head(*connection_of(self._session).execute(_LOCKED_HEAD).one())
        return self._head

    def _close_tile(self, size: int) -> None:
        """Store the hashes of the perfect subtrees that end here, from 256 leaves up."""
        level, position = TILE_LEVEL, size // TILE - 1
        value = self._tile(position)
        while True:
            self._session.execute(insert(NodeRow).values(level=level, position=position, hash=value))
            if position % 2 == 0:
                return
            value = node_hash(self.node(level, position - 1), value)
            level, position = level + 1, position // 2

    def _leaves(self, start: int, stop: int) -> list[bytes]:
        rows = self._session.execute(
            select(EntryRow.leaf).where(EntryRow.entry >= start, EntryRow.entry < stop).order_by(EntryRow.entry)
        )
        return list(rows.scalars())

    def _tile(self, position: int) -> bytes:
        return _fold(self._leaves(position * TILE, (position + 1) * TILE))

    def node(self, level: int, position: int) -> bytes:
        """The node function of the tree: stored from 256 leaves up, computed below."""
        if level < TILE_LEVEL:
            return _fold(self._leaves(position << level, (position + 1) << level))
        found = self._session.execute(
            select(NodeRow.hash).where(NodeRow.level == level, NodeRow.position == position)
        ).scalar_one()
        return bytes(found)

    def generation(self) -> int:
        """How long the log was after the last event that can change a decision. In a writing transaction it cannot grow any more."""
        head = self._locked_head() if self._writes else _Head(*connection_of(self._session).execute(_HEAD).one())
        return head.generation

    def size(self) -> int:
        """How many entries there are."""
        return int(self._session.execute(select(HeadRow.size)).scalar_one())

    def last_at(self) -> datetime | None:
        """The time of the last entry."""
        return self._session.execute(select(HeadRow.last_at)).scalar_one()

    def root(self, size: int) -> bytes:
        """The root of the first `size` entries."""
        return root(size, self.node)

    def body(self, index: int) -> bytes | None:
        """The bytes of one entry."""
        return self._session.execute(select(EntryRow.body).where(EntryRow.entry == index)).scalar_one_or_none()

    def rows(self, stop: int) -> Iterator[tuple[Row, tuple[Opening, ...]]]:
        """The first `stop` entries with what is still there to open them."""
        for start in range(0, stop, _PAGE):
            end = min(start + _PAGE, stop)
            openings: dict[int, list[Opening]] = {}
            for found in self._session.execute(
                select(OpeningRow.entry, OpeningRow.field, OpeningRow.salt, OpeningRow.value).where(
                    OpeningRow.entry >= start, OpeningRow.entry < end
                )
            ):
                openings.setdefault(found.entry, []).append(Opening(found.field, bytes(found.salt), found.value))
            for item in self._session.execute(
                select(EntryRow.entry, EntryRow.leaf, EntryRow.body)
                .where(EntryRow.entry >= start, EntryRow.entry < end)
                .order_by(EntryRow.entry)
            ):
                yield Row(item.entry, bytes(item.body), bytes(item.leaf)), tuple(openings.get(item.entry, ()))

    def entries_about(self, field: str, value: str) -> list[int]:
        """The entries that commit to this value in this field, as far as it was not erased."""
        return list(
            self._session.execute(
                select(OpeningRow.entry)
                .where(OpeningRow.value == value, OpeningRow.field == field)
                .order_by(OpeningRow.entry)
            ).scalars()
        )

    def forget(self, entries: list[int], event: Event) -> int:
        """Delete what opens these entries' commitments; the entries stay. Returns the index of the entry that says so."""
        for start in range(0, len(entries), 500):
            self._session.execute(delete(OpeningRow).where(OpeningRow.entry.in_(entries[start : start + 500])))
        return self.append(event)

    def forget_fields(self, fields: Sequence[tuple[int, str]], event: Event) -> int:
        """Delete what opens these fields of entries; the rest of each can still be opened. Returns the index of the entry that says so."""
        index = self.append(event)
        for entry, name in fields:
            self._session.execute(delete(OpeningRow).where(OpeningRow.entry == entry, OpeningRow.field == name))
        return index

    def openings(self, last: int) -> int:
        """How many commitments of the entries up to this one can still be opened."""
        query = select(func.count()).select_from(OpeningRow).where(OpeningRow.entry <= last)
        return int(self._session.execute(query).scalar_one())

    def last_checkpoint(self) -> str | None:
        """The newest signed checkpoint."""
        return self._session.execute(
            select(CheckpointRow.note).order_by(CheckpointRow.size.desc()).limit(1)
        ).scalar_one_or_none()

    def checkpoints(self) -> list[str]:
        """Every signed checkpoint with the agencies' cosignatures, oldest first."""
        lines: dict[int, str] = {}
        cosigned = select(CosignatureRow.size, CosignatureRow.line).order_by(CosignatureRow.size, CosignatureRow.client)
        for row in self._session.execute(cosigned):
            lines[row.size] = lines.get(row.size, "") + row.line
        notes = self._session.execute(select(CheckpointRow.size, CheckpointRow.note).order_by(CheckpointRow.size))
        return [row.note + lines.get(row.size, "") for row in notes]

    def checkpoint(self, size: int) -> str | None:
        """The signed checkpoint of a size, with the agencies' cosignatures."""
        note = self._session.execute(select(CheckpointRow.note).where(CheckpointRow.size == size)).scalar_one_or_none()
        lines = select(CosignatureRow.line).where(CosignatureRow.size == size).order_by(CosignatureRow.client)
        return None if note is None else note + "".join(self._session.execute(lines).scalars())

    def cosigned(self) -> int | None:
        """The size of the newest checkpoint that an agency cosigned."""
        return self._session.execute(select(func.max(CosignatureRow.size))).scalar_one_or_none()

    def add_cosignature(self, line: str, event: CheckpointCosigned) -> None:
        """Keep an agency's cosignature; the first one of an agency on a checkpoint stays."""
        row = self._session.get(CosignatureRow, (event.size, event.actor))
        if row is None:
            self.append(event)
            values = {"size": event.size, "client": event.actor, "line": line, "at": self._clock()}
            self._session.execute(insert(CosignatureRow).values(**values))

    def checkpointed(self) -> int:
        """The size of the newest checkpoint; -1 if there is none."""
        return int(self._session.execute(select(func.coalesce(func.max(CheckpointRow.size), -1))).scalar_one())

    def add_checkpoint(self, size: int, note: str) -> None:
        """Keep a signed checkpoint."""
        self._session.execute(insert(CheckpointRow).values(size=size, note=note, at=self._clock()))


def _fold(hashes: list[bytes]) -> bytes:
    """The root of a perfect subtree from its leaves."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    if not hashes or len(hashes[0]) != HASH_BYTES:
        raise InputError("The audit log is incomplete.", next_step="Run `kinlink audit verify`.")
    return hashes[0]
