"""Encode, link and measure a folder of extracts in one process: no server, no keys on disk, one linkage secret for the run."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agencies.encoders import NamedEncoding, protocol_encodings
from agencies.standardise.person import StandardiseRules, StandardPerson
from kinlink.evaluate_folder import FolderOfExtracts, FolderRecord, read_folder
from linkage.matcher import Progress, link
from linkage.records import EncodedRecords, Family, Member
from linkage.result import Link, LinkResult
from protocols.load import LoadedProtocol
from protocols.vocabulary import Kind, Role

LINK_COLUMNS = ("agency", "record_id", "anchor_record_id", "grade")
_NOBODY = StandardPerson("", "", "", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Quality:
    """One agency's links against the truth; a true pair is a record of the anchor and one of the agency of one person."""

    agency: str
    certain: int
    certain_right: int
    probable: int
    probable_right: int
    true_pairs: int
    wrong_people: int
    linked_records: int

    @property
    def precision(self) -> float:
        """Share of certain links that are right."""
        return self.certain_right / self.certain if self.certain else 1.0

    @property
    def recall(self) -> float:
        """Share of true pairs that are certain links."""
        return self.certain_right / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall of the certain links."""
        return _f1(self.precision, self.recall)

    @property
    def precision_with_probable(self) -> float:
        """Share of all links that are right."""
        links = self.certain + self.probable
        return (self.certain_right + self.probable_right) / links if links else 1.0

    @property
    def recall_with_probable(self) -> float:
        """Share of true pairs that are links of either grade."""
        return (self.certain_right + self.probable_right) / self.true_pairs if self.true_pairs else 1.0

    @property
    def review_load(self) -> float:
        """Probable links for a person to look at, as a share of the true pairs."""
        return self.probable / self.true_pairs if self.true_pairs else 0.0

    @property
    def wrong_disclosure(self) -> float:
        """Share of the records with a certain link whose link is to somebody else."""
        return self.wrong_people / self.linked_records if self.linked_records else 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was linked, and what it is worth where the truth is known."""

    folder: FolderOfExtracts
    result: LinkResult
    quality: tuple[Quality, ...] | None


def evaluate(
    path: Path,
    anchor: str,
    protocol: LoadedProtocol,
    secret: bytes,
    *,
    encoding: NamedEncoding | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Link every agency's records to the anchor's declared families under the protocol's encoding (or another) and match rules.

    The truth is read for measuring only, after the links are made. Raises `InputError`.
    """
    encoding = encoding or protocol_encodings(protocol)[0]
    rules = StandardiseRules(version=f"person-{protocol.document.encoding.standardisation}")
    folder = read_folder(path, anchor, rules)
    encoded = {agency: _encoded(folder, agency, encoding, secret) for agency in folder.extracts}
    families = _families(folder, encoded[anchor])
    others = [records for agency, records in encoded.items() if agency != anchor]
    result = link(encoded[anchor], families, others, protocol.document.matching, threads=threads, progress=progress)
    quality = None
    if folder.truth is not None:
        quality = tuple(_quality(folder, anchor, records.agency, result.links) for records in others)
    return Evaluation(folder, result, quality)


def write_links(path: Path, links: Sequence[Link]) -> None:
    """Write one line a link."""
    partial = path.with_suffix(path.suffix + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(LINK_COLUMNS)
        writer.writerows((item.agency, item.record_ref, item.member_id, item.grade) for item in links)
    partial.replace(path)


def _encoded(folder: FolderOfExtracts, agency: str, encoding: NamedEncoding, secret: bytes) -> EncodedRecords:
    """Records of which an encoding says something; of the others nothing can be said."""
    told = [record for record in folder.extracts[agency] if record.person != _NOBODY]
    return EncodedRecords(
        agency=agency,
        record_refs=tuple(record.record_id for record in told),
        clks=encoding.encoder(secret).encode([record.person for record in told]),
        owner=np.arange(len(told), dtype=np.int32),
        groups=tuple((record.family_ref,) if record.family_ref else () for record in told),
        kind=tuple(folder.kind(record.person).value for record in told),
    )


def _families(folder: FolderOfExtracts, anchor: EncodedRecords) -> list[Family]:
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


def _quality(folder: FolderOfExtracts, anchor: str, agency: str, links: Sequence[Link]) -> Quality:
    truth = folder.truth or {}
    anchors = Counter(truth.get((anchor, record.record_id)) for record in folder.extracts[anchor])
    held = [truth.get((agency, record.record_id)) for record in folder.extracts[agency]]
    found = [(item, _right(truth, anchor, item)) for item in links if item.agency == agency]
    certain = [(item, right) for item, right in found if item.grade == "certain"]
    return Quality(
        agency=agency,
        certain=len(certain),
        certain_right=sum(right for _, right in certain),
        probable=len(found) - len(certain),
        probable_right=sum(right for _, right in found) - sum(right for _, right in certain),
        true_pairs=sum(anchors[person] for person in held if person is not None),
        wrong_people=len({item.record_ref for item, right in certain if not right}),
        linked_records=len({item.record_ref for item, _ in certain}),
    )


def _right(truth: dict[tuple[str, str], str], anchor: str, item: Link) -> bool:
    person = truth.get((item.agency, item.record_ref))
    return person is not None and person == truth.get((anchor, item.member_id))


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
