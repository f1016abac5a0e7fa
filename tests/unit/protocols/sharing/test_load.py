"""A document that is wrong is refused whole, with every error at its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from protocols.errors import ProtocolError
from protocols.load import DocumentError, LoadedProtocol, canonical_json, load_protocol, load_protocol_text, read_yaml

LINE = re.compile(r"^hertfordshire\.yaml:(\d+):(\d+): ([a-z0-9-]+): .+")
GRANT = "  - id: recovery-episode\n"


KEPT = (
    "csc-existence",
    "csc-unborn",
    "police-conference",
    "recovery-existence",
    "recovery-episode",
    "mh-care",
    "mh-existence",
)


@pytest.fixture(scope="module")
def text(text: str) -> str:
    """The shipped text with a few of its grants: enough to be wrong in every way, and quicker to read."""
    start, end = text.index("grants:\n") + len("grants:\n"), text.index("\nprohibitions:\n")
    grants = re.split(r"(?m)^(?=  - id: )", text[start:end])
    kept = [grant for grant in grants if (found := re.match(r"  - id: (\S+)", grant)) and found[1].startswith(KEPT)]
    return text[:start] + "".join(kept) + text[end:]


def refused(text: str) -> tuple[str, ...]:
    """The lines of errors."""
    with pytest.raises(DocumentError) as error:
        load_protocol_text(text, "hertfordshire.yaml")
    assert all(LINE.match(line) for line in error.value.lines), error.value.lines
    return error.value.lines


def in_grant(text: str, old: str, new: str, grant: str = GRANT) -> str:
    """The text with one line of one grant changed."""
    start = text.index(grant)
    end = text.find("\n  - id: ", start + len(grant))
    part = text[start:end]
    assert part.count(old) == 1, (old, part)
    return text[:start] + part.replace(old, new) + text[end:]


def test_the_trimmed_text_loads(text: str) -> None:
    assert len(load_protocol_text(text, "x").document.grants) > len(KEPT)


def test_its_canonical_json_is_a_protocol_file_too(loaded: LoadedProtocol) -> None:
    again = load_protocol_text(canonical_json(loaded.document).decode(), "x.json")
    assert (again.digest, again.document) == (loaded.digest, loaded.document)


def test_errors_in_json_have_their_place_too(loaded: LoadedProtocol) -> None:
    wrong = json.dumps(json.loads(canonical_json(loaded.document)) | {"version": 0}, indent=1)
    with pytest.raises(DocumentError) as error:
        load_protocol_text(wrong, "hertfordshire.yaml")
    line = wrong.splitlines().index(' "version": 0') + 1
    assert error.value.lines[0].startswith(f"hertfordshire.yaml:{line}:2: value: `version`")
    with pytest.raises(DocumentError, match="duplicate key `id`"):
        load_protocol_text('{"id": "a", "id": "b"}', "x.json")


def test_the_shipped_protocol_loads(loaded: LoadedProtocol) -> None:
    assert (loaded.label, len(loaded.document.attributes)) == ("hertfordshire v1", 47)


def test_comments_and_layout_are_not_part_of_the_digest(text: str) -> None:
    quoted = text.replace("jurisdiction: England", 'jurisdiction:   "England"   # as agreed')
    assert quoted != text
    assert load_protocol_text("# a comment\n" + quoted, "x").digest == load_protocol_text(text, "x").digest


def test_anything_that_is_said_is_part_of_the_digest(text: str) -> None:
    digests = {load_protocol_text(text, "x").digest}
    for old, new in (
        ("unlinked_days: 7", "unlinked_days: 6"),
        ("certain: 0.99", "certain: 0.98"),
        ("version: 1", "version: 2"),
    ):
        digests.add(load_protocol_text(text.replace(old, new, 1), "x").digest)
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("old", "new", "rule", "says"),
    [
        ("basis: s16la", "basis: s16l", "unknown-reference", "did you mean `s16la`?"),
        ("mode: CONTENT", "mode: CONTENTS", "closed-list", "'EXISTENCE', 'CONTACT', 'CONTENT' or 'REVIEW'"),
        ("purposes:", "purpose:", "unknown-field", "did you mean `purposes`?"),
        ("stages: [S47, CP, PLO, CARE]", "stages: [S47, CP, PLO, CARE, CLOSED]", "closed-stage", "only open stages"),
        ("stages: [S47, CP, PLO, CARE]", "stages: [CIN, S47, CP]", "grant-overlap", "expected one rule"),
        ("stages: [S47, CP, PLO, CARE]", "stages: [S47, S47]", "duplicate-item", "expected it once"),
        ("[recovery.episode]", "[recovery.episodes]", "unknown-reference", "did you mean `recovery.episode`?"),
        ("[recovery.episode]", "[recovery.episode, mh.dna_6m]", "attribute-agency", "expected one of `recovery`"),
        (
            "[recovery.episode]",
            "[recovery.episode, recovery.key_worker]",
            "attribute-mode",
            "mode CONTACT, got CONTENT",
        ),
        ("about: [parental-adults-in-contact]", "about: [child]", "unreachable-rule", "is about adult"),
        ("about: [parental-adults-in-contact]", "about: [parental-adults]", "uneven-people", "the same `about`"),
        ("agreed: 2026-03-02", "agreed: 2026-03-20", "date-order", "agreed before it begins"),
        ("review: 2027-05-03", "review: 2026-03-16", "date-order", "a review after the grant begins"),
        ("from: 2026-03-16", "from: 2026-13-16", "value", "month value is outside"),
        ("from: 2026-03-16", "from: 2026-03-16\n    until: 2026-03-15", "date-order", "from 2026-03-16 on"),
        ("from: 2026-03-16", "from: 2026-03-02\n    until: 2026-03-15", "unreachable-rule", "takes no part on any day"),
        ("[safeguarding, group-supervision]", "[research]", "closed-list", "got `research`"),
        ("[safeguarding, group-supervision]", "[]", "value", "`purposes`"),
        ("reason: ", "why: ", "unknown-field", "`why` is not known here"),
        ("agency: recovery", "agency: police", "attribute-agency", "is an attribute of `recovery`"),
    ],
)
def test_errors_of_a_grant(text: str, old: str, new: str, rule: str, says: str) -> None:
    lines = refused(in_grant(text, old, new))
    start = text[: text.index(GRANT)].count("\n") + 1
    assert any(
        (found := LINE.match(line)) and found[3] == rule and says in line and start <= int(found[1]) <= start + 17
        for line in lines
    ), lines


@pytest.mark.parametrize(
    ("old", "new", "rule", "says"),
    [
        ("    art9: 9(2)(g)\n", "", "basis-incomplete", "special category data needs UK GDPR Art 9"),
        ("    schedule1: DPA 2018 Sch 1 para 18 (safeguarding of children)\n", "", "basis-incomplete", "Schedule 1"),
        ("    art10: DPA 2018 s.10(5) with Sch 1 para 18\n", "", "basis-incomplete", "Art 10 condition"),
        (
            "    authorised_by_law: DPA 2018 s.36(4) with Children Act 2004 s.16LA\n",
            "",
            "basis-incomplete",
            "authorised_by",
        ),
        ("    cldc_route: statutory duty\n", "", "basis-incomplete", "way past confidentiality"),
        ("    statute: Children Act 2004 s.16LA\n", "", "missing-field", "`statute` is missing"),
        ("    art6: 6(1)(c)\n", "    art6: 6(1)(f)\n", "basis-article-6", "rests on Art 6(1)(c) or 6(1)(e)"),
        ("    art6: 6(1)(c)\n", "    art6: Art. 6\n", "value", "expected text of the form"),
        ("party_class: contracted-service", "party_class: charity", "basis-party-class", "`recovery` is a charity"),
        ("    before: ca-powers\n", "    before: s16la\n", "basis-before", "got a circle"),
        ("from: 2005-10-01", "from: 2026-09-30", "basis-before", "is law before 2026-09-30"),
        ("    before: ca-powers\n", "", "basis-dates", "is law on 2026-03-16"),
        ("    type: statutory-duty\n", "    type: consent\n", "break-glass-consent", "a duty or power in an emergency"),
        (
            "jurisdiction: England\n    detriment",
            "jurisdiction: Wales\n    detriment",
            "basis-jurisdiction",
            "law of England",
        ),
    ],
)
def test_a_rule_without_its_law_cannot_be_loaded(text: str, old: str, new: str, rule: str, says: str) -> None:
    assert old in text
    lines = refused(text.replace(old, new, 1))
    assert any(f": {rule}: " in line and says in line for line in lines), lines


def test_no_legitimate_interest_for_a_public_authority(text: str) -> None:
    changed = text.replace("type: statutory-duty", "type: recognised-legitimate-interest", 1)
    lines = refused(changed.replace("art6: 6(1)(c)", "art6: 6(1)(ea)", 1))
    assert all("a public authority" in line for line in lines)
    assert {"`police`", "`mental_health`"} <= {word for line in lines for word in line.split()}
    assert not any("grant" not in line and "`recovery` is" in line for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "rule", "says"),
    [
        ("  - id: police\n", "  - id: social_care\n", "duplicate-id", "item 1 of this list already"),
        ("name: Hertfordshire Constabulary", "name: the Probation Service", "duplicate-name", "a name of its own"),
        ("title: the general practice", "title: the recovery key worker", "duplicate-title", "a title of its own"),
        ("version: 1\n", "version: 1\nversion: 2\n", "yaml", "duplicate key"),
        ("version: 1\n", "version: one\n", "value", "got `one`"),
        ("review_date: 2027-05-03", "review_date: 2026-03-02", "date-order", "after the day of agreement"),
        ("      count: int\n", "      home_address: int\n", "never-release", "`home_address` is of N1"),
        ("      count: int\n", "      count: number\n", "value", "expected a field type"),
        ("      count: int\n", "      count: text[20]\n", "free-text", "text stands only in S1"),
        ("code[STANDARD,MEDIUM,HIGH]", "code[STANDARD,STANDARD]", "value", "different codes"),
        ("code[STANDARD,MEDIUM,HIGH]", "code", "value", "expected codes: `code[A,B]`"),
        (
            "    mode: CONTACT\n    fields:\n      contact: contact\n      role",
            "    mode: CONTACT\n    fields:\n      role",
            "contact-mode",
            "",
        ),
        ("  - {id: camhs, source_days: 28, value_days: 45}\n", "", "missing-freshness", "`camhs` in `freshness`"),
        (
            "{police.relevant_conviction: 366}",
            "{recovery.episode: 366}",
            "unknown-reference",
            "no attribute of `police`",
        ),
        ("profile: standard, t: 6", "profile: standard, t: 2", "hardening", "`t` of 3 or more"),
        ("profile: standard, t: 6", "profile: compat, t: 3", "hardening", "expected a `reason`"),
        ("{id: 2, from: 2027-04-01", "{id: 2, from: 2027-03-31", "date-order", "after the end of the item before"),
        (
            "location_seen_by: [team",
            "location_seen_by: [da-perpetrator-officer, team",
            "perpetrator-location",
            "faces perp",
        ),
        (
            "    location_revealing: true\n    to:",
            "    attributes: [health.gp_practice]\n    to:",
            "perpetrator-location",
            "every",
        ),
        ("on_a_rota: [emergency-duty]", "on_a_rota: [recovery-worker]", "unknown-reference", "no break-glass function"),
        ("        - mh.dna_6m\n", "", "consent-scope", "no consent scope covers `mh.dna_6m`"),
        (
            "    attributes: [police.dash_risk, police.marac]\n",
            "    agencies: [camhs]\n    sensitivities: [S4]\n",
            "unreachable-rule",
            "forbids nothing",
        ),
        ("kinds: [UNBORN]", "kinds: [UNBORN, ADULT]", "value", "adults stand alone"),
        (
            "kinds: [UNBORN]",
            "kinds: [UNBORN]\n    expecting: true",
            "value",
            "no relationships or contact of their own",
        ),
        ("certain: 0.99", "certain: 0.10", "value", "stay_certain"),
        (
            "court_derived: true\n    except_to",
            "court_derived: true\n    to: [social-worker]\n    except_to",
            "value",
            "not both",
        ),
        (
            "    mode: EXISTENCE\n",
            "    mode: EXISTENCE\n    attributes: [csc.case_stage]\n",
            "value",
            "EXISTENCE and REVIEW name none",
        ),
    ],
)
def test_errors_of_the_rest(text: str, old: str, new: str, rule: str, says: str) -> None:
    assert old in text
    lines = refused(text.replace(old, new, 1))
    assert any(f": {rule}: " in line and says in line for line in lines), lines


def test_a_prohibited_grant_cannot_be_loaded(text: str) -> None:
    changed = in_grant(
        text, "to: [social-worker, team-manager]", "to: [social-worker, administrator]", "  - id: police-conference\n"
    )
    assert any("which `no-content-for-these-functions` forbids" in line for line in refused(changed))


def test_all_errors_come_at_once_in_the_order_of_the_text(text: str) -> None:
    wrong = text.replace("unlinked_days: 7", "unlinked_days: 700").replace("version: 1\n", "version: 0\n")
    lines = refused(wrong.replace("    party_class: charity", ""))
    places = [int(LINE.match(line)[1]) for line in lines]  # type: ignore[index]
    assert len(lines) == 2
    assert places == sorted(places)


@pytest.mark.parametrize(
    "wrong", ["", "- a", "just words", "a: [", "a: *b", "\tx", "a: 1\nb: {a: &x [*x]}", "?: 1", "1: 2"]
)
def test_what_is_no_protocol_at_all(wrong: str) -> None:
    with pytest.raises(ProtocolError):
        load_protocol_text(wrong, "x.yaml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        load_protocol(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"title: caf\xe9\n")
    with pytest.raises(ProtocolError, match="expected UTF-8"):
        load_protocol(tmp_path / "latin.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (2 << 20) + b"##")
    with pytest.raises(ProtocolError, match="at most"):
        load_protocol(tmp_path / "big.yaml")


def test_yaml_is_read_as_json_with_dates_as_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("- {day: 2026-11-16, no: NO, n: 1, f: 0.5, t: true, e: null}\n")
    assert json.loads(read_yaml(tmp_path / "x.yaml")) == [
        {"day": "2026-11-16", "no": "NO", "n": 1, "f": 0.5, "t": True, "e": None}
    ]
