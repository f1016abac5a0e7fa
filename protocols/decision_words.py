"""Decisions as they are kept, as JSON text: `[mode, attribute, "granted", rule, basis, stage, break_glass, facts]` or
`[mode, attribute, "refused", [reasons], facts]`, where `facts` is the place of their facts in a list.

What of it is so whatever the record is, is written once with the grounds that the decisions stand on; only what stands against a
record, and the place of its facts, are put in each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring as quoted

from protocols.decision import Decision, Granted, Ground
from protocols.decision_index import Reason
from protocols.vocabulary import Mode

# Where something is put in later: characters that no JSON text has.
_ANYWHERE, _IN_ITS_PLACE, _FACTS = "\x00", "\x01", "\x02"


class Words:
    """The text of decisions about one record. `against` is what stands against it where a protected place is not told of, and where it is."""

    def __init__(self, asked: Sequence[tuple[Mode, str | None, Ground]]) -> None:
        cases = [(anywhere, in_its_place) for anywhere in (False, True) for in_its_place in (False, True)]
        self._texts = {case: ",".join([_text(*each, *case) for each in asked]) for case in cases}

    def text(self, anywhere: str, in_its_place: str, facts: int) -> str:
        """The decisions, a comma between them, given what `listed` made of what stands against the record."""
        text = self._texts[anywhere != "", in_its_place != ""]
        return text.replace(_ANYWHERE, anywhere).replace(_IN_ITS_PLACE, in_its_place).replace(_FACTS, str(facts))


def decision_text(mode: Mode, attribute: str | None, decision: Decision, facts: int) -> str:
    """The text of a decision that stands alone."""
    if isinstance(decision, Granted):
        return f"{_asked(mode, attribute)}{_granted(decision)},{facts}]"
    return f'{_asked(mode, attribute)}"refused",[{listed(decision.reasons)}],{facts}]'


def listed(reasons: Iterable[Reason]) -> str:
    """Reasons as the items of a list."""
    return ",".join([quoted(f"{reason.code}:{reason.rule}") for reason in reasons])


def _text(mode: Mode, attribute: str | None, ground: Ground, anywhere: bool, in_its_place: bool) -> str:
    """One decision on its ground, where something stands against the record or nothing does."""
    barred = in_its_place if ground.located else anywhere
    if ground.granted is not None and not barred:
        return f"{_asked(mode, attribute)}{_granted(ground.granted)},{_FACTS}]"
    against = (_IN_ITS_PLACE if ground.located else _ANYWHERE) if barred else ""
    reasons = ",".join(filter(None, (listed(ground.before), against, listed(ground.after))))
    return f'{_asked(mode, attribute)}"refused",[{reasons}],{_FACTS}]'


def _asked(mode: Mode, attribute: str | None) -> str:
    return f"[{quoted(mode)},{quoted(attribute) if attribute else 'null'},"


def _granted(granted: Granted) -> str:
    widened = "true" if granted.break_glass else "false"
    return f'"granted",{quoted(granted.rule)},{quoted(granted.basis)},{quoted(granted.stage)},{widened}'
