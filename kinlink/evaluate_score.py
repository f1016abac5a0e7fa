"""What links are worth against a truth: per agency, per family, and by groups of people."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kinlink.evaluate_folder import FolderOfExtracts, FolderRecord
from kinlink.quality import Quality
from linkage.result import Link

Truth = Mapping[tuple[str, str], str]
ENOUGH_PAIRS = 50  # a group with fewer true pairs says nothing about a gap


@dataclass(frozen=True, slots=True)
class FamilyQuality:
    """Declared families with at least one true pair: how many have every member's records right, at every agency."""

    families: int
    right_certain: int
    right_with_probable: int
    with_wrong_certain: int


@dataclass(frozen=True, slots=True)
class GroupQuality:
    """Certain and probable links of one group of people at all agencies; `by` names what divides the people."""

    by: str
    group: str
    quality: Quality


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference in certain recall between two groups that have enough true pairs."""

    by: str
    best: str
    worst: str
    recall_gap: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Links whose probability lies in [low, high): how many, their mean probability, and the share that is right."""

    low: float
    high: float
    links: int
    mean: float
    right: float


GroupOf = Callable[[FolderRecord], str]


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores the links of one folder whose truth is known."""

    folder: FolderOfExtracts
    anchor: str

    @property
    def _truth(self) -> Truth:
        return self.folder.truth or {}

    def right(self, item: Link) -> bool:
        """Whether a link joins two records of one person."""
        person = self._truth.get((item.agency, item.record_ref))
        return person is not None and person == self._truth.get((self.anchor, item.member_id))

    def agency(self, agency: str, links: Sequence[Link], anchor_refs: frozenset[str] | None = None) -> Quality:
        """One agency's links; with `anchor_refs`, only those of these anchor records."""
        refs = [record.record_id for record in self.folder.extracts[self.anchor]]
        chosen = [ref for ref in refs if anchor_refs is None or ref in anchor_refs]
        anchors = Counter(self._truth.get((self.anchor, ref)) for ref in chosen)
        held = [self._truth.get((agency, record.record_id)) for record in self.folder.extracts[agency]]
        found = [
            (item, self.right(item))
            for item in links
            if item.agency == agency and (anchor_refs is None or item.member_id in anchor_refs)
        ]
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

    def families(self, links: Sequence[Link]) -> FamilyQuality:
        """How many declared families are right as a whole."""
        family_of = {r.record_id: r.family_ref or r.record_id for r in self.folder.extracts[self.anchor]}
        people: dict[str, list[str]] = defaultdict(list)
        for ref in family_of:
            people[self._truth.get((self.anchor, ref), "")].append(ref)
        wanted: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
        for agency, records in self.folder.extracts.items():
            if agency == self.anchor:
                continue
            for record in records:
                for ref in people.get(self._truth.get((agency, record.record_id), "-"), ()):
                    wanted[family_of[ref]].add((ref, agency, record.record_id))
        certain: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
        either: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
        for item in links:
            pair = (item.member_id, item.agency, item.record_ref)
            either[family_of[item.member_id]].add(pair)
            if item.grade == "certain":
                certain[family_of[item.member_id]].add(pair)
        return FamilyQuality(
            len(wanted),
            sum(certain[family] == pairs for family, pairs in wanted.items()),
            sum(pairs <= either[family] and certain[family] <= pairs for family, pairs in wanted.items()),
            sum(not pairs <= wanted.get(family, set()) for family, pairs in certain.items()),
        )

    def groups(self, links: Sequence[Link], divisions: Mapping[str, GroupOf]) -> list[GroupQuality]:
        """The quality for every group of every division, over all agencies together."""
        found = []
        for by, group_of in divisions.items():
            refs: dict[str, set[str]] = defaultdict(set)
            for record in self.folder.extracts[self.anchor]:
                refs[group_of(record)].add(record.record_id)
            for group in sorted(refs):
                chosen = frozenset(refs[group])
                parts = [self.agency(name, links, chosen) for name in self.folder.extracts if name != self.anchor]
                found.append(GroupQuality(by, group, total(parts)))
        return found

    def reliability(self, links: Sequence[Link]) -> list[Bin]:
        """Do probabilities mean what they say? Links by probability, against the share that is right."""
        edges = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999, 1.01)
        found = []
        for low, high in itertools.pairwise(edges):
            held = [item for item in links if low <= item.probability < high]
            if held:
                mean = sum(item.probability for item in held) / len(held)
                found.append(Bin(low, min(high, 1.0), len(held), mean, sum(map(self.right, held)) / len(held)))
        return found


def total(parts: Sequence[Quality]) -> Quality:
    """All agencies as one."""
    return Quality(
        "all",
        *(
            sum(getattr(part, name) for part in parts)
            for name in (
                "certain",
                "certain_right",
                "probable",
                "probable_right",
                "true_pairs",
                "wrong_people",
                "linked_records",
            )
        ),
    )


def gaps(groups: Sequence[GroupQuality]) -> list[Gap]:
    """For each division, the largest gap in certain recall between groups with enough true pairs."""
    found = []
    for by in dict.fromkeys(item.by for item in groups):
        known = [g for g in groups if g.by == by and g.quality.true_pairs >= ENOUGH_PAIRS]
        if len(known) > 1:
            best = max(known, key=lambda g: g.quality.recall)
            worst = min(known, key=lambda g: g.quality.recall)
            found.append(Gap(by, best.group, worst.group, best.quality.recall - worst.quality.recall))
    return found
