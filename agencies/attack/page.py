"""The report as one HTML page: no scripts, nothing loaded from anywhere, readable when printed and by screen readers."""

from __future__ import annotations

from html import escape

from agencies.attack.plots import recovered_plot, trend_plot
from agencies.attack.report import AttackReport
from agencies.attack.sentences import given_and_got, shown, verdict_sentence
from agencies.attack.verdict import Finding, Measure, Verdict

WORDS = {Verdict.PASS: "Pass", Verdict.WARN: "Warning", Verdict.FAIL: "Fail", Verdict.TOLD: "For information"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #0b0c0c; }
h2 { margin-top: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #b1b4b6; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { border-left: .4rem solid #00703c; padding: .2rem 1rem; }
.verdict.warn { border-color: #f47738; } .verdict.fail { border-color: #d4351c; }
.mark { font-weight: bold; white-space: nowrap; }
.mark.fail { color: #942514; } .mark.warn { color: #8a3c00; } .mark.pass { color: #005a30; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; }
.bar { fill: #1d70b8; } .range { stroke: #0b0c0c; stroke-width: 2; } .limit { stroke: #942514; stroke-width: 2; stroke-dasharray: 5 3; }
.guess { stroke: #f3a712; stroke-width: 4; }
.grid { stroke: #d0d3d5; } .trend { fill: none; stroke: #1d70b8; stroke-width: 2; } .dot { fill: #1d70b8; }
.label, .value { text-anchor: middle; } .end { text-anchor: end; }
@media print { body { margin: 0; } details { display: block; } }
"""


def html_report(report: AttackReport) -> str:
    """The page. It holds counts and shares, no value of a person."""
    subject = report.subject
    title = f"Attack report of {subject.agency}" if subject else "Attack report"
    about = (
        f"{subject.protocol}, epoch {subject.epoch}, extract of {subject.extract_date:%d %b %Y}. " if subject else ""
    )
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(about)}{escape(report.encoding)}. {report.rows:,} of {report.encodings:,} encodings attacked, in "
        f"{report.groups:,} groups; the attacker's list is {escape(report.attacker_list)}. {report.made_at:%d %b %Y %H:%M} UTC.</p>",
        f'<p class="verdict {report.verdict.value}"><strong>{WORDS[report.verdict]}.</strong> {escape(verdict_sentence(report))}</p>',
        _changes(report),
        _lines(report),
        "<h2>Who would be recovered</h2>",
        "<p>Bars are shares of people recovered, thin lines the 95 % interval, thick ticks what guessing gives, dashed lines the cut-off. "
        "With groups, the tick is what groups and record structure give without any encoding, and the cut-off is for what comes on top "
        "of it: only that is the encodings' doing.</p>",
        recovered_plot(report),
        "<h2>The headline index over time</h2>",
        "<p>How well similarities survive a change of key: 1 for plain filters of old, near 0 where an attacker's own encoding of a "
        "list tells nothing about yours.</p>",
        trend_plot(report),
        "<h2>Every figure</h2>",
        *[_figures(each) for each in report.findings],
        f"<p>Random seed {report.seed}; {report.seconds:,.0f} seconds. This page holds counts and shares only. Encodings are "
        "pseudonymised personal data whatever it says.</p>",
    ]
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _changes(report: AttackReport) -> str:
    advice = list(dict.fromkeys(each.advice for each in report.findings if each.advice))
    if not advice:
        return ""
    return "<h2>What to change</h2><ul>" + "".join(f"<li>{escape(each)}</li>" for each in advice) + "</ul>"


def _lines(report: AttackReport) -> str:
    rows = "".join(
        f'<tr><th scope="row">{each.test} {escape(each.title)}</th><td class="mark {each.verdict.value}">{WORDS[each.verdict]}</td>'
        f"<td>{escape(given_and_got(each))}</td></tr>"
        for each in report.findings
    )
    return (
        "<h2>What an attacker was given, and got</h2><table><caption>One line for each attack</caption>"
        '<thead><tr><th scope="col">Attack</th><th scope="col">Verdict</th><th scope="col">Given and got</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _figures(finding: Finding) -> str:
    rows = "".join(_row(measure) for measure in finding.measures)
    return (
        f"<table><caption>{finding.test} {escape(finding.title)} ({finding.seconds:.0f} s)</caption><thead><tr>"
        '<th scope="col">Figure</th><th scope="col" class="number">Value</th><th scope="col" class="number">95 % interval</th>'
        f'<th scope="col" class="number">Guessing</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(measure: Measure) -> str:
    interval = measure.interval
    cells = (
        shown(measure),
        f"{interval.low:.2%} – {interval.high:.2%}" if interval and measure.trials else "",
        "" if measure.baseline is None else f"{measure.baseline:.4g}",
    )
    numbers = "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells)
    return f'<tr><th scope="row">{escape(measure.about)}</th>{numbers}</tr>'
