"""docs/data-officer.md says what the program does: every rule, every setting, every part of a mapping, every exit code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from agencies.cli import agency_app
from agencies.mapping import FLAGS, FileMap, Identifiers, Mapping
from agencies.quality.rules import rules_table
from agencies.settings import Settings
from protocols import errors
from protocols.errors import BUG_EXIT_CODE, KinlinkError
from protocols.vocabulary import HoldReason

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "data-officer.md").read_text(encoding="utf-8")
CEREMONY = (DOCS / "key-ceremony.md").read_text(encoding="utf-8")


def test_the_table_of_rules_is_that_of_the_program() -> None:
    shown = PAGE.split("<!-- rules -->\n")[1].split("<!-- /rules -->")[0]
    assert shown == rules_table()


def test_every_setting_and_every_part_of_a_mapping_is_explained() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    settings = {field.alias or name for name, field in Settings.model_fields.items()}
    assert settings <= named, settings - named
    parts = {*Mapping.model_fields, *FileMap.model_fields, *Identifiers.model_fields, *FLAGS}
    assert parts <= named, parts - named
    assert {reason.value for reason in HoldReason} <= set(re.findall(r"`([A-Z_]+)`", PAGE))


def test_every_exit_code_is_in_the_table() -> None:
    codes = {
        each.exit_code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, KinlinkError) and each is not KinlinkError
    }
    table = PAGE.split("## Exit codes")[1]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == {0, BUG_EXIT_CODE, *codes}


@pytest.mark.parametrize("page", [PAGE, CEREMONY])
def test_every_command_that_a_page_names_is_there(page: str) -> None:
    group = typer.main.get_command(agency_app)
    commands = dict(group.commands)  # type: ignore[attr-defined]
    secret = commands["secret"].commands
    for name, below in re.findall(r"kinlink agency ([a-z-]+)(?: ([a-z]+))?", page):
        assert name in commands, name
        if name == "secret":
            assert below in secret, below
    for option in set(re.findall(r"`(--[a-z-]+)", page)):
        options = {each for command in [*commands.values(), *secret.values()] for each in _options(command)}
        assert option in options, option


def _options(command: object) -> list[str]:
    return [name for each in getattr(command, "params", []) for name in each.opts]
