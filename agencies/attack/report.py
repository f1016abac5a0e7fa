"""The attack report: what was attacked, every finding, the verdict. It holds counts and shares, never a value of a person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from agencies.attack.verdict import CutOffs, Finding, Verdict
from agencies.encoding.comparator import Comparator
from agencies.encoding.harden import Hardening
from agencies.encoding.schema import EncodingSchema
from protocols.signing import SigningKey, VerifyingKey, Wire
from protocols.submission import SHA256

FORMAT = "kinlink-attack-report/1"
_KIND = "kinlink-attack-report+jws"


class Subject(Wire):
    """What was attacked: whose extract, encoded how, under which secret.

    `encoding_sha256` is over the digests of the schemas and the parameters of the hardening, `key_check` the secret's key-check value,
    `records` how many records the extract has.
    """

    agency: str
    protocol: str
    protocol_digest: str = Field(pattern=SHA256)
    epoch: int = Field(ge=1)
    encoding: str
    encoding_sha256: str = Field(pattern=SHA256)
    key_check: str
    records: int = Field(ge=0)
    extract_sha256: str = Field(pattern=SHA256)
    extract_date: date

    def differences(self, other: Subject) -> tuple[str, ...]:
        """In what the other is encoded otherwise, in words; empty if a report about one speaks for the other too."""
        return tuple(words for name, words in _SAME.items() if getattr(self, name) != getattr(other, name))


_SAME = {"agency": "agency", "epoch": "epoch", "encoding_sha256": "schema or hardening", "key_check": "linkage secret"}


class TrendPoint(Wire):
    """The headline index of an earlier report."""

    made_at: AwareDatetime
    encoding: str
    fidelity: float


class AttackReport(Wire):
    """Everything that was found. `rows` were looked at out of `encodings` that are to be sent, in `groups` groups."""

    format: Literal["kinlink-attack-report/1"] = "kinlink-attack-report/1"
    made_at: AwareDatetime
    subject: Subject | None = None
    encoding: str
    encodings: int
    rows: int
    groups: int
    deep: bool
    seed: int
    attacker_list: str
    cut_offs: dict[str, tuple[float, float]]
    blocking: tuple[str, ...]
    verdict: Verdict
    findings: tuple[Finding, ...]
    seconds: float
    history: tuple[TrendPoint, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: what the submission's manifest names."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def finding(self, test: str) -> Finding:
        """The finding of one test, such as `T6`. Raises `KeyError`."""
        for each in self.findings:
            if each.test == test:
                return each
        raise KeyError(test)

    def value(self, test: str, measure: str) -> float:
        """One figure. Raises `KeyError`."""
        for each in self.finding(test).measures:
            if each.name == measure:
                return each.value
        raise KeyError(measure)

    def trend_point(self) -> TrendPoint:
        """This report's point for the next one's trend."""
        return TrendPoint(made_at=self.made_at, encoding=self.encoding, fidelity=self.value("T6", "fidelity"))


def described(parts: Sequence[tuple[EncodingSchema, Hardening]], comparators: Sequence[Comparator] = ()) -> str:
    """The encoding in words: length, features, profile, comparators."""
    words = []
    for schema, hardening in parts:
        profile = f"{hardening.profile}, t = {hardening.t}" if hardening.diffuses else hardening.profile
        words.append(f"{profile}, {hardening.output_length:,} bits, {len(schema.feature_names)} features")
    words += [f"{each.bits} bits of {' and '.join(each.fields).replace('_', ' ')}" for each in comparators]
    return " + ".join(words)


def sign_report(report: AttackReport, key: SigningKey) -> str:
    """The agency's detached signature over the canonical JSON."""
    return key.sign(report.canonical(), detached=True, typ=_KIND)


def open_report(data: bytes, signature: str, key: VerifyingKey) -> AttackReport:
    """Read a signed report. Raises `VerificationError` if it was altered, or signed by somebody else."""
    key.verify(signature.strip(), payload=data, what="attack report's signature")
    return AttackReport.read(data, "attack report")


def blocking_findings(report: AttackReport, cut_offs: CutOffs) -> tuple[Finding, ...]:
    """The findings that stand in the way of a submission: a test that blocks, judged by these cut-offs, fails."""
    return tuple(
        each for each in report.findings if each.test in cut_offs.blocking and each.judged(cut_offs) is Verdict.FAIL
    )
