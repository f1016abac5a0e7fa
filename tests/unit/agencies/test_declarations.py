"""Families and consents: what is declared, what is refused with file and row, and that a suppressed member leaves no trace."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from agencies.declarations import Known, build_consents, build_families, check_parents, read_declarations
from agencies.quality.findings import Findings
from protocols.errors import InputError, KinlinkError
from protocols.family import ConsentRecord, FamilyDeclaration
from protocols.vocabulary import Kind, Stage

FILES = {
    "families.csv": "family_ref,aliases,opened,closed\nWB-1,WB-0|WB-00,2026-01-05,\nWB-2,,2026-02-05,\n",
    "members.csv": (
        "family_ref,member_ref,role,kind,stage,stage_since,expected_date,mother_ref,joined,left\n"
        "WB-1,M1,MOTHER,ADULT,,,,,2026-01-05,\n"
        "WB-1,F1,FATHER,ADULT,,,,,2026-01-05,\n"
        "WB-1,C1,CHILD,CHILD,CP,2026-03-01,,,2026-01-05,\n"
        "WB-1,U1,UNBORN,UNBORN,PLO,2026-09-01,2027-01-20,M1,2026-09-01,\n"
        "WB-2,F1,FATHER,ADULT,,,,,2026-02-05,\n"
        "WB-2,C2,CHILD,CHILD,CIN,2026-02-05,,,2026-02-05,\n"
    ),
    "relationships.csv": (
        "family_ref,adult_ref,child_ref,relationship,contact\n"
        "WB-1,M1,C1,PARENT,LIVES_WITH\nWB-1,F1,C1,STEP_PARENT,NO_CONTACT\nWB-2,F1,C2,PARENT,REGULAR_CONTACT\n"
    ),
    "allocations.csv": (
        "family_ref,worker,role_function,for_ref,from,until\n"
        "WB-1,w-1,social-worker,,2026-01-05,\nWB-1,w-2,da-perpetrator-officer,F1,2026-01-05,\n"
    ),
    "consents.csv": (
        "member_ref,given_by_ref,capacity,scope,purpose,notice_version,method,status,given_at,expires_at,withdrawn_at\n"
        "F1,F1,ADULT,recovery.episode|recovery.attendance_90d,family-support,v3,in-person,GIVEN,2026-05-01T10:00:00+01:00,,\n"
        "M1,,ADULT,recovery.episode,family-support,v3,in-person,REFUSED,2026-05-01T10:00:00+01:00,,\n"
    ),
}
KNOWN = {
    "M1": Known(Kind.ADULT, date(1998, 2, 14)),
    "F1": Known(Kind.ADULT, date(1995, 6, 15)),
    "C1": Known(Kind.CHILD, date(2021, 9, 3)),
    "C2": Known(Kind.CHILD, date(2019, 9, 3)),
    "U1": Known(Kind.UNBORN),
}
CATALOGUE = frozenset({"recovery.episode", "recovery.attendance_90d"})


def keyed(local: str) -> str:
    return f"keyed-{local}"


def declared(
    folder: Path, known: dict[str, Known] = KNOWN, suppressed: frozenset[str] = frozenset(), **changed: tuple[str, str]
) -> tuple[list[FamilyDeclaration], list[ConsentRecord]]:
    for name, text in FILES.items():
        old, new = changed.get(name.removesuffix(".csv"), ("", ""))
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
    read = read_declarations(folder)
    return build_families(read, known, suppressed, keyed), build_consents(read, known, suppressed, keyed, CATALOGUE)


def test_families_are_declared_with_keyed_references(tmp_path: Path) -> None:
    (first, second), (consent, refusal) = declared(tmp_path)
    assert first.family_ref == "WB-1"
    assert first.aliases == ("WB-0", "WB-00")
    assert [member.record_ref for member in first.members] == ["keyed-M1", "keyed-F1", "keyed-C1", "keyed-U1"]
    assert [member.stage for member in first.members] == [None, None, Stage.CP, Stage.PLO]
    assert first.members[3].mother_ref == "keyed-M1"
    assert first.relationships[1].adult_ref == "keyed-F1"
    assert first.allocations[1].for_ref == "keyed-F1"
    assert [member.record_ref for member in second.members] == ["keyed-F1", "keyed-C2"]
    assert consent.scope == ("recovery.episode", "recovery.attendance_90d")
    assert refusal.given_by_ref == refusal.subject_ref == "keyed-M1"


def test_a_suppressed_member_leaves_no_trace(tmp_path: Path) -> None:
    whole, consents = declared(tmp_path, {k: v for k, v in KNOWN.items() if k != "F1"}, frozenset({"F1"}))
    text = "".join(each.model_dump_json() for each in (*whole, *consents))
    assert "F1" not in text
    assert [len(family.members) for family in whole] == [3, 1]
    assert [len(family.allocations) for family in whole] == [1, 0]
    assert [consent.subject_ref for consent in consents] == ["keyed-M1"]


def test_an_unborn_child_goes_with_a_suppressed_mother_and_a_family_without_members_is_not_declared(
    tmp_path: Path,
) -> None:
    known = {k: v for k, v in KNOWN.items() if k in ("F1", "C1")}
    families, _ = declared(tmp_path, known, frozenset({"M1", "C2"}))
    assert [[m.record_ref for m in family.members] for family in families] == [["keyed-F1", "keyed-C1"], ["keyed-F1"]]
    families, _ = declared(tmp_path, {"M1": KNOWN["M1"], "C1": KNOWN["C1"], "U1": KNOWN["U1"]}, frozenset({"F1", "C2"}))
    assert [family.family_ref for family in families] == ["WB-1"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"members": ("WB-1,C1", "WB-1,C9")}, r"`members.csv`, row 4: the member `C9` is not in the extract"),
        (
            {"members": ("2027-01-20,M1", "2027-01-20,M9")},
            r"`members.csv`, row 5: the member `M9` is not in the extract",
        ),
        ({"members": ("WB-2,C2", "WB-9,C2")}, r"`members.csv`, row 7: the family `WB-9` is not in `families.csv`"),
        ({"members": ("MOTHER,ADULT", "MUM,ADULT")}, r"`members.csv`, row 2: `role`"),
        ({"members": ("CHILD,CP", "CHILD,")}, r"`members.csv`, row 4: a child or unborn child has a stage"),
        ({"members": (",,,,2026-01-05,\n", ",,,,soon,\n")}, r"`members.csv`, row 2: `joined`"),
        (
            {"families": ("WB-2,,", "WB-1,,2026-01-05,\nWB-2,,")},
            r"`families.csv`, row 3: the family `WB-1` is declared twice",
        ),
        (
            {"families": ("WB-2,,2026-02-05,", "WB-2,,2026-02-05,\nWB-3,,2026-02-05,")},
            r"row 4: the family `WB-3` has no members",
        ),
        ({"families": ("WB-1,", "wb1,")}, r"`members.csv`, row 2: the family `WB-1` is not in"),
        ({"families": ("aliases", "alias")}, r"`families.csv` must have exactly the columns .*missing: `aliases`"),
        (
            {"relationships": ("WB-1,M1,C1", "WB-1,M1,C2")},
            r"`relationships.csv`, row 2: `C2` is not a member of the family `WB-1`",
        ),
        (
            {"relationships": ("WB-1,M1,C1", "WB-1,C1,M1")},
            r"`families.csv`, row 2: a mother, an adult of a relationship",
        ),
        ({"relationships": ("NO_CONTACT", "SOMETIMES")}, r"`relationships.csv`, row 3: `contact`"),
        ({"allocations": ("w-2,da-perp", "Jane Doe,da-perp")}, r"`allocations.csv`, row 3: `worker`"),
        ({"allocations": (",F1,", ",C2,")}, r"`allocations.csv`, row 3: `C2` is not a member"),
        ({"consents": ("recovery.episode|", "mh.notes|")}, r"`consents.csv`, row 2: `mh.notes` is not an attribute"),
        (
            {"consents": ("F1,F1,ADULT", "F1,M1,ADULT")},
            r"`consents.csv`, row 2: an adult or a competent child consents for themselves",
        ),
        (
            {"consents": ("F1,F1,ADULT", "Z1,Z1,ADULT")},
            r"`consents.csv`, row 2: the reference `Z1` is not in the extract",
        ),
        ({"consents": ("+01:00", "")}, r"`consents.csv`, row 2: `given_at`"),
        ({"consents": (",GIVEN,", ",WITHDRAWN,")}, r"`consents.csv`, row 2: a withdrawn consent has its time"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_row(
    tmp_path: Path, changed: dict[str, tuple[str, str]], said: str
) -> None:
    with pytest.raises(KinlinkError, match=said):
        declared(tmp_path, **changed)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name, text in FILES.items():
        if name != "members.csv":
            (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=r"`members.csv` is missing"):
        read_declarations(tmp_path)


def test_an_agency_without_families_has_none(tmp_path: Path) -> None:
    read = read_declarations(tmp_path)
    assert build_families(read, {}, frozenset(), keyed) == []
    assert build_consents(read, {}, frozenset(), keyed, CATALOGUE) == []


def test_a_parent_who_is_hardly_older_than_the_child_is_noted(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    read, findings = read_declarations(tmp_path), Findings()
    check_parents(read, KNOWN, findings)
    assert not findings.codes()
    check_parents(read, {**KNOWN, "M1": Known(Kind.ADULT, date(2010, 2, 14))}, findings)
    (found,) = findings
    assert (found.rule.code, found.column, found.rows) == ("PARENT_TOO_YOUNG", "relationships.csv", (2,))
