"""Making a submission: extract in, one sealed and signed file out, holding a few numbers for each record in memory and never the records."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from agencies.declarations import Declarations, Known, build_consents, build_families, check_parents, read_declarations
from agencies.difference import (
    Difference,
    State,
    Submitted,
    compare,
    last_submitted,
    pending_state,
    sweep_states,
    write_state,
)
from agencies.encoders import check_encoder, protocol_comparators, protocol_encodings, require_conformance
from agencies.encoding.comparator import CheckEncoder
from agencies.encoding.person import PersonEncoder
from agencies.folder import AgencyFolder
from agencies.local_view import LocalMember, make_view, write_view
from agencies.reading import Reading
from agencies.records import AttributeValue, LeftOut, Record, Suppressed, unborn_record
from agencies.secret import stored_secret
from agencies.shelves import RECORD_SCHEMA, Shelved, Shelves
from agencies.submission_checks import check_caseload, check_difference, check_left_out, epoch_in_use
from agencies.submission_parts import CellContexts, Parts
from agencies.tally import Tally
from protocols.catalogue import encode_value
from protocols.errors import InputError
from protocols.family import ConsentRecord, FamilyDeclaration
from protocols.sealing import new_data_key, seal_box, seal_cell
from protocols.signing import Card
from protocols.submission import (
    CHECK_BYTES,
    CHECKS,
    CONSENTS,
    FAMILIES,
    AttackOverride,
    ChecksPart,
    ClkPart,
    Counts,
    Manifest,
    Recipient,
    box_context,
    checks_context,
    clk_context,
    clk_part,
    part_of,
    write_submission,
)
from protocols.vocabulary import Kind

SUFFIX = ".kinlink"
_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Options:
    """How a submission is made.

    `declarations`: the folder with `families.csv` and the rest. `delta`: only what changed since the last submission.
    `accept_defects`: also if more than 5 % of the records are left out. `accept_difference`: also if more changed than the protocol's
    limit. `attack_report`: the SHA-256 of the self-attack report that clears this extract; `attack_override`: who answers for it if
    it does not (see `agencies.attack.gate.require_report`). The service takes no submission with neither.
    """

    declarations: Path | None = None
    delta: bool = False
    accept_defects: bool = False
    accept_difference: bool = False
    attack_report: str | None = None
    attack_override: AttackOverride | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A submission that was made: its file, its id, its manifest, what was counted, what changed."""

    path: Path
    submission: str
    manifest: Manifest
    tally: Tally
    difference: Difference | None


def make_submission(folder: AgencyFolder, reading: Reading, options: Options = Options()) -> Made:
    """Make a submission from an extract and put it in the outbox. Nothing is left behind if it cannot be made.

    Raises `InputError`, `ExtractError`, `KeyProblem`, `ProtocolError`, `Busy`.
    """
    with folder.lock():
        return _Making(folder, reading, options).run()


class _Making:
    """One submission in the making."""

    def __init__(self, folder: AgencyFolder, reading: Reading, options: Options) -> None:
        self.folder, self.reading, self.options = folder, reading, options
        self.protocol = folder.protocol
        self.epoch = epoch_in_use(self.protocol, folder.settings.epoch, datetime.now(UTC).date())
        self.stored = stored_secret(folder, self.epoch)
        self.matcher, self.workbook = folder.only_card("service"), folder.only_card("workbook")
        beside = (folder.path / folder.settings.protocol).parent
        require_conformance(self.protocol, beside)
        self.encodings = protocol_encodings(self.protocol, beside)
        secret = bytes.fromhex(self.stored.secret)
        self.encoders: dict[str, PersonEncoder | CheckEncoder] = {
            each.name: each.encoder(secret) for each in self.encodings
        }
        self.comparators = protocol_comparators(self.protocol)
        if self.comparators:
            self.encoders[CHECKS] = check_encoder(self.protocol, secret)
        self.matcher_key, self.workbook_key = new_data_key(), new_data_key()
        self.declared = read_declarations(options.declarations) if options.declarations else Declarations()
        self.before = last_submitted(folder)
        self.unchanged = dict(self._base().table.iter_rows()) if options.delta else {}
        self.tally, self.state = Tally(), State(folder)
        self.known: dict[str, Known] = {}
        self.members: dict[str, LocalMember] = {}
        self.suppressed: set[str] = set()
        self.removed: list[str] = []
        self.contexts = CellContexts(folder.party, self.protocol.digest)
        self.nothing = {each.id: encode_value(each, None) for each in reading.attributes}

    def run(self) -> Made:
        """Read, encode, seal, check, write, sign."""
        columns: dict[str, Any] = {**RECORD_SCHEMA, "op": pl.String} if self.options.delta else RECORD_SCHEMA
        sizes = {each.name: each.hardening.output_length // 8 for each in self.encodings}
        if self.comparators:
            sizes[CHECKS] = CHECK_BYTES * len(self.comparators)
        names = [each.id for each in self.reading.attributes]
        with Shelves(self.folder.place("outbox"), self.reading.survey.references, sizes, names, columns) as shelves:
            self._shelve(shelves)
            check_left_out(self.tally, self.options.accept_defects)
            families, consents = self._families(), self._consents()
            now = self.state.table()
            check_caseload(self.protocol, self.folder.party, now.height)
            difference = compare(self.before, now)
            check_difference(difference, self.protocol, self.options.accept_difference)
            if self.options.delta:
                self._shelve_removed(shelves, now)
                if shelves.empty and not families and not consents:
                    raise InputError(
                        "Nothing changed since the last submission. Nothing was made.",
                        next_step="Nothing has to be done.",
                    )
            written = Parts(shelves.folder, columns, self._sealed())
            for shelf in shelves.sorted_shelves():
                written.add(shelf)
                self.reading.progress("sorting and sealing", written.records, now.height)
            parts = written.finish(self.matcher_key)
            for name, items in ((FAMILIES, families), (CONSENTS, consents)):
                if items:
                    parts[name] = shelves.folder / name
                    parts[name].write_text(
                        json.dumps([each.model_dump(mode="json") for each in items]), encoding="utf-8"
                    )
            manifest = self._manifest(parts, written, len(families), len(consents))
            path = self.folder.place("outbox") / f"{manifest.submission_id}{SUFFIX}"
            write_submission(path, manifest, self.folder.signing_key, parts)
        path.chmod(0o600)
        sweep_states(self.folder)
        submission = manifest.submission_id
        write_state(
            pending_state(self.folder, submission), Submitted(submission, self.protocol.digest, self.epoch, now)
        )
        if families:
            write_view(self.folder, make_view(families, self.members))
        return Made(path, submission, manifest, self.tally, difference)

    def _sealed(self) -> dict[str, tuple[str, bytes]]:
        """What each encoder's bytes become: the part and its context."""
        agency, digest = self.folder.party, self.protocol.digest
        found = {each.name: (clk_part(each.name), clk_context(agency, each.name, digest)) for each in self.encodings}
        return found | ({CHECKS: (CHECKS, checks_context(agency, digest))} if self.comparators else {})

    def _shelve(self, shelves: Shelves) -> None:
        batch: list[Record] = []
        for outcome in self._outcomes():
            self.tally.add(outcome)
            if isinstance(outcome, Suppressed):
                self.suppressed.add(outcome.local)
            elif isinstance(outcome, Record):
                batch.append(outcome)
                if len(batch) >= _BATCH:
                    self._encode(batch, shelves)
                    batch.clear()
        self._encode(batch, shelves)

    def _outcomes(self) -> Iterator[Record | Suppressed | LeftOut]:
        """The extract's records, then the unborn members that the extract does not have."""
        wanted, missing = self.declared.references, dict.fromkeys(self.declared.unborn)
        for outcome in self.reading.records():
            if outcome.local in wanted:
                missing.pop(outcome.local, None)
                if isinstance(outcome, Record):
                    self._note(outcome)
            yield outcome
        for local in missing:
            record = unborn_record(local, self.reading.attributes, self.reading.extract_date)
            self._note(record)
            yield record

    def _note(self, record: Record) -> None:
        self.known[record.local] = Known(record.kind, record.born)
        self.members[self.folder.references.record(record.local)] = LocalMember(name=record.name, born=record.born)

    def _encode(self, batch: Sequence[Record], shelves: Shelves) -> None:
        """Encode and seal a batch; a record that a delta does not need goes no further."""
        kept = []
        for record in batch:
            ref, digest = self.state.add(record)
            if self.unchanged.get(ref) != digest:
                kept.append((ref, record))
        people = [person for _, record in kept for person in record.people]
        clks = {name: encoder.encode(people) for name, encoder in self.encoders.items()}
        at = 0
        for ref, record in kept:
            end = at + len(record.people)
            own = {name: rows[at:end].tobytes() for name, rows in clks.items()}
            at = end
            shelves.add(
                Shelved(self._row(ref, record), own, [self._cell(ref, record.as_at, value) for value in record.values])
            )

    def _row(self, ref: str, record: Record) -> tuple[Any, ...]:
        hold = record.hold.value if record.hold else None
        groups = sorted({self.folder.references.group(group) for group in record.groups})
        flags = (record.shielded, record.silent, record.deceased)
        row = (ref, groups, record.kind.value, *flags, hold, len(record.people))
        return (*row, "put") if self.options.delta else row

    def _cell(self, ref: str, day: date, value: AttributeValue) -> tuple[str, date, bytes]:
        """One sealed value, under the record's date; the value's own date is inside."""
        name = value.attribute.id
        data = self.nothing[name] if value.value is None else encode_value(value.attribute, value.value, value.as_at)
        return name, day, seal_cell(data, self.workbook_key, self.contexts.of(ref, name, day))

    def _families(self) -> list[FamilyDeclaration]:
        check_parents(self.declared, self.known, self.reading.findings)
        return build_families(self.declared, self.known, frozenset(self.suppressed), self.folder.references.record)

    def _consents(self) -> list[ConsentRecord]:
        catalogue = frozenset(each.id for each in self.protocol.document.attributes)
        hidden = frozenset(self.suppressed)
        return build_consents(self.declared, self.known, hidden, self.folder.references.record, catalogue)

    def _base(self) -> Submitted:
        before = self.before
        if before is None:
            raise InputError("There is no submission to be the base of a delta.", next_step="Make a full one first.")
        if (before.protocol_digest, before.epoch) != (self.protocol.digest, self.epoch):
            raise InputError(
                "The sharing protocol or the epoch changed since the last submission: a delta cannot be made.",
                next_step="Make a full submission.",
            )
        return before

    def _shelve_removed(self, shelves: Shelves, now: pl.DataFrame) -> None:
        self.removed = self._base().table.join(now, on="record_ref", how="anti")["record_ref"].to_list()
        for ref in self.removed:
            row: tuple[Any, ...] = (ref, [], Kind.UNKNOWN.value, False, False, False, None, 0, "remove")
            shelves.add(Shelved(row, dict.fromkeys(self.encoders, b""), []))

    def _manifest(self, parts: dict[str, Path], written: Parts, families: int, consents: int) -> Manifest:
        document = self.protocol.document
        return Manifest(
            format="kinlink-submission/1",
            agency=self.folder.party,
            kind="delta" if self.options.delta else "full",
            base=self._base().submission if self.options.delta else None,
            protocol_id=document.id,
            protocol_version=document.version,
            protocol_digest=self.protocol.digest,
            epoch=self.epoch,
            key_check_value=self.stored.check,
            clks=tuple(
                ClkPart(
                    name=each.name,
                    bits=each.hardening.output_length,
                    rows=written.encodings,
                    schema_digest=each.schema_sha256,
                )
                for each in self.encodings
            ),
            checks=ChecksPart(comparators=tuple(each.name for each in self.comparators), rows=written.encodings)
            if self.comparators
            else None,
            hardening=document.encoding.hardening.profile,
            encoder=f"kinlink {version('kinlink')}",
            extract_date=self.reading.extract_date,
            created_at=datetime.now(UTC),
            counts=Counts(
                records=written.records - len(self.removed),
                encodings=written.encodings,
                cells=written.cells,
                families=families,
                consents=consents,
                removed=len(self.removed),
            ),
            parts={name: part_of(path) for name, path in parts.items()},
            matcher=self._recipient("matcher", self.matcher, self.matcher_key),
            workbook=self._recipient("workbook", self.workbook, self.workbook_key),
            attack_report=self.options.attack_report,
            attack_override=self.options.attack_override,
        )

    def _recipient(self, name: str, card: Card, data_key: bytes) -> Recipient:
        about = box_context(name, self.folder.party, self.protocol.digest, self.epoch)
        box = seal_box(data_key, card.sealing_public_key, about)
        return Recipient(key=card.sealing_public_key.fingerprint, box=base64.b64encode(box).decode())
