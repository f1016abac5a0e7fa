"""Names that are not names."""

from __future__ import annotations

import re

from agencies.standardise.names import in_ascii, letters, says_no_name, without_titles
from agencies.standardise.rules import StandardiseRules

_PREFIX = re.compile(r"^\s*(?:mig[_ ]error|no[_ ]show|duplicate|dup|do[_ ]not[_ ]use|merged)[_ :-]", re.IGNORECASE)
# U+FFFD, a question mark inside a name, and UTF-8 that was read as Windows-1252 or Latin-1 (Ã©, â€™).
_LOST = re.compile(r"\ufffd|\w\?|[\u00c2\u00c3][\u0080-\u00bf\u0152-\u2122]|\u00e2\u20ac")
_COMMENT = re.compile(r"[(\[]|\b(?:a\.?k\.?a|n[eé]e|formerly|known as)\b", re.IGNORECASE)
_COMMA = re.compile(r"\w\s*,\s*\w")
_UNBORN = re.compile(r"\bunborn\b|\bfo?etus\b|^bump\b", re.IGNORECASE)
_BABY = re.compile(
    r"^\s*(?:baby|newborn|infant)\b|\bbaby$|^\s*(?:boy|girl|twin|triplet)(?:\s+(?:of\b|[12ab]\b)|\s*$)|^\s*b/o\b",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(r"^[\s.\-_/*?x]*$", re.IGNORECASE)


def name_defects(name: str, given: bool, rules: StandardiseRules) -> tuple[str, ...]:
    """The codes of what is wrong with one name as typed; nothing for a blank one."""
    if not name.strip():
        return ()
    placeholders = frozenset(rules.placeholder_given_names if given else rules.placeholder_family_names)
    found = []
    if _PREFIX.match(name):
        found.append("NAME_PREFIX")
        name = _PREFIX.sub("", name)
    if _LOST.search(name):
        found.append("NAME_UNREADABLE")
    if _NO_VALUE.match(name) or says_no_name(in_ascii(name).strip(), placeholders):
        found.append("NAME_PLACEHOLDER")
        return tuple(found)
    if any(character.isdigit() for character in name):
        found.append("NAME_DIGITS")
    if _COMMA.search(name):
        found.append("NAME_IN_ONE_COLUMN")
    elif _COMMENT.search(name) or _has_title(name):
        found.append("NAME_COMMENT")
    return tuple(found)


def sounds_unborn(given: str, family: str) -> bool:
    """Whether a name is what people write for a child that is not born or not named yet."""
    return bool(_UNBORN.search(given) or _UNBORN.search(family) or _BABY.search(given))


def _has_title(name: str) -> bool:
    plain = in_ascii(name)
    return letters(without_titles(plain)) != letters(plain)
