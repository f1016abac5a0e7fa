"""Names: letters a to z, with titles, comments and placeholders taken out."""

from __future__ import annotations

import re

from anyascii import anyascii

_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "master", "rev", "sir", "dame", "prof"})
_SUFFIXES = frozenset({"jr", "jnr", "sr", "snr", "ii", "iii"})
_MARK = re.compile(r"^(?:mig[_ ]error|no[_ ]show|duplicate|dup|do[_ ]not[_ ]use|merged)[_ :-]+", re.IGNORECASE)
_COMMENT = re.compile(r"\([^)]*\)?|\[[^\]]*\]?")
_ALSO = re.compile(r"(?<=\w)[\s,;]+(?:a\.?k\.?a|n[eé]e|formerly|known as)\b.*$", re.IGNORECASE)
_BABY_OF = re.compile(r"^(?:baby|newborn|unborn|infant)\b|^(?:boy|girl|twin|triplet)\s+of\b|^b\s*/\s*o\b")
_NOT_APPLICABLE = re.compile(r"^n\s*[/.]\s*[ak]\.?$")
_SPLIT = re.compile(r"[\s_/,.;:+&-]+")
_NOT_LETTERS = re.compile(r"[^a-z]")
_FILLERS = frozenset({"of", "the", "in", "no", "house", "household", "to"})
_REPEATED = re.compile(r"^(.)\1\1+$")


def without_comment(text: str) -> str:
    """Migration marks at the front, comments in brackets, "née …" and "aka …" at the end: gone."""
    return _ALSO.sub("", _COMMENT.sub(" ", _MARK.sub("", text.strip()))).strip()


def in_ascii(text: str) -> str:
    """Diacritics off and other scripts transliterated (anyascii's tables), in lower case."""
    return (text if text.isascii() else anyascii(text)).lower()


def without_titles(text: str) -> str:
    """Titles at the front and generation marks at the end: gone, unless nothing else is there."""
    words = [word for word in _SPLIT.split(text) if word]
    while len(words) > 1 and words[0] in _TITLES:
        words.pop(0)
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return " ".join(words)


def letters(text: str) -> str:
    """Letters only. The parts of a name are joined, so "O'Neill", "O Neill" and "Oneill" are one, as are the "van der" names."""
    return _NOT_LETTERS.sub("", text)


def says_no_name(text: str, placeholders: frozenset[str]) -> bool:
    """Whether a lower-case name says that there is none: listed words, fillers and numbers only, one letter
    repeated, or "baby of …"."""
    words = [word for word in map(letters, text.split()) if word]
    if not words or _NOT_APPLICABLE.match(text.strip()):
        return True
    plain = "".join(words)
    if plain in placeholders or _REPEATED.match(plain):
        return True
    telling = [word for word in words if word not in _FILLERS]
    if telling and all(word in placeholders for word in telling):
        return True
    return "baby" in placeholders and _BABY_OF.match(text) is not None
