"""The command: the extract that would be submitted is attacked under the agency's protocol and secret, and the report is kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from agencies.attack.command import attack_extract, clear_submission, draw, read_list, subject_of
from agencies.attack.gate import store_report, stored_reports
from agencies.cli_attack import attack_command
from agencies.standardise.person import StandardiseRules
from protocols.errors import InputError, SubmissionError

PASSPHRASE = "made up for tests only"
SIZE = 60


@pytest.fixture
def rows() -> list[dict[str, str]]:
    """People in families of two or three, one of them suppressed, one with an alias."""
    chance = random.Random(6)
    found = []
    for number in range(SIZE):
        family, place = divmod(number, 3)
        name = "".join(chance.choices(["ka", "lo", "mi", "ne", "ru", "sta", "vel"], k=3))
        found.append(
            {
                "REF": f"P{number:04d}",
                "GROUPS": f"G{family:03d}",
                "FORE": name.title(),
                "SUR": f"{chr(65 + family % 26)}esk{chr(97 + family // 2)}ow".title(),
                "DOB": f"{2 + number % 26:02d}/{1 + number % 12:02d}/{1960 + chance.randrange(60)}",
                "SEX": "MF"[number % 2],
                "ADDR1": f"{family + 1} Tannery Way",
                "PC": f"SG99 {family % 10}A{chr(65 + place)}",
            }
        )
    found[4]["PROTECTED"] = "Y"
    found[7]["MAIDEN"] = "Ingleby"
    return found


def test_everything_that_would_be_sent_is_drawn_and_nothing_else(
    world: Any, write_extract: Callable[..., Path], rows: list[dict[str, str]]
) -> None:
    drawn = draw(world.reading(write_extract(rows)), 1000, seed=1)
    assert drawn.encodings == len(drawn.people) == SIZE  # one is suppressed, one has an alias
    assert "P0004" not in drawn.records
    assert drawn.records.count("P0007") == 2
    assert len(set(drawn.groups)) == SIZE / 3


def test_a_draw_takes_whole_groups(world: Any, write_extract: Callable[..., Path], rows: list[dict[str, str]]) -> None:
    whole = draw(world.reading(write_extract(rows)), 1000, seed=1)
    part = draw(world.reading(write_extract(rows, "again.csv")), 20, seed=1)
    assert part.encodings == whole.encodings
    assert 10 < len(part.people) < 60
    for group in set(part.groups):
        assert part.groups.count(group) == whole.groups.count(group)


def test_the_report_is_about_this_extract_under_this_protocol(
    world: Any, write_extract: Callable[..., Path], rows: list[dict[str, str]]
) -> None:
    reading = world.reading(write_extract(rows))
    report = attack_extract(world.agency, reading, seed=3, tests=("T0", "T12"))
    assert report.subject == subject_of(world.agency, reading)
    assert report.subject.agency == "police"
    assert report.subject.protocol_digest == world.agency.protocol.digest
    assert report.encodings == report.rows == SIZE
    assert report.value("T12", "dictionary") == 1
    changed = subject_of(world.agency, world.reading(write_extract(rows[:-1], "other.csv")))
    assert changed != report.subject


def test_the_command_keeps_a_signed_report_and_writes_what_is_asked(
    world: Any,
    write_extract: Callable[..., Path],
    rows: list[dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KINLINK_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(attack_command)
    page, file = tmp_path / "r.html", tmp_path / "r.json"
    extract = write_extract(rows)
    words = [extract, "-C", world.agency.path, "--seed", 3, "--html", page, "--json", file]
    result = CliRunner().invoke(app, [str(word) for word in words])
    (report,) = stored_reports(world.agency.path / "local", world.agency.signing_key.public)
    blocked = report.verdict == "fail"
    assert isinstance(result.exception, SubmissionError) if blocked else result.exit_code == 0, result.output
    assert "T12 The key-holder's dictionary." in result.output
    assert file.read_bytes() == report.canonical()
    assert "<svg" in page.read_text()
    said = result.output + page.read_text() + file.read_text()
    for row in rows:
        assert row["FORE"] not in said
        assert row["REF"] not in said
        assert row["SUR"] not in said


def test_a_submission_is_cleared_by_a_report_about_its_encoding_only(
    world: Any, write_extract: Callable[..., Path], rows: list[dict[str, str]]
) -> None:
    reading = world.reading(write_extract(rows))
    with pytest.raises(SubmissionError, match="kinlink agency attack EXTRACT"):
        clear_submission(world.agency, reading)
    report = attack_extract(world.agency, reading, seed=3)
    report = report.model_copy(
        update={"findings": tuple(each.model_copy(update={"measures": ()}) for each in report.findings)}
    )
    store_report(world.agency.place("local"), report, world.agency.signing_key, "")
    assert clear_submission(world.agency, reading).report == report.digest
    grown = world.reading(write_extract([{**row, "REF": f"{row['REF']}{n}"} for row in rows for n in "ab"], "more.csv"))
    with pytest.raises(SubmissionError, match="there are 120 now"):
        clear_submission(world.agency, grown)


def test_a_public_list_is_standardised_by_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("given_name,family_name,date_of_birth,other\nAda,O'Neill,1980-02-03,x\nBen,Hall,,y\n")
    ada, ben = read_list(path, StandardiseRules())
    assert (ada.given_name, ada.family_name, ada.date_of_birth) == ("ada", "oneill", "19800203")
    assert (ben.family_name, ben.date_of_birth, ben.postcode) == ("hall", "", "")


@pytest.mark.parametrize("text", ["name,born\nAda,1980\n", "given_name,family_name\n", ""])
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"list\.csv"):
        read_list(path, StandardiseRules())


def test_a_list_in_another_encoding_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("given_name,family_name\nZoë,Hall\n".encode("latin-1"))
    with pytest.raises(InputError) as refused:
        read_list(path, StandardiseRules())
    assert "Zo" not in str(refused.value)
