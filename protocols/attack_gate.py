"""What a sharing protocol asks of the attack report without which no submission is made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from protocols.document_parts import Part

Test = Literal["T0", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"]


class CutOff(Part):
    """Above `warn` a figure is worth a warning, above `fail` its test fails. Both are shares unless the figure says otherwise."""

    warn: Annotated[float, Field(ge=0)]
    fail: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _in_order(self) -> CutOff:
        if self.warn > self.fail:
            raise ValueError(f"expected `warn` at or below `fail`, got {self.warn} and {self.fail}")
        return self


def _figure(about: str) -> CutOff | None:
    found: CutOff | None = Field(default=None, description=about)
    return found


class AttackCutOffs(Part):
    """Where each figure of the attack report is drawn the line. What is not named stays as the program has it."""

    lint: CutOff | None = _figure(
        "T0: rules of the linkage schema, the keys and the hardening that are broken (a count)"
    )
    fill: CutOff | None = _figure("T0: how far the filters' mean fill is from .35 to .55")
    bit_frequency_sd: CutOff | None = _figure("T1: spread of how often each bit is set, beyond chance")
    bit_extremes: CutOff | None = _figure("T1: bits that nearly always or nearly never are set (a count)")
    identical: CutOff | None = _figure("T2: encodings that different people share")
    length: CutOff | None = _figure("T2: correlation of the bits set with the length of what was encoded")
    co_occurrence: CutOff | None = _figure("T3: pairs of bits that go together")
    frequency: CutOff | None = _figure("T4: people found by how frequent their values are")
    patterns: CutOff | None = _figure("T5: frequent pairs of letters that are read out of the bits")
    fidelity: CutOff | None = _figure("T6: correlation of all similarities under two keys, the headline index")
    unseeded: CutOff | None = _figure("T7: people found by an attacker who knows nobody")
    seeds_20: CutOff | None = _figure("T8: people found by an attacker who knows 20")
    seeds_5pct: CutOff | None = _figure("T8: people found by an attacker who knows one in twenty")
    seeds_quarter: CutOff | None = _figure("T8: people found by an attacker who knows a quarter")
    groups_few: CutOff | None = _figure(
        "T7, T8: people found with the groups given too, beyond what groups alone give, with nobody or 20 known"
    )
    groups_many: CutOff | None = _figure("T8: the same with one in twenty or a quarter known")
    decoder: CutOff | None = _figure("T9: names read by a decoder from 200 known people, as a multiple of guessing")
    learner: CutOff | None = _figure("T9: people found by a decoder that knows a quarter")
    singled_out: CutOff | None = _figure("T10: encodings that fit fewer than five people")


class AttackGate(Part):
    """Which attack report a submission needs: of the last `fresh_days`, about `least_rows` encodings (or all there are), in which no
    test of `blocking` fails by `cut_offs`. Going past it needs a reason that every data protection officer reads.
    """

    blocking: tuple[Test, ...] | None = None
    cut_offs: AttackCutOffs = AttackCutOffs()
    fresh_days: Annotated[int, Field(ge=1, le=366)] = 31
    least_rows: Annotated[int, Field(ge=1, le=50_000)] = 300

    @property
    def lines(self) -> dict[str, CutOff]:
        """The cut-offs that are set, by name."""
        return {name: cut for name in AttackCutOffs.model_fields if (cut := getattr(self.cut_offs, name)) is not None}
