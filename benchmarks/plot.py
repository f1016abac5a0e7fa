"""A line plot as SVG, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

_COLOURS = ("#1d70b8", "#d4351c", "#00703c", "#f47738", "#4c2c92", "#0b0c0c")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _KEY = 560, 340, 60, 50, 190


def line_plot(title: str, x_name: str, y_name: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Lines through (x, y) points, all above 0, with a key."""
    points = [point for line in series.values() for point in line]
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    y_low = 10 ** int(log10(min(y for _, y in points)) - 1)
    y_high = 10 ** int(log10(max(y for _, y in points)) + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - log10(x_low)) / (log10(x_high) - log10(x_low) or 1)
        up = (log10(y) - log10(y_low)) / (log10(y_high) - log10(y_low))
        return _LEFT + across * (_WIDTH - _LEFT - 10), (_HEIGHT - _BOTTOM) * (1 - up) + 20

    parts = [f'<text x="{_LEFT}" y="14" font-weight="bold">{escape(title)}</text>']
    mark = y_low
    while mark <= y_high * 1.0001:
        _, y = at(x_low, mark)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - 10}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{mark:g}</text>')
        mark *= 10
    for x in sorted({x for x, _ in points}):
        across, base = at(x, y_low)
        parts.append(f'<text x="{across:.1f}" y="{base + 18:.1f}" text-anchor="middle">{x / 1000:g}k</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT + 8}">{escape(x_name)}</text>')
    parts.append(f'<text x="4" y="30">{escape(y_name)}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = 40 + 20 * number
        parts.append(f'<line x1="{_WIDTH}" y1="{y}" x2="{_WIDTH + 20}" y2="{y}" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_WIDTH + 26}" y="{y + 4}">{escape(name)}</text>')
    size = f'viewBox="0 0 {_WIDTH + _KEY} {_HEIGHT + 20}" width="{_WIDTH + _KEY}" height="{_HEIGHT + 20}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )
