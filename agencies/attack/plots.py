"""The report's two plots as inline SVG: no scripts, nothing loaded, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from agencies.attack.report import AttackReport, TrendPoint

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 20, 70
_LOWEST = 1e-4


@dataclass(frozen=True, slots=True)
class _Bar:
    label: str
    value: float
    low: float
    high: float
    limit: float | None
    guess: float


def recovered_plot(report: AttackReport) -> str:
    """Share of people recovered, by how many the attacker knew, on a logarithmic scale; with each bar its interval, what guessing gives (a thick
    tick) and its cut-off (a dashed line)."""
    bars = list(_bars(report))
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(bars), 1)
    body = [_grid(_log, [0.0001, 0.001, 0.01, 0.1, 1], ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"])]
    for number, bar in enumerate(bars):
        x, width = _LEFT + number * step + step * 0.2, step * 0.6
        top = _log(bar.value)
        middle = x + width / 2
        body.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{_HEIGHT - _BOTTOM - top:.1f}" class="bar"/>'
        )
        if bar.high > bar.low:
            body.append(
                f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{_log(bar.low):.1f}" y2="{_log(bar.high):.1f}" class="range"/>'
            )
        body.append(_across(x + width * 0.15, width * 0.7, bar.guess, "guess"))
        if bar.limit is not None:
            body.append(_across(x - 6, width + 12, bar.limit, "limit"))
        body.append(f'<text x="{middle:.1f}" y="{top - 4:.1f}" class="value">{bar.value:.1%}</text>')
        for line, word in enumerate(bar.label.split("|")):
            body.append(
                f'<text x="{middle:.1f}" y="{_HEIGHT - _BOTTOM + 16 + 14 * line}" class="label">{escape(word)}</text>'
            )
    return _svg("Share of people recovered", "; ".join(map(_told, bars)), body)


def _told(bar: _Bar) -> str:
    limit = "" if bar.limit is None else f", cut-off {bar.limit:.1%}"
    return f"{bar.label.replace('|', ' ')}: {bar.value:.2%} (guessing {bar.guess:.2%}{limit})"


def _across(x: float, width: float, value: float, name: str) -> str:
    y = _log(value)
    return f'<line x1="{x:.1f}" x2="{x + width:.1f}" y1="{y:.1f}" y2="{y:.1f}" class="{name}"/>'


_WANTED = {
    "unseeded": "nobody known",
    "seeds_20": "20 known",
    "seeds_5pct": "5 % known",
    "seeds_quarter": "a quarter",
}


def _bars(report: AttackReport) -> Sequence[_Bar]:
    """Each attack, and beside it the same with groups given: its cut-off is for what it finds beyond groups alone."""
    measures = {measure.name: measure for finding in report.findings for measure in finding.measures}
    bars = []
    for name, label in _WANTED.items():
        for suffix, more in (("", ""), ("_groups", ",|with groups")):
            measure = measures.get(name + suffix)
            if measure is None:
                continue
            guess = measure.baseline or 0.0
            judged = measures.get(f"{name}_groups_excess") if suffix else measure
            within = report.cut_offs.get(judged.limit) if judged is not None and judged.limit else None
            limit = None if within is None else within[1] + (guess if suffix else 0.0)
            low, high = measure.interval or (measure.value, measure.value)
            bars.append(_Bar(label + more, measure.value, low, high, limit, guess))
    return bars


def trend_plot(report: AttackReport) -> str:
    """The headline index (T6) of this report and the earlier ones, with its cut-offs."""
    points: list[TrendPoint] = [*report.history]
    if any(finding.test == "T6" for finding in report.findings):
        points.append(report.trend_point())
    warn, fail = report.cut_offs["fidelity"]
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(points), 1)
    places = [(_LEFT + (number + 0.5) * step, _linear(point.fidelity)) for number, point in enumerate(points)]
    body = [_grid(_linear, [0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])]
    for limit, word in ((warn, "warning"), (fail, "failure")):
        body.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_linear(limit):.1f}" y2="{_linear(limit):.1f}" class="limit"/>'
        )
        body.append(f'<text x="{_WIDTH - _RIGHT}" y="{_linear(limit) - 3:.1f}" class="end">{word}</text>')
    if len(places) > 1:
        body.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" class="trend"/>')
    for (x, y), point in zip(places, points, strict=True):
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="dot"/>')
        body.append(f'<text x="{x:.1f}" y="{y - 10:.1f}" class="value">{point.fidelity:.3f}</text>')
        body.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" class="label">{point.made_at:%d %b %Y}</text>')
    told = "; ".join(f"{point.made_at:%d %b %Y}: {point.fidelity:.3f}" for point in points)
    return _svg("Similarity-graph fidelity from submission to submission", told, body)


def _grid(scale: Callable[[float], float], values: Sequence[float], labels: Sequence[str]) -> str:
    parts = []
    for value, label in zip(values, labels, strict=True):
        y = scale(value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="end">{label}</text>')
    return "".join(parts)


def _log(value: float) -> float:
    share = (math.log10(max(value, _LOWEST)) - math.log10(_LOWEST)) / -math.log10(_LOWEST)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _linear(value: float) -> float:
    return _HEIGHT - _BOTTOM - min(max(value, 0.0), 1.0) * (_HEIGHT - _TOP - _BOTTOM)


def _svg(title: str, told: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>{''.join(body)}</svg>"
    )
