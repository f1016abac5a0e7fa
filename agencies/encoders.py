"""The encoders that a sharing protocol asks for: one for each CLK it names, checked against the test vectors before use."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from agencies.encoding.comparator import CheckEncoder, Comparator
from agencies.encoding.conformance import ConformanceResult, run_conformance
from agencies.encoding.harden import Hardening
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import EncodingSchema, load_schema
from agencies.standardise.person import StandardiseRules
from config.resources import SCHEMAS
from protocols.errors import InputError, ProtocolError
from protocols.load import LoadedProtocol


@dataclass(frozen=True, slots=True)
class NamedEncoding:
    """One CLK of the protocol: its name, its schema, the schema file's SHA-256, its hardening."""

    name: str
    schema: EncodingSchema
    schema_sha256: str
    hardening: Hardening

    def encoder(self, secret: bytes) -> PersonEncoder:
        """An encoder under a linkage secret."""
        return PersonEncoder(self.schema, self.hardening, secret)


def protocol_encodings(protocol: LoadedProtocol, beside: Path | None = None) -> tuple[NamedEncoding, ...]:
    """The encodings of a protocol. A schema is looked for beside the protocol's file, then among those that ship; it must have the
    digest that the protocol names. Raises `InputError`, `ProtocolError`."""
    asked = protocol.document.encoding.hardening
    hardening = Hardening(profile=asked.profile, t=asked.t, length=asked.length)
    found = []
    for clk in protocol.document.encoding.clks:
        data = _schema_bytes(clk.schema_file, beside)
        digest = hashlib.sha256(data).hexdigest()
        if digest != clk.schema_sha256:
            raise ProtocolError(
                f"The linkage schema `{clk.schema_file}` is not the one that `{protocol.label}` names: expected "
                f"{clk.schema_sha256[:12]}…, got {digest[:12]}….",
                next_step="Install the release that goes with the protocol, or put its schema beside the protocol's file.",
            )
        found.append(NamedEncoding(clk.id, load_schema(data), digest, hardening))
    return tuple(found)


def protocol_comparators(protocol: LoadedProtocol) -> tuple[Comparator, ...]:
    """The keyed comparators of a protocol, in its order."""
    named = protocol.document.encoding.comparators
    return tuple(Comparator(each.id, each.fields, each.bits) for each in named)


def check_encoder(protocol: LoadedProtocol, secret: bytes) -> CheckEncoder:
    """What makes the comparators' numbers under a linkage secret."""
    return CheckEncoder(protocol_comparators(protocol), secret)


def check_conformance(protocol: LoadedProtocol, beside: Path | None = None) -> list[tuple[str, ConformanceResult]]:
    """Encode the test vectors with every encoding of the protocol. Nothing is raised for a failure."""
    rules = StandardiseRules(version=f"person-{protocol.document.encoding.standardisation}")
    comparators = protocol_comparators(protocol)
    return [
        (each.name, run_conformance(each.schema, each.hardening, rules=rules, comparators=comparators))
        for each in protocol_encodings(protocol, beside)
    ]


def require_conformance(protocol: LoadedProtocol, beside: Path | None = None) -> None:
    """Refuse to go on with an encoder that does not make the protocol's test vectors. Raises `InputError`."""
    for name, result in check_conformance(protocol, beside):
        failed = [check.name for check in result.checks if not check.passed]
        if failed or not result.passed:
            raise InputError(
                f"This encoder does not make the test vectors of the CLK `{name}`: {', '.join(failed)}. Nothing was made.",
                next_step="Install the release that the protocol names, then run: kinlink agency conformance",
            )


def _schema_bytes(name: str, beside: Path | None) -> bytes:
    for folder in (beside, SCHEMAS):
        if folder is not None and (folder / name).is_file():
            return (folder / name).read_bytes()
    raise InputError(
        f"The linkage schema `{name}` that the protocol names is not there.",
        next_step="Put it beside the protocol's file.",
    )
