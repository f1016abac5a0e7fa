"""The second engine: what Cedar decides, and for which reasons."""

from __future__ import annotations

import json
from collections.abc import Sequence

import cedarpy

from protocols.cedar import cedar_request, compile_to_cedar, item_entity
from protocols.decision import Facts, Request
from protocols.decision_index import GRANT_CONDITIONS, CompiledProtocol, Reason, ReasonCode

Answer = tuple[tuple[str, str, bool] | None, frozenset[Reason]]


class CedarEngine:
    """One protocol in Cedar. Answers with (rule, basis, emergency) or None, and the reasons of a refusal."""

    def __init__(self, protocol: CompiledProtocol) -> None:
        self.protocol = protocol
        compiled = compile_to_cedar(protocol)
        checked = cedarpy.validate_policies(compiled.policies, compiled.schema)
        assert checked.validation_passed, checked.errors
        self.schema = cedarpy.Schema.from_str(compiled.schema)
        self.policies = cedarpy.PolicySet.from_str(compiled.policies)
        self.entities = json.loads(compiled.entities)

    def decide(self, asked: Sequence[tuple[Request, Facts]]) -> list[Answer]:
        """Answer several requests."""
        keys = {(request.agency, request.attribute, request.mode) for request, _ in asked} - set(self.protocol.slots)
        extra = [item_entity(self.protocol, key) for key in keys]
        entities = cedarpy.Entities.from_json_str(json.dumps(self.entities + extra), self.schema)
        requests = [cedar_request(request, facts, why=why) for request, facts in asked for why in (False, True)]
        results = cedarpy.is_authorized_batch(requests, self.policies, entities, self.schema)
        return [self._answer(yes, why) for yes, why in zip(results[::2], results[1::2], strict=True)]

    def _answer(self, yes: cedarpy.AuthzResult, why: cedarpy.AuthzResult) -> Answer:
        assert not yes.diagnostics.errors
        assert not why.diagnostics.errors
        told = [str(name) for name in why.diagnostics.id_annotations_by_reason.values()]
        if yes.allowed:
            names = {str(name) for name in yes.diagnostics.id_annotations_by_reason.values()}
            plain = sorted(name for name in names if not name.endswith("!"))
            assert len(plain or names) == 1, names
            name = (plain or sorted(names))[0]
            bases = [t.partition("@")[2] for t in told if t.startswith(f"{name.removesuffix('!')}@")]
            assert len(bases) == 1
            return (name.removesuffix("!"), bases[0], name.endswith("!")), frozenset()
        return None, frozenset(self._reasons(told))

    def _reasons(self, told: Sequence[str]) -> set[Reason]:
        reasons = {Reason(ReasonCode(t.partition("#")[2]), t.partition("#")[0]) for t in told if "#" in t}
        unmet = {reason for reason in reasons if reason.code in GRANT_CONDITIONS}
        covering = {t.partition("@")[0].partition("#")[0] for t in told}
        served = {rule for rule in covering if any(t.startswith(f"{rule}@") for t in told)}
        applying = served - {reason.rule for reason in unmet}
        return reasons - unmet if applying else reasons
