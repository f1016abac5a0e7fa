"""Addresses and postcodes: one spelling for street words, none for placeholders."""

from __future__ import annotations

import re

# Long form to short form, British and American. "Saint" and "street" share theirs, as they do on envelopes.
_SHORT = {
    "alley": "aly", "apartment": "apt", "apartments": "apts", "avenue": "ave", "av": "ave", "boulevard": "blvd", "bungalow": "bung",
    "circle": "cir", "close": "cl", "cottage": "cott", "court": "ct", "crescent": "cres", "crst": "cres", "drive": "dr", "drv": "dr",
    "east": "e", "estate": "est", "flat": "flt", "garden": "gdns", "gardens": "gdns", "green": "grn", "grove": "gr",
    "heights": "hts", "highway": "hwy", "house": "hse", "lane": "ln", "lodge": "ldg", "mount": "mt", "north": "n", "northeast": "ne",
    "northwest": "nw", "park": "pk", "parkway": "pkwy", "place": "pl", "road": "rd", "saint": "st", "south": "s",
    "southeast": "se", "southwest": "sw", "square": "sq", "street": "st", "str": "st", "suite": "ste", "terrace": "ter", "terr": "ter",
    "trail": "trl", "unit": "unit", "villas": "vls", "walk": "wlk", "way": "way", "west": "w", "wharf": "whf",
}  # fmt: skip
_SILENT = re.compile(r"\b(?:number|num|no) (?=[0-9])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_APOSTROPHE = re.compile(r"['’`]")
_NOT_CODE = re.compile(r"[^A-Z0-9]")


def shortened(text: str) -> str:
    """Lower-case words and numbers, one space apart, with street words in their short form."""
    plain = _NOT_WORD.sub(" ", _APOSTROPHE.sub("", text))
    return " ".join(_SHORT.get(word, word) for word in _SILENT.sub("", plain).split())


def says_no_address(text: str, placeholders: frozenset[str]) -> bool:
    """Whether an address, its spaces taken out, is a listed placeholder, or "no fixed abode" with a remark after it."""
    joined = text.replace(" ", "")
    return joined in placeholders or ("nofixedabode" in placeholders and joined.startswith("nofixed"))


def code(text: str) -> str:
    """A postcode in upper case, letters and digits only."""
    return _NOT_CODE.sub("", text.upper())


def says_no_postcode(text: str, placeholders: tuple[str, ...]) -> bool:
    """Whether a postcode is a listed placeholder, or lies in a listed placeholder area of four characters or fewer."""
    return text in placeholders or any(len(p) <= 4 and text.startswith(p) for p in placeholders)
