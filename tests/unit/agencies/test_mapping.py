"""`mapping.yaml`: what is refused, and where it says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agencies.mapping import load_mapping
from agencies.mapping_template import mapping_template
from config.resources import PROTOCOL_FILE
from protocols.errors import InputError
from protocols.load import LoadedProtocol, load_protocol

GOOD = """\
agency: police
record: REF
identifiers: {family_name: SUR, given_name: FORE, address: ADDR}
as_at: 2026-11-10
attributes:
  police.da_incidents_12m: {count: DA}
"""


@pytest.fixture(scope="module")
def protocol() -> LoadedProtocol:
    return load_protocol(PROTOCOL_FILE)


def load(tmp_path: Path, text: str, protocol: LoadedProtocol, agency: str = "police") -> object:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    return load_mapping(path, agency, protocol)


def test_columns_are_listed_once_and_only_the_mapped_ones(tmp_path: Path, protocol: LoadedProtocol) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(GOOD + "groups: {columns: [REF]}\nformer:\n  - {address: [OLD1, OLD2]}\n")
    mapping = load_mapping(path, "police", protocol)
    assert mapping.columns == ("REF", "FORE", "SUR", "ADDR", "OLD1", "OLD2", "DA")
    assert mapping.as_at_column is None
    assert str(mapping.as_at_literal) == "2026-11-10"
    assert mapping.identifiers.address == ["ADDR"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("record: REF\n", "", "`record` is missing"),
        ("record: REF", "record: REF\nrecords: X", r"mapping.yaml:3:1.*`records` is not a setting"),
        ("given_name: FORE", "forename: FORE", r"mapping.yaml:3:3\d.*`identifiers.forename` is not a setting"),
        ("police.da_incidents_12m", "police.intelligence", "not an attribute of `police` in the protocol's catalogue"),
        ("police.da_incidents_12m", "recovery.episode", "not an attribute of `police`"),
        ("{count: DA}", "{counts: DA}", "no field `counts`; its field `count` is not mapped"),
        ("{count: DA}", "{}", "its field `count` is not mapped"),
        ("as_at: 2026-11-10", "as_at: 2026-11-10\ndates: []", "at least one date format"),
        ("as_at: 2026-11-10", "as_at: 2026-11-10\ndates: [DD/MM/YYYY]", "date formats such as"),
        ("as_at: 2026-11-10", "as_at: 2026-11-10\nflags: {secret: {column: X, yes: [Y]}}", "`secret` is not a flag"),
        ("as_at: 2026-11-10", "as_at: 2026-11-10\nflags: {silent: {column: X, yes: []}}", "`flags.silent.yes`"),
        ("as_at: 2026-11-10", "as_at: 2026-11-10\naliases: [{postcode: X}]", "`aliases` names at least one name"),
        ("as_at: 2026-11-10", "as_at: 2026-11-10\nformer: [{given_name: X}]", "`former` names `address`"),
        ("as_at: 2026-11-10", "as_at: 2026-11-10\ncodes: {police.marac.status: {A: B}}", "which is not mapped"),
        ("agency: police", "agency: recovery", "for the agency `recovery`; this folder is `police`'s"),
        ("agency: police", "agency: police\nagency: police", r"mapping.yaml:2:1"),
        ("agency: police", "- police", "mapping.yaml"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_place(
    tmp_path: Path, protocol: LoadedProtocol, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=said):
        load(tmp_path, GOOD.replace(old, new), protocol)


def test_several_mistakes_are_told_at_once(tmp_path: Path, protocol: LoadedProtocol) -> None:
    with pytest.raises(InputError) as raised:
        load(tmp_path, "agency: police\nidentifiers: {x: y}\n", protocol)
    for name in ("`record` is missing", "`as_at` is missing", "`identifiers.x` is not a setting"):
        assert name in raised.value.what


def test_a_file_that_is_not_text_or_not_there_is_named(tmp_path: Path, protocol: LoadedProtocol) -> None:
    (tmp_path / "mapping.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_mapping(tmp_path / "mapping.yaml", "police", protocol)
    with pytest.raises(InputError, match=r"`absent.yaml` cannot be read"):
        load_mapping(tmp_path / "absent.yaml", "police", protocol)


@pytest.mark.parametrize("agency", ["social_care", "police", "probation", "recovery", "mental_health", "health"])
def test_the_template_is_a_mapping_as_it_stands_and_with_its_attributes(
    tmp_path: Path, protocol: LoadedProtocol, agency: str
) -> None:
    text = mapping_template(protocol, agency)
    load(tmp_path, text, protocol, agency)
    uncommented = re.sub(
        r"^#   (?=[a-z]+\.[a-z_0-9]+: )", "  ", text.replace("# attributes:", "attributes:"), flags=re.MULTILINE
    )
    full = load(tmp_path, uncommented.partition("# codes:")[0], protocol, agency)
    catalogue = {each.id for each in protocol.document.attributes if each.agency == agency}
    assert set(full.attributes) == catalogue  # type: ignore[attr-defined]
