"""The check's report: the same facts on the terminal, as a page and as JSON, and no value in any of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agencies.check import Report, check_extract
from agencies.difference import accept_state
from agencies.preview import print_explanation, print_preview
from agencies.report_html import html_report
from agencies.report_terminal import print_report
from agencies.submission import make_submission

CANARIES = {
    "FORE": "Canarella4", "SUR": "MIG_ERROR_Canarsson", "DOB": "31/02/1999", "ADDR1": "NFA Canarway", "PC": "CANAR9",
    "NHS": "9990102480", "SEX": "Canarsex", "HOLD": "CANARHOLD", "SILENT": "Canarflag", "DA_12M": "Canarvalue", "KIND": "Canarkind",
    "GROUPS": "CANARGROUP", "MAIDEN": "Canarmaiden",
}  # fmt: skip


@pytest.fixture
def report(world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]) -> Report:
    rows = [
        *people,
        {"REF": "CANARREF", **CANARIES},
        {"REF": "S1", "PROTECTED": "Y", "SUR": "Canarhidden"},
        {"REF": ""},
    ]
    return check_extract(world.agency, world.reading(write_extract(rows)))


def terminal(report: Report) -> str:
    target = io.StringIO()
    print_report(report, Console(file=target, width=200, highlight=False, soft_wrap=True))
    return target.getvalue()


class Page(HTMLParser):
    """Collects tags and text; keeps track of what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_no_form_of_the_report_holds_a_value(report: Report) -> None:
    forms = (terminal(report), html_report(report), json.dumps(report.as_json()), repr(report))
    assert len(report.findings) >= 10
    for form in forms:
        for canary in ("Canar", "canar", "CANAR", "9990102480", "31/02", "1999"):
            assert canary not in form.replace(report.layout.name, "")


def test_all_forms_have_the_same_facts(report: Report) -> None:
    page = Page()
    page.feed(html_report(report))
    found = report.as_json()
    assert found["records"] == 41
    assert found["left_out"] == 1
    assert found["suppressed"] == {"people": 1, "column": "PROTECTED", "rows": [43]}
    for each in report.findings:
        for form in (terminal(report), page.text):
            assert each.rule.code in form
            assert each.places() in form
    for form in (terminal(report), page.text):
        assert "43 rows, 41 records" in form
        assert "Can be submitted" in form
    assert "1 people" in page.text


def test_the_page_is_whole_loads_nothing_and_runs_nothing(report: Report) -> None:
    page = Page()
    page.feed(html_report(report))
    assert page.open == []
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert not any("src" in attributes or "href" in attributes for _, attributes in page.tags)
    assert dict(page.tags)["html"]["lang"] == "en-GB"
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert any(
        (attributes.get("content") or "").startswith("default-src 'none'")
        for tag, attributes in page.tags
        if tag == "meta"
    )


def test_a_file_name_cannot_write_into_the_page(
    world: Any, write_extract: Callable[..., Path], people: list[Any]
) -> None:
    path = write_extract(people, name="<b>[red]x&.csv")
    report = check_extract(world.agency, world.reading(path))
    assert "<b>" not in html_report(report)
    assert "<b>[red]x&.csv" in terminal(report)


def test_what_would_stop_is_said_first(
    world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]
) -> None:
    rows = [{**person, "REF": ""} for person in people[:10]] + people[10:]
    report = check_extract(world.agency, world.reading(write_extract(rows)))
    assert report.blockers == ["25% of the records would be left out because of defects (limit 5%; --accept-defects)."]
    assert terminal(report).splitlines()[1].startswith("Would stop. 25%")
    assert "Would stop. 25%" in html_report(report)


def test_the_difference_from_the_last_submission_raises_an_alarm(
    world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]
) -> None:
    accept_state(world.agency, make_submission(world.agency, world.reading(write_extract(people))).submission)
    same = check_extract(world.agency, world.reading(write_extract(people)))
    assert "0 new, 0 gone, 0 changed, 40 the same (0%)" in terminal(same)
    assert same.blockers == []
    fewer = check_extract(world.agency, world.reading(write_extract(people[:20])))
    assert "0 new, 20 gone, 0 changed, 20 the same (50%). More than usual" in terminal(fewer)
    assert len(fewer.blockers) == 1


def test_a_check_writes_nothing(world: Any, write_extract: Callable[..., Path], people: list[dict[str, str]]) -> None:
    path = write_extract(people)
    before = {each: each.stat().st_mtime_ns for each in world.agency.path.rglob("*") if each.is_file()}
    check_extract(world.agency, world.reading(path))
    assert {each: each.stat().st_mtime_ns for each in world.agency.path.rglob("*") if each.is_file()} == before


def test_the_preview_shows_what_is_compared(world: Any, write_extract: Callable[..., Path]) -> None:
    target = io.StringIO()
    path = write_extract(
        [{"REF": "1", "MAIDEN": "O'Neill"}, {"REF": "2", "PROTECTED": "Y", "SUR": "Hidden"}, {"REF": ""}, {"REF": "4"}]
    )
    print_preview(world.reading(path), Console(file=target, width=160), 3)
    lines = target.getvalue().splitlines()
    assert any("whitlock" in line and "19880214" in line for line in lines)
    assert any("oneill" in line for line in lines)
    assert any("suppressed" in line for line in lines)
    assert any("left out" in line for line in lines)
    assert "idden" not in target.getvalue()
    assert not (world.agency.path / "outbox").exists() or not list((world.agency.path / "outbox").iterdir())


def test_every_step_of_standardising_can_be_shown(world: Any, write_extract: Callable[..., Path]) -> None:
    target = io.StringIO()
    rows = [
        {"REF": "1", "FORE": "Mr  Zoë", "PC": "sg99 5th"},
        {"REF": "2", "PROTECTED": "Y", "SUR": "Hidden"},
        {"REF": "3"},
    ]
    print_explanation(world.reading(write_extract(rows)), Console(file=target, width=160), 2)
    text = target.getvalue()
    assert "Mr  Zoë" in text
    assert " zoe" in text
    assert "SG995TH" in text
    assert "19880214" in text
    assert "idden" not in text
