"""The rules of standardising, as plain values: they stand in the sharing protocol, so every agency applies the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from protocols.errors import InputError

RULES_VERSION = "person-1"

# What is left of a date of birth of which a part is habit, not knowledge: the number of leading YYYYMMDD digits.
WEAK_DATES = {
    "first-of-january": 4,  # the year is known, day and month were filled in
    "fifteenth-of-month": 6,  # children's social care writes an unknown day as the 15th
    "first-of-month": 6,
}

_PLACEHOLDERS = {
    "placeholder-name": ("placeholder_given_names", "placeholder_family_names"),
    "placeholder-date": ("placeholder_dates",),
    "placeholder-place": ("placeholder_addresses", "placeholder_postcodes"),
}
# A shared address is known only from the whole extract: whoever reads the extract takes it out.
_KINDS = frozenset({*WEAK_DATES, *_PLACEHOLDERS, "shared-address"})


@dataclass(frozen=True, slots=True)
class StandardiseRules:
    """Which spellings of a date to try, which values mean "not known", and what counts as weak evidence.

    Placeholders are compared after everything but letters and digits is gone and in lower case. `nicknames` turns the nickname list on.
    """

    version: str = RULES_VERSION
    date_formats: tuple[str, ...] = (
        "%Y-%m-%d",
        "%d/%m/%Y",
        "%d-%m-%Y",
        "%d.%m.%Y",
        "%Y%m%d",
        "%d %b %Y",
        "%d %B %Y",
        "%d-%b-%Y",
    )
    placeholder_given_names: tuple[str, ...] = (
        "adult", "anonymous", "baby", "babyboy", "babygirl", "boy", "child", "dad", "daughter", "father", "female", "firstname",
        "forename", "girl", "givenname", "husband", "infant", "lady", "ladyofthehouse", "male", "man", "manofthehouse", "mother",
        "mum", "newborn", "nfn", "nil", "nk", "noname", "none", "notgiven", "notknown", "notprovided", "notrecorded",
        "notstated", "null", "partner", "person", "refused", "resident", "son", "spouse", "tba", "tbc", "test", "triplet", "twin",
        "unborn", "unknown", "unnamed", "unspecified", "wife", "woman", "womanofthehouse",
    )  # fmt: skip
    placeholder_family_names: tuple[str, ...] = (
        "anonymous", "familyname", "ladyofhouse", "ladyofthehouse", "lastname", "manofhouse", "manofthehouse", "nil", "nk",
        "nln", "noname", "none", "notgiven", "notknown", "notprovided", "notrecorded", "notstated", "null", "refused", "surname", "tba", "tbc", "test", "unborn", "unknown", "unnamed",
        "unspecified",
    )  # fmt: skip
    placeholder_dates: tuple[str, ...] = (
        "17530101", "18991230", "18991231", "19000101", "19010101", "19111111", "11111111", "19700101", "99991231", "99999999",
    )  # fmt: skip
    placeholder_addresses: tuple[str, ...] = (
        "addressnotknown", "addressunknown", "careof", "homeless", "na", "nfa", "nil", "nk", "nofixedabode", "nofixedaddress",
        "none", "notgiven", "notknown", "notprovided", "notrecorded", "notstated", "null", "ofnofixedabode", "refused",
        "roughsleeping", "tba", "tbc", "unknown", "unspecified", "xx", "xxx",
    )  # fmt: skip
    placeholder_postcodes: tuple[str, ...] = ("NF11NF", "NF11FA", "ZZ99", "XX", "AA11AA", "A11AA")
    weak_dates: tuple[str, ...] = ("first-of-january", "fifteenth-of-month")
    nicknames: bool = False

    def __post_init__(self) -> None:
        if self.version != RULES_VERSION:
            raise InputError(
                f"This encoder standardises by `{RULES_VERSION}`; the protocol asks for `{str(self.version)[:40]}`.",
                next_step="Install the release that the protocol names.",
            )
        unknown = [kind for kind in self.weak_dates if kind not in WEAK_DATES]
        if unknown:
            raise InputError(
                f"There is no weak kind of date `{str(unknown[0])[:40]}`.", next_step=f"Use {', '.join(WEAK_DATES)}."
            )
        if not self.date_formats:
            raise InputError("Standardising needs at least one date format.", next_step="Add one, such as `%Y-%m-%d`.")

    @classmethod
    def for_protocol(
        cls, version: str, weak_evidence: Iterable[str], date_formats: Iterable[str] = ()
    ) -> StandardiseRules:
        """The rules for a sharing protocol's version of standardising and its list of weak evidence.

        A kind that the list does not name counts as evidence: its placeholders, or its days and months, are then kept. `date_formats`
        are the source's own and come before the usual ones. Raises `InputError` for an unknown version or kind.
        """
        kinds = frozenset(str(kind) for kind in weak_evidence)
        unknown = sorted(kinds - _KINDS)
        if unknown:
            raise InputError(
                f"There is no kind of weak evidence `{unknown[0][:40]}`.", next_step=f"Use {', '.join(sorted(_KINDS))}."
            )
        rules = cls(version=version)
        without: dict[str, Any] = {
            field: () for kind, placeholders in _PLACEHOLDERS.items() if kind not in kinds for field in placeholders
        }
        return replace(
            rules,
            weak_dates=tuple(kind for kind in WEAK_DATES if kind in kinds),
            date_formats=tuple(dict.fromkeys((*date_formats, *rules.date_formats))),
            **without,
        )
