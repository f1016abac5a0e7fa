"""Groups by which link quality is reported: sex, age band, and the likely origin of a name.

The origin of a name is guessed from its spelling, for a report about the linkage and for nothing else. It is coarse, it is
about names and not about people, and it is never stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from anyascii import anyascii

from config.county.names import ORIGINS
from kinlink.evaluate_folder import FolderRecord

OTHER = "other or unknown"
_BANDS = ((18, "under 18"), (30, "18 to 29"), (50, "30 to 49"), (70, "50 to 69"), (130, "70 and over"))

# Endings and beginnings of family names, tried in order; whole names come from the county's lists first.
_SPELLINGS = (
    ("iberian", re.compile(r"(?:ez|eiro|eira|illo|illa|ales|inho)$|^de(?:la|los)(?=[bcdfglmprstv])")),
    ("eastern-european", re.compile(r"(?:ski|ska|sky|wicz|vich|ovic|escu|enko|ova|eva|czyk|cki|cka)$")),
    ("irish", re.compile(r"^(?:mc|mac(?=[cdglmn])|o(?=(?:brien|neill|connor|sullivan|reilly|donnell|hara|keefe)))")),
    ("south-asian-other", re.compile(r"(?:singh|kaur|patel|sharma|gupta|reddy)$")),
    ("south-asian-muslim", re.compile(r"(?:khan|ahmed|hussain|begum|uddin|chowdhury)$")),
    ("west-african", re.compile(r"^(?:ade|olu|oko|chuk|nwa|osei|mensa|boat|ow[uo])")),
    ("east-asian", re.compile(r"^(?:nguyen|tran|pham|zhang|huang|nakamura|tanaka|kim|park|choi)$")),
)


def divisions(year: int) -> dict[str, Callable[[FolderRecord], str]]:
    """What divides people, by name: a function from a record to its group. `year` is that of the extracts."""
    return {"sex": _sex, "age": lambda record: _age(record, year), "origin of name": _origin}


def _sex(record: FolderRecord) -> str:
    return {"m": "male", "f": "female"}.get(record.person.sex, "unknown")


def _age(record: FolderRecord, year: int) -> str:
    born = record.person.date_of_birth[:4]
    if not born.isdecimal():
        return "unknown"
    return next((band for limit, band in _BANDS if year - int(born) < limit), "unknown")


def _origin(record: FolderRecord) -> str:
    return origin_of(record.person.given_name, record.person.family_name)


@cache
def _listed() -> dict[str, str]:
    """Family and given names to the one origin in whose lists they stand."""
    found: dict[str, str] = {}
    for origin, names in ORIGINS.items():
        for name in (*names.families, *names.women, *names.men, *names.girls, *names.boys):
            key = _plain(name)
            found[key] = origin if found.get(key, origin) == origin else ""
    return found


def origin_of(given: str, family: str) -> str:
    """The likely origin of a name: the family name first, then the given name."""
    whole = _plain(family)
    listed = _listed().get(whole)
    if listed:
        return listed
    for origin, spelling in _SPELLINGS:
        if spelling.search(whole):
            return origin
    return _listed().get(_plain(given)) or OTHER


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", anyascii(name).lower())
