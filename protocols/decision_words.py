"""A decision as it is kept, as JSON text: `[mode, attribute, "granted", rule, basis, stage, break_glass, facts]` or
`[mode, attribute, "refused", [reasons], facts]`, where `facts` is the place of its facts in a list.

What of it is so whatever the record is, is written once with the ground that it stands on.
"""

from __future__ import annotations

from collections.abc import Iterable
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from protocols.decision import Decision, Granted, Ground
from protocols.decision_index import Reason
from protocols.vocabulary import Mode


class Words(NamedTuple):
    """The text of every decision on one ground: if it is granted, and of a refusal before and after what stands against the record."""

    granted: str | None
    before: str
    after: str

    def decision(self, against: str, facts: int) -> str:
        """The text of one decision; `against` is what `listed` made of what stands against the record."""
        if self.granted is not None and not against:
            return f"{self.granted}{facts}]"
        return f"{(self.before + against + self.after).rstrip(',')}],{facts}]"


def words_of(mode: Mode, attribute: str | None, ground: Ground) -> Words:
    """The words of the decisions on a ground."""
    asked = _asked(mode, attribute)
    granted = None if ground.granted is None else f"{asked}{_granted(ground.granted)},"
    return Words(granted, f'{asked}"refused",[{listed(ground.before)}', listed(ground.after))


def decision_text(mode: Mode, attribute: str | None, decision: Decision, facts: int) -> str:
    """The text of a decision that stands alone."""
    if isinstance(decision, Granted):
        return f"{_asked(mode, attribute)}{_granted(decision)},{facts}]"
    return f'{_asked(mode, attribute)}"refused",[{listed(decision.reasons).rstrip(",")}],{facts}]'


def listed(reasons: Iterable[Reason]) -> str:
    """Reasons as items of a list, a comma after each."""
    return "".join([f"{quoted(f'{reason.code}:{reason.rule}')}," for reason in reasons])


def _asked(mode: Mode, attribute: str | None) -> str:
    return f"[{quoted(mode)},{quoted(attribute) if attribute else 'null'},"


def _granted(granted: Granted) -> str:
    widened = "true" if granted.break_glass else "false"
    return f'"granted",{quoted(granted.rule)},{quoted(granted.basis)},{quoted(granted.stage)},{widened}'
