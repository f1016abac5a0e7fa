"""The check's report as one HTML page: no scripts, nothing loaded from anywhere, readable when printed and by screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from agencies.check import Report
from agencies.quality.rules import Severity

_WORDS = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Note"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #0b0c0c; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #b1b4b6; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { border-left: .4rem solid #00703c; padding: .2rem 1rem; }
.verdict.stop { border-color: #d4351c; }
.local { background: #f3f2f1; padding: .5rem 1rem; }
@media print { body { margin: 0; } }
"""


def html_report(report: Report) -> str:
    """The page."""
    name = escape(report.layout.name)
    stop = bool(report.blockers)
    verdict = "Would stop. " + escape(" ".join(report.blockers)) if stop else "Can be submitted."
    counted = ", ".join(f"{report.count(each):,} {word.lower()}s" for each, word in _WORDS.items())
    parts = [
        f"<h1>Check of {name}</h1>",
        f"<p>{escape(report.agency)} · {escape(report.protocol)} · {report.made_at:%d %b %Y %H:%M} UTC</p>",
        f'<p class="verdict{" stop" if stop else ""}"><strong>{verdict}</strong> {counted}.</p>',
        '<p class="local">This page is for the agency itself: it tells who is suppressed and where defects are. It holds row numbers '
        "and counts, no names and no values. Do not send it on.</p>",
        _facts(report),
        _findings(report),
        _coverage(report),
        _attributes(report),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Check of {name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _facts(report: Report) -> str:
    tally, layout = report.tally, report.layout
    rows: list[tuple[str, str]] = [
        ("File", f"{layout.format}, {layout.size:,} bytes" + "".join(f"; {said}" for said in layout.said)),
        ("Rows, records, encodings", f"{report.rows:,} rows, {tally.records:,} records, {tally.encodings:,} encodings"),
        ("As of", f"{report.extract_date:%d %b %Y}"),
        ("Columns not read", f"{report.columns_ignored}"),
        ("Left out because of defects", f"{tally.left_out:,}"),
        (
            "Removed before encoding",
            f"{tally.suppressed:,} people, because {report.suppressed_column} says so; no count of them leaves"
            if report.suppressed_column
            else "nobody: the mapping has no flag for suppressed people",
        ),
        ("Flags", ", ".join(f"{tally.flags[name]:,} {name}" for name in ("shielded", "silent", "deceased", "hold"))),
    ]
    if report.families or report.consents:
        rows.append(("Declared", f"{report.families:,} families, {report.consents:,} consents"))
    difference = report.difference
    rows.append(
        (
            "Since the last submission",
            "nothing to compare with"
            if difference is None
            else f"{difference.added:,} new, {difference.removed:,} gone, {difference.changed:,} changed, "
            f"{difference.unchanged:,} the same ({difference.share:.0%}; alarm above {report.difference_limit:.0%})",
        )
    )
    cells = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>' for name, text in rows)
    return f"<table><caption>What was read</caption>{cells}</table>"


def _findings(report: Report) -> str:
    if not report.findings:
        return "<p>No defects found.</p>"
    rows = [
        (
            _WORDS[each.rule.severity],
            each.rule.code,
            each.column or "",
            f"{len(each.rows):,}",
            f"{each.rule.title[:1].upper()}{each.rule.title[1:]}. Rows {each.places(40)}.",
            f"{each.rule.effect[:1].upper()}{each.rule.effect[1:]}. {each.rule.remedy}",
        )
        for each in report.findings
    ]
    return _table(
        "Defects", ("Severity", "Code", "Column", "Rows", "What and where", "What happens, and what to do"), rows, {3}
    )


def _coverage(report: Report) -> str:
    rows = [(name, f"{share:.1%}") for name, share in report.tally.coverage()]
    return _table("Identifiers present, of the people who are encoded", ("Identifier", "Present"), rows, {1})


def _attributes(report: Report) -> str:
    rows = [(name, f"{values:,}", f"{records:,}") for name, values, records in report.tally.attribute_coverage()]
    return _table("Attributes", ("Attribute", "Recorded", "Of"), rows, {1, 2}) if rows else ""


def _table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: set[int]) -> str:
    def cell(at: int, text: str) -> str:
        return f'<td class="number">{escape(text)}</td>' if at in numbers else f"<td>{escape(text)}</td>"

    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join("<tr>" + "".join(cell(at, text) for at, text in enumerate(row)) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
