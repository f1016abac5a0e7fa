"""Check a copy of the audit log offline: a copy of the SQLite database, or an export. The service is not needed and not asked."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.exc import SQLAlchemyError

from api.audit_log import EXPORT_FORMAT
from api.fsck import check_store
from api.store.engine import make_engine, read_only_address, sqlite_url
from api.store.migrate import migrate, newest, present
from api.store.store import Store
from protocols.audit.checkpoint import read_checkpoint
from protocols.audit.entries import Opening
from protocols.audit.note import COSIGNATURE, NoteKey, read_note
from protocols.audit.verify import Finding, LogCheck, LogReport, Row
from protocols.errors import InputError, Unavailable, VerificationError
from protocols.signing import Card

DATABASE = "kinlink.db"
_SQLITE = b"SQLite format 3\x00"
_COSIGNATURES = "SELECT line FROM audit_cosignatures WHERE size = ? ORDER BY client"


@dataclass(slots=True)
class Copy:
    """A copy as it is read: entries as they come; at the end the checkpoints, and of an export the key and the size it names."""

    path: Path
    checkpoints: list[str] = field(default_factory=list)
    key_text: str | None = None
    size: int | None = None

    def entries(self) -> Iterator[tuple[Row, tuple[Opening, ...]]]:
        """Every entry in the order of its index."""
        return self._from_database() if _is_database(self.path) else self._from_export()

    def _from_database(self) -> Iterator[tuple[Row, tuple[Opening, ...]]]:
        try:
            with closing(sqlite3.connect(read_only_address(self.path), uri=True)) as database:
                self.checkpoints = [
                    note + "".join(line for (line,) in database.execute(_COSIGNATURES, (size,)))
                    for size, note in database.execute("SELECT size, note FROM audit_checkpoints ORDER BY size")
                ]
                openings: dict[int, list[Opening]] = {}
                for entry, name, salt, value in database.execute(
                    "SELECT entry, field, salt, value FROM audit_openings"
                ):
                    openings.setdefault(entry, []).append(Opening(str(name), _bytes(salt), str(value)))
                for index, leaf, body in database.execute("SELECT entry, leaf, body FROM audit_entries ORDER BY entry"):
                    yield Row(int(index), _bytes(body), _bytes(leaf)), tuple(openings.get(index, ()))
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise VerificationError(
                f"`{self.path}` cannot be read as a Kinlink database.",
                next_step="Copy it with `kinlink service backup`.",
            ) from error

    def _from_export(self) -> Iterator[tuple[Row, tuple[Opening, ...]]]:
        self.size = 0
        with self.path.open(encoding="utf-8", errors="surrogateescape") as source:
            for number, line in enumerate(source, start=1):
                try:
                    item = json.loads(line)
                    if number == 1:
                        self._head(item)
                    elif "checkpoint" in item:
                        self.checkpoints.append(str(item["checkpoint"]))
                    else:
                        opened = tuple(
                            Opening(str(o["field"]), bytes.fromhex(o["salt"]), str(o["value"]))
                            for o in item.get("openings", ())
                        )
                        leaf = bytes.fromhex(item["leaf"]) if "leaf" in item else None
                        yield Row(int(item["index"]), str(item["entry"]).encode(), leaf), opened
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise VerificationError(
                        f"Line {number} of the export is malformed.",
                        next_step="Export the log again, or ask for another copy.",
                    ) from error

    def _head(self, item: dict[str, object]) -> None:
        if item["format"] != EXPORT_FORMAT:
            raise ValueError(EXPORT_FORMAT)
        self.key_text, self.size = str(item["key"]), int(str(item["size"]))


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The copy itself; of a backup, the database in it, unpacked for as long as it is looked at. Raises `InputError`."""
    try:
        if not tarfile.is_tarfile(path):
            yield path
            return
        with tarfile.open(path) as archive, TemporaryDirectory() as scratch:
            source = archive.extractfile(archive.getmember(DATABASE))
            copy = Path(scratch) / DATABASE
            with copy.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)  # type: ignore[arg-type]
            yield copy
    except (KeyError, tarfile.TarError) as error:
        raise InputError(
            f"`{path}` holds no database.", next_step="Give a backup, a copy of the database, or an export."
        ) from error


def _bytes(value: object) -> bytes:
    """A column's bytes, also when whoever changed the copy left a text there."""
    return value if isinstance(value, bytes) else str(value).encode()


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as source:
            return source.read(len(_SQLITE)) == _SQLITE
    except OSError as error:
        raise InputError(f"`{path}` cannot be read.", next_step="Give a copy of the database, or an export.") from error


def check_copy(path: Path, key: NoteKey | None, held: tuple[str, ...] = (), answers: Collection[str] = ()) -> LogReport:
    """Check a copy against its own checkpoints and those that somebody holds (`held`), and that these `answers` are on record.

    Without `key` an export's own key is used: that proves only that the copy fits itself.
    """
    copy, check = Copy(path), LogCheck()
    for row, openings in copy.entries():
        check.add(row, openings)
    if key is None and copy.key_text is not None:
        key = NoteKey.from_text(copy.key_text)
    report = check.finish([*copy.checkpoints, *held], key, copy.size)
    for answer in sorted(set(answers) - check.answers):
        report.findings.append(Finding(None, f"answer `{answer}` was given and is not on record"))
    return report


def check_copy_store(path: Path) -> list[str] | None:
    """What in a database copy lacks its entry, or does not fit; None for an export, which has the log alone."""
    if not _is_database(path):
        return None
    try:
        with _of_this_version(path) as there:
            engine = make_engine(sqlite_url(there), read_only=True)
            try:
                with Store(engine).reading() as tx:
                    return list(check_store(tx.session, tx, None))
            finally:
                engine.dispose()
    except (
        SQLAlchemyError,
        Unavailable,
        TypeError,
        ValueError,
    ) as error:  # a column may hold anything, whoever changed it
        raise VerificationError(
            f"`{path}` holds what this version does not write: it is of another version, or was altered.",
            next_step="Use the version that made it; if this is it, keep the copy and tell the data protection officer.",
        ) from error


@contextmanager
def _of_this_version(path: Path) -> Iterator[Path]:
    """The copy itself; of one that an older version made, a copy of it that was brought to this version's schema."""
    engine = make_engine(sqlite_url(path), read_only=True)
    try:
        found = present(engine)
    finally:
        engine.dispose()
    if found == newest():
        yield path
        return
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / DATABASE
        with closing(sqlite3.connect(read_only_address(path), uri=True)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
        migrate(sqlite_url(copy))
        yield copy


def cosigned_until(path: Path, card: Card) -> int | None:
    """The size of the newest checkpoint in a copy that this agency cosigned; None if there is none. Raises `VerificationError`."""
    key, copy, newest = NoteKey.of(card.party, card.verifying_key, COSIGNATURE), Copy(path), None
    for _ in copy.entries():
        pass
    for text in copy.checkpoints:
        note = read_note(text)
        if any((item.name, item.key_id) == (key.name, key.key_id) for item in note.signatures):
            note.verified_by([key])
            newest = max(newest or 0, read_checkpoint(note).size)
    return newest
