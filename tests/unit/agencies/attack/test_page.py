"""The page: whole, self-contained, readable by machines and people; the terminal says the same."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from rich.console import Console

from agencies.attack.page import html_report
from agencies.attack.plots import recovered_plot, trend_plot
from agencies.attack.report import AttackReport, TrendPoint
from agencies.attack.terminal import print_report
from agencies.attack.verdict import CutOffs, Finding, Measure, Verdict, finding, proportion, worst

CUT_OFFS = CutOffs()


def _finding(test: str, title: str, *measures: Measure) -> Finding:
    return finding(test, title, CUT_OFFS, list(measures), given="a <list>", got="3 & more", advice=f"Change {title}.")


@pytest.fixture
def report() -> AttackReport:
    findings = (
        _finding("T6", "Fidelity", Measure(name="fidelity", about="index", value=0.15, limit="fidelity")),
        _finding("T7", "Unseeded", proportion("unseeded", "found", 2, 1000, limit="unseeded", baseline=0.001)),
        _finding(
            "T8",
            "Seeded",
            proportion("seeds_20", "found", 300, 1000, limit="seeds_20"),
            Measure(name="seeds_20_groups_excess", about="beyond", value=0.38, limit="seeds_20"),
            proportion("seeds_20_groups", "found with groups", 400, 1000, baseline=0.02),
        ),
        _finding("T12", "Dictionary", proportion("dictionary", "read", 10, 10)),
    )
    return AttackReport(
        made_at=datetime(2026, 11, 16, tzinfo=UTC), encoding="standard, t = 3", encodings=9000, rows=5000, groups=2000, deep=False,
        seed=3, attacker_list="the extract itself", cut_offs={"fidelity": (0.1, 0.2), "unseeded": (0.005, 0.01), "seeds_20": (0.005, 0.01)},
        blocking=("T8",), verdict=worst([each.verdict for each in findings]), findings=findings, seconds=12,
        history=(TrendPoint(made_at=datetime(2026, 8, 1, tzinfo=UTC), encoding="standard, t = 3", fidelity=0.12),),
    )  # fmt: skip


def _read(plot: str) -> ElementTree.Element:
    return ElementTree.fromstring(plot)  # noqa: S314 - the same


def test_the_page_loads_nothing_and_runs_nothing(report: AttackReport) -> None:
    page = html_report(report)
    assert not re.search(r"<script|<link|<img|@import|url\(|\son\w+=", page)
    assert not re.search(r"\s(?:src|href)=", page)
    assert "default-src 'none'" in page
    assert page.count("<svg") == 2


def test_the_page_says_verdict_findings_changes_and_figures(report: AttackReport) -> None:
    page = html_report(report)
    assert "An attacker would get past the agreed limits in T8" in page
    assert "A submission encoded like this is not made" in page
    assert "Given a &lt;list&gt;, the attacker gets: 3 &amp; more." in page
    assert "<li>Change Seeded.</li>" in page
    assert "Change Dictionary" not in page
    assert "300 of 1,000 (30.00%)" in page
    assert "27.24% – 32.91%" in page


def test_plots_are_whole_svg_with_a_description(report: AttackReport) -> None:
    for plot, bars in ((recovered_plot(report), 3), (trend_plot(report), 0)):
        root = _read(plot)
        names = [element.tag.split("}")[1] for element in root]
        assert names[:2] == ["title", "desc"]
        assert names.count("rect") == bars
        for element in root.iter():
            for name in ("y", "y1", "y2", "cy"):
                if name in element.attrib:
                    assert -20 <= float(element.attrib[name]) <= 320
    dots = [e for e in _read(trend_plot(report)) if e.tag.endswith("circle")]
    assert len(dots) == 2


def test_bars_with_groups_show_what_groups_alone_give_and_the_cut_off_beyond_it(report: AttackReport) -> None:
    root = _read(recovered_plot(report))
    description = next(element.text for element in root if element.tag.endswith("desc"))
    assert "20 known: 30.00% (guessing 0.00%, cut-off 1.0%)" in description
    assert "20 known, with groups: 40.00% (guessing 2.00%, cut-off 3.0%)" in description
    assert len([e for e in root if e.attrib.get("class") == "guess"]) == 3


def test_taller_bars_for_more_people(report: AttackReport) -> None:
    rects = [e for e in _read(recovered_plot(report)) if e.tag.endswith("rect")]
    heights = [float(rect.attrib["height"]) for rect in rects]
    assert heights[0] < heights[1] < heights[2]


def test_the_terminal_says_it_in_plain_words(report: AttackReport) -> None:
    text = io.StringIO()
    print_report(report, Console(file=text, width=200, color_system=None))
    said = text.getvalue()
    assert said.index("FAIL.") < said.index("T6 Fidelity")
    assert "Given a <list>, the attacker gets: 3 & more." in said
    assert "Similarity-graph fidelity before: 0.120 (01 Aug 2026)." in said
    assert "- Change Seeded." in said


def test_a_report_without_failures_says_so(report: AttackReport) -> None:
    quiet = report.model_copy(update={"findings": report.findings[1:2], "verdict": Verdict.PASS})
    assert "No attack gets past the agreed limits, or near them." in html_report(quiet)
    assert "What to change" not in html_report(quiet)
