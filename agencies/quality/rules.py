"""Every defect that `check` can find: its code, how bad it is, and what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`error`: wrong, and something is left out for it; `warning`: probably wrong; `info`: right, but weak evidence."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of defect: what it is, what is done about it here, and what to do about it at the source."""

    code: str
    severity: Severity
    title: str
    effect: str
    remedy: str = "Correct it in the source system."


_OUT = "the record is left out"
_BLANK = "the value is not used"
_KEPT = "used as it is"


def _error(code: str, title: str, effect: str, remedy: str = "Correct it in the source system.") -> Rule:
    return Rule(code, Severity.ERROR, title, effect, remedy)


def _warning(code: str, title: str, effect: str, remedy: str = "Correct it in the source system.") -> Rule:
    return Rule(code, Severity.WARNING, title, effect, remedy)


def _info(code: str, title: str, effect: str, remedy: str = "Nothing has to be done.") -> Rule:
    return Rule(code, Severity.INFO, title, effect, remedy)


_RULES = (
    # References and rows
    _error("REF_MISSING", "no local reference", _OUT),
    _error("REF_SCIENTIFIC", "a reference that a spreadsheet program turned into a power of ten", _OUT,
           "Export again with that column as text."),
    _error("REF_CONFLICT", "one reference on two different people", _OUT,
           "Find out whose reference it is; rows of one reference are read as aliases of one person."),
    _warning("DOB_CONFLICT", "rows of one reference with different dates of birth", "each row becomes an encoding of its own"),
    _warning("ROW_REPEATED", "the same row more than once", "used once"),
    _info("PERSON_TWICE", "the same name and date of birth under two references", _KEPT,
          "Look whether the source system holds this person twice."),
    _warning("ENCODINGS_MANY", "more than 16 spellings and addresses for one record", "the first 16 are used"),
    # Dates of birth
    _warning("DOB_MISSING", "no date of birth", "encoded without it"),
    _error("DOB_UNREADABLE", "a date of birth in none of the formats of the mapping", "used as far as its digits are clear",
           "Correct it, or add its format to `dates` in the mapping."),
    _warning("DOB_PLACEHOLDER", "a date of birth that stands for not known", _BLANK),
    _error("DOB_FUTURE", "a date of birth in the future without an expected date", _BLANK),
    _error("DOB_WITH_EXPECTED_DATE", "both a date of birth and an expected date of birth", "the expected date is ignored",
           "A child has one or the other: delete the expected date once the child is born."),
    _warning("DOB_SWAPPED", "day and month of a date of birth exchanged", "read the other way round"),
    _info("DOB_FIRST_OF_JANUARY", "born on 1 January: often only the year is known", "only the year counts as evidence"),
    _info("DOB_FIFTEENTH", "born on the 15th of a month: often the day is not known", "only month and year count as evidence"),
    _info("DOB_FIRST_OF_MONTH", "born on the 1st of a month: often the day is not known", _KEPT),
    _error("AGE_OVER_110", "older than 110", "the date of birth is not used"),
    _error("ADULT_UNDER_12", "an adult of less than 12 years", "taken as a child"),
    _warning("ADULT_UNDER_18", "an adult of less than 18 years", "taken as a child"),
    _warning("CHILD_OVER_18", "a child of 18 years or more", "taken as an adult"),
    _error("PARENT_TOO_YOUNG", "a parent less than 12 years older than the child", _KEPT),
    # Unborn children
    _error("EXPECTED_DATE_UNREADABLE", "an expected date of birth in none of the formats of the mapping", _BLANK),
    _error("EXPECTED_DATE_TOO_FAR", "an expected date of birth more than 42 weeks ahead", _KEPT),
    _error("UNBORN_NOT_MARKED", "named like an unborn child, without a date of birth, and not marked as one",
           "taken as unborn: not encoded", "Mark the person as unborn, or enter name and date of birth."),
    _error("UNBORN_WITH_DOB", "an unborn child with a date of birth", "taken as unborn: not encoded",
           "Mark the child as born."),
    _error("KIND_UNREADABLE", "adult, child or unborn, in none of the words of the mapping", "taken from the date of birth"),
    # Names
    _error("NAME_MISSING", "neither given nor family name", _OUT),
    _warning("NAME_SINGLE", "only one of given and family name", "encoded with the one"),
    _warning("NAME_PLACEHOLDER", "a word that stands for an unknown name", _BLANK),
    _warning("NAME_PREFIX", "a mark of a system in front of a name", "the mark is taken off"),
    _error("NAME_UNREADABLE", "a name with characters lost in a conversion", _KEPT,
           "Export again as UTF-8, or name the right encoding in the mapping."),
    _warning("NAME_DIGITS", "digits in a name", "the digits are taken off"),
    _info("NAME_COMMENT", "a comment, a second name or a title in a name column", "taken off",
          "Give aliases their own column or row: then they become encodings."),
    _warning("NAME_IN_ONE_COLUMN", "family name and given name in one column, with a comma", _KEPT,
             "Split them, or map the right columns."),
    _warning("NAME_SWAPPED", "given and family name exchanged between rows of one reference",
             "each row becomes an encoding of its own"),
    # Sex, address, postcode, numbers
    _warning("SEX_UNREADABLE", "a sex that is neither male, female nor unknown in any usual form", _BLANK),
    _info("ADDRESS_MISSING", "no address", "encoded without it"),
    _warning("ADDRESS_PLACEHOLDER", "an address that stands for not known", _BLANK),
    _info("NO_FIXED_ABODE", "no fixed abode", "encoded without an address"),
    _info("ADDRESS_SHARED", "an address shared by many unrelated people, such as a hostel", "address and postcode are not used"),
    _info("ADDRESS_FLAT_MISSING", "an address without a flat, in a building of which other rows name the flats", _KEPT,
          "Enter the flat: without it, people of one building look alike."),
    _info("POSTCODE_MISSING", "no postcode", "encoded without it"),
    _warning("POSTCODE_INVALID", "not a postcode", _KEPT),
    _warning("POSTCODE_PLACEHOLDER", "a postcode that stands for not known", _BLANK),
    _error("NHS_NUMBER_FORMAT", "an NHS number that does not have ten digits", _BLANK,
           "If nine digits are left, a spreadsheet program may have taken off a leading zero."),
    _error("NHS_NUMBER_CHECK", "an NHS number with a wrong check digit", _BLANK),
    _error("NHS_NUMBER_SHARED", "one NHS number on two references", _BLANK,
           "Find out whose number it is; it may be one person twice."),
    _error("NHS_NUMBER_CONFLICT", "rows of one reference with different NHS numbers", _BLANK,
           "Find out whether the rows are one person, and which number is the current one."),
    _warning("NHS_NUMBER_SUPERSEDED", "an NHS number that was replaced by another, as the source says", _BLANK,
             "Trace the person, and enter the current number."),
    _warning("NHS_NUMBER_NOT_FOUND", "an NHS number that was not found when the source traced it", _BLANK,
             "Trace the person again."),
    _error("UPN_FORMAT", "a unique pupil number that is not a letter and twelve digits", _BLANK),
    _error("UPN_CHECK", "a unique pupil number with a wrong check letter", _BLANK),
    _error("UPN_SHARED", "one unique pupil number on two references", _BLANK,
           "Find out whose number it is; it may be one person twice."),
    _warning("CRO_PLACEHOLDER", "a criminal records number that stands for not known", _BLANK),
    _error("CRO_FORMAT", "a criminal records number that is not serial number, year and letter", _BLANK),
    _error("CRO_CHECK", "a criminal records number with a wrong check letter", _BLANK),
    _error("CRO_SHARED", "one criminal records number on two references", _BLANK,
           "Find out whose number it is; it may be one person twice."),
    # Flags, holds, values
    _error("FLAG_UNREADABLE", "a flag with a value that the mapping does not know", "taken as yes",
           "Add the value to `yes` in the mapping, or write no, n, 0 or nothing."),
    _error("HOLD_UNKNOWN", "a reason for a hold that is not in the list", "held, with the reason OTHER"),
    _info("DECEASED", "a person who has died", "submitted with that flag"),
    _error("VALUE_REFUSED", "a value that the catalogue does not allow", "the attribute is left out",
           "Correct it, or translate its code in the mapping (`codes`)."),
    _error("VALUE_AS_AT", "a value without a readable as-at date", "the attribute is left out"),
    _error("VALUE_FUTURE", "an as-at date in the future", "the attribute is left out"),
    _error("VALUE_CONFLICT", "two different values of one attribute with the same as-at date", "the attribute is left out"),
    _error("VALUE_PERSONAL", "a postcode, a long number, a telephone number or an e-mail address in a text that is to be shared",
           "the attribute is left out", "Where a person lives or how to ring them never leaves."),
)  # fmt: skip

SEVERITY_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

RULES: dict[str, Rule] = {rule.code: rule for rule in _RULES}


def rules_table() -> str:
    """All rules as a Markdown table: what docs/data-officer.md shows."""
    lines = ["| code | | what is wrong | what is done | what to do |", "|---|---|---|---|---|"]
    lines += [
        f"| `{rule.code}` | {SEVERITY_WORDS[rule.severity]} | {rule.title} | {rule.effect} | {rule.remedy} |"
        for rule in _RULES
    ]
    return "\n".join(lines) + "\n"
