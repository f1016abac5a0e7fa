"""Encode, link and measure a folder of extracts in one process: no server, no keys on disk, one linkage secret for the run."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agencies.encoders import NamedEncoding, check_encoder, protocol_encodings
from agencies.encoding.comparator import CheckEncoder
from agencies.standardise.person import StandardiseRules, StandardPerson
from kinlink.evaluate_folder import FolderOfExtracts, FolderRecord, read_folder
from kinlink.evaluate_score import Scorer
from kinlink.quality import Quality
from linkage.grade import Rule
from linkage.matcher import Progress, link
from linkage.records import EncodedRecords, Family, Member
from linkage.result import Link, LinkResult
from protocols.load import LoadedProtocol
from protocols.matching import GuardRules, SearchKind
from protocols.vocabulary import Kind, Role

LINK_COLUMNS = ("agency", "record_id", "anchor_record_id", "grade", "held_by")
HELD_BY = {Rule.NO_DATE: "no-date", Rule.NOT_CLOSE: "not-close", Rule.AGE: "age"}
_NOBODY = StandardPerson("", "", "", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was linked, and what it is worth where the truth is known.

    `quality` is that of `result`; `other` that of the same run with the protocol's guards the other way round. `held`
    names, for links likely enough to be certain, the guard that sends them to review in a live run.
    """

    folder: FolderOfExtracts
    anchor: str
    guards: bool
    result: LinkResult
    held: Mapping[tuple[str, str, str], str]
    quality: tuple[Quality, ...] | None
    other: tuple[Quality, ...] | None

    @property
    def scorer(self) -> Scorer:
        """Scores links of this folder."""
        return Scorer(self.folder, self.anchor)


def evaluate(
    path: Path,
    anchor: str,
    protocol: LoadedProtocol,
    secret: bytes,
    *,
    guards: bool = False,
    encoding: NamedEncoding | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Link every agency's records to the anchor's declared families under the protocol's encoding (or another) and match rules.

    The guards of the match rules are a protocol's decision about what a person must look at first, not about what is
    likely. Without `guards` a link has the grade that its probability gives; what the guards would change is measured
    beside it. The truth is read for measuring only, after the links are made. Raises `InputError`.
    """
    encoding = encoding or protocol_encodings(protocol)[0]
    rules = StandardiseRules(version=f"person-{protocol.document.encoding.standardisation}")
    folder = read_folder(path, anchor, rules)
    encoded = encode_folder(folder, encoding, check_encoder(protocol, secret), secret)
    families = families_of(folder, encoded[anchor])
    others = [records for agency, records in encoded.items() if agency != anchor]
    matching = protocol.document.matching
    rules_of = {True: matching, False: matching.model_copy(update={"guards": no_guards(matching.guards)})}
    result = link(encoded[anchor], families, others, rules_of[guards], threads=threads, progress=progress)
    otherwise = link(encoded[anchor], families, others, rules_of[not guards], threads=threads)
    held = {
        (item.agency, item.record_ref, item.member_id): HELD_BY[Rule(item.rule)]
        for item in (result if guards else otherwise).links
        if item.rule in HELD_BY
    }
    if folder.truth is None:
        return Evaluation(folder, anchor, guards, result, held, None, None)
    scorer = Scorer(folder, anchor)
    quality, other = (
        tuple(scorer.agency(records.agency, found.links) for records in others) for found in (result, otherwise)
    )
    return Evaluation(folder, anchor, guards, result, held, quality, other)


def expected_false(found: Evaluation) -> list[tuple[str, str, int, float]]:
    """For each agency and rule, how many links it made and how many of them their own probabilities expect to be false."""
    return [
        (report.agency, rule, made.links, made.expected_false)
        for report in found.result.report.agencies
        for rule, made in sorted(report.rules.items())
    ]


def searches(found: Evaluation) -> list[tuple[str, str, str, str]]:
    """For each agency, the search that found its candidates, what share of the pairs it found, and why it was taken."""
    lines = []
    for agency in found.result.report.agencies:
        search = agency.search
        share: dict[str, str] = {
            SearchKind.EXACT: "every one",
            SearchKind.LSH: f"{search.measured_recall:.4f} on a sample, {search.promised_recall:g} promised",
        }
        lines.append((agency.agency, str(search.kind), share.get(search.kind, ""), search.why))
    return lines


def no_guards(guards: GuardRules) -> GuardRules:
    """Guards that hold nothing back, of the same shape."""
    return GuardRules(date=False, age=False, closeness=0.0, closeness_agreeing=(0.0,) * len(guards.closeness_agreeing))


def write_links(path: Path, links: Sequence[Link], held: Mapping[tuple[str, str, str], str]) -> None:
    """Write one line a link; `held_by` names the guard that sends it to review in a live run, or is empty."""
    partial = path.with_suffix(path.suffix + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(LINK_COLUMNS)
        for item in links:
            pair = item.agency, item.record_ref, item.member_id
            writer.writerow((*pair, item.grade, held.get(pair, "")))
    partial.replace(path)


def encode_folder(
    folder: FolderOfExtracts, encoding: NamedEncoding, checks: CheckEncoder, secret: bytes
) -> dict[str, EncodedRecords]:
    """Every agency's records under one linkage secret."""
    return {agency: _encoded(folder, agency, encoding, checks, secret) for agency in folder.extracts}


def _encoded(
    folder: FolderOfExtracts, agency: str, encoding: NamedEncoding, checks: CheckEncoder, secret: bytes
) -> EncodedRecords:
    """Records of which an encoding says something; of the others nothing can be said."""
    told = [record for record in folder.extracts[agency] if record.person != _NOBODY]
    return EncodedRecords(
        agency=agency,
        record_refs=tuple(record.record_id for record in told),
        clks=encoding.encoder(secret).encode([record.person for record in told]),
        owner=np.arange(len(told), dtype=np.int32),
        groups=tuple((record.family_ref,) if record.family_ref else () for record in told),
        kind=tuple(folder.kind(record.person).value for record in told),
        checks=checks.for_matching([record.person for record in told]),
    )


def families_of(folder: FolderOfExtracts, anchor: EncodedRecords) -> list[Family]:
    """The anchor's families as declared; a record without a family is a family of one."""
    kinds = dict(zip(anchor.record_refs, anchor.kind, strict=True))
    members: dict[str, list[Member]] = {}
    for record in _known(folder.extracts[anchor.agency], kinds):
        role = Role.CHILD if kinds[record.record_id] == Kind.CHILD else Role.OTHER_ADULT
        name = f"family {record.family_ref}" if record.family_ref else f"record {record.record_id}"
        members.setdefault(name, []).append(
            Member(record.record_id, record.record_id, kinds[record.record_id], role.value)
        )
    return [Family(name, tuple(held)) for name, held in members.items()]


def _known(records: Sequence[FolderRecord], kinds: dict[str, str]) -> list[FolderRecord]:
    return [record for record in records if record.record_id in kinds]
