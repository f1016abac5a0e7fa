"""What links are worth against a truth: precision, recall and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """Links against the truth; a true pair is a record of the anchor and one of the agency that are one person."""

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
    def f1_with_probable(self) -> float:
        """Harmonic mean of precision and recall of links of either grade."""
        return _f1(self.precision_with_probable, self.recall_with_probable)

    @property
    def review_load(self) -> float:
        """Probable links for a person to look at, as a share of the true pairs."""
        return self.probable / self.true_pairs if self.true_pairs else 0.0

    @property
    def wrong_disclosure(self) -> float:
        """Share of the records with a certain link whose link is to somebody else."""
        return self.wrong_people / self.linked_records if self.linked_records else 0.0


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
