"""A decision made again, as of its time, in words: the rule, the version, what was so, and why others did not apply."""

from __future__ import annotations

from typing import Final

from protocols.decision import considered, decide
from protocols.decision_inputs import FLAGS, FRESH, Remembered
from protocols.load import LoadedProtocol
from protocols.sentences import decision_sentences, reason_sentence

_FRESH_WORDS: Final = {
    "protocol_fresh": "the sharing protocol is stale",
    "stage_fresh": "the children's stages are stale",
    "role_fresh": "the allocations are stale",
}


def why_text(item: Remembered, loaded: LoadedProtocol) -> str:
    """One decision made again, in words; several lines."""
    request, facts, protocol = item.request, item.facts, loaded.compiled
    so = [name.replace("_", " ") for name in FLAGS if getattr(facts, name)]
    so += [_FRESH_WORDS[name] for name in FRESH if not getattr(facts, name)]
    children = ", ".join(
        f"{tie.stage}{f' ({tie.relationship}, {tie.contact})' if tie.relationship else ''}"
        f"{', expected' if tie.expecting else ''}"
        for tie in facts.children
    )
    lines = [
        f"Asked {request.at.isoformat()} under {loaded.label} ({loaded.digest[:16]}…): `{request.attribute or request.mode}` of "
        f"`{request.agency}` by `{request.role_function}` for {request.purpose}; "
        f"{'on' if request.allocated else 'not on'} the case; {'their own client' if request.own_client else 'not their own client'}.",
        f"The person: {facts.kind}; children: {children or 'none'}; link: {facts.grade or 'none'}; consent: {facts.consent}; "
        f"{', '.join(so) or 'nothing flagged'}.",
        *decision_sentences(loaded.document, decide(request, facts, protocol)),
    ]
    for other in considered(request, facts, protocol):
        if other.unmet:
            lines.append(
                f"Not `{other.rule}`: {'; '.join(reason_sentence(r).partition(': ')[2] for r in other.unmet)}."
            )
    return "\n".join(lines) + "\n"
