"""The readable report of an evaluation: one HTML page, no scripts, nothing loaded from anywhere, no person in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from kinlink.evaluate import Evaluation, expected_false, searches
from kinlink.evaluate_groups import divisions
from kinlink.evaluate_score import ENOUGH_PAIRS, Bin, Gap, GroupQuality, gaps, total
from kinlink.quality import Quality
from protocols.errors import InputError

GAP_LIMIT = 0.05  # a larger gap in recall between groups is one to explain before the match rules go live

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #0b0c0c; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .3rem .7rem; border-bottom: 1px solid #b1b4b6; }
th { text-align: left; } td { text-align: right; font-variant-numeric: tabular-nums; } td:first-child { text-align: left; }
.warn { border-left: 5px solid #d4351c; padding-left: 1rem; } svg text { font: 12px system-ui, sans-serif; }
caption { text-align: left; font-weight: bold; margin-bottom: .3rem; }
"""


def write_report(path: Path, found: Evaluation) -> None:
    """Write the report of an evaluation whose truth is known. Raises `InputError`."""
    if found.quality is None:
        raise InputError(
            "There is no truth.csv in the folder, so there is nothing to report on.",
            next_step="Leave out --report, or add truth.csv.",
        )
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(report_page(found), encoding="utf-8")
    partial.replace(path)


def report_page(found: Evaluation) -> str:
    """The page."""
    assert found.quality is not None and found.other is not None  # noqa: S101 - checked by the caller
    scorer, links = found.scorer, found.result.links
    groups = scorer.groups(links, divisions(found.folder.year))
    bins = scorer.reliability(links)
    families = scorer.families(links)
    whole = total(found.quality)
    guarded, plain = (found.quality, found.other) if found.guards else (found.other, found.quality)
    parts = [
        "<h1>How good the links are</h1>",
        f"<p>Links of {len(found.quality)} agencies to the families that <b>{escape(found.anchor)}</b> declares, measured "
        f"against a truth that the linkage did not see. Grades are given {'with' if found.guards else 'without'} the "
        "match rules' guards; what the guards change stands beside it.</p>",
        _quality_table(found.quality),
        _bars("Recall of certain links, and of certain and probable links together", found.quality),
        "<h2>What the guards hold back</h2>",
        "<p>A guard sends a link that is likely enough to review when it rests on shared evidence alone: no date of birth, an "
        "adult and a child, or no more alike than name and place without the date.</p>",
        _guard_table(plain, guarded),
        "<h2>Rules</h2>",
        "<p>What each rule made, and how many of its links are expected to be false by their own probabilities.</p>",
        _table(
            "Links by rule",
            ("agency", "rule", "links", "expected false"),
            ((agency, rule, f"{links:,}", f"{false:.1f}") for agency, rule, links, false in expected_false(found)),
        ),
        "<h2>How pairs were found</h2>",
        "<p>The search that was taken for each agency, and the share of the close pairs that it finds: the exact search finds every "
        "one; the approximate one is held to its promise on a sample.</p>",
        _table("Searches", ("agency", "search", "close pairs found", "why"), searches(found)),
        "<h2>Families</h2>",
        f"<p>Of {families.families:,} declared families known to another agency, {_share(families.right_certain, families.families)} "
        f"have every member's records right and nothing else as certain links; {_share(families.right_with_probable, families.families)} "
        "when the probable links are reviewed rightly. "
        f"{families.with_wrong_certain:,} have a certain link to somebody else. Of all certain links, "
        f"{whole.wrong_disclosure:.4f} are to somebody else (the wrong-disclosure rate).</p>",
        "<h2>Do probabilities mean what they say?</h2>",
        _reliability(bins),
        "<h2>Groups of people</h2>",
        f"<p>Groups with fewer than {ENOUGH_PAIRS} true pairs are shown and not compared. The origin of a name is guessed from its "
        "spelling; it is about names, not people.</p>",
        *(_gap(item) for item in gaps(groups)),
        *(_group_table(by, [g for g in groups if g.by == by]) for by in dict.fromkeys(g.by for g in groups)),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8"><title>Link quality</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _quality_table(quality: Sequence[Quality]) -> str:
    header = ("agency", "true pairs", "certain", "wrong", "P", "R", "F1", "probable", "P+", "R+", "F1+", "review")
    return _table(
        "Certain links; with probable links (+)",
        header,
        (
            (
                q.agency,
                f"{q.true_pairs:,}",
                f"{q.certain:,}",
                f"{q.certain - q.certain_right:,}",
                f"{q.precision:.4f}",
                f"{q.recall:.4f}",
                f"{q.f1:.4f}",
                f"{q.probable:,}",
                f"{q.precision_with_probable:.4f}",
                f"{q.recall_with_probable:.4f}",
                f"{q.f1_with_probable:.4f}",
                f"{q.review_load:.1%}",
            )
            for q in (*quality, total(quality))
        ),
    )


def _guard_table(plain: Sequence[Quality], guarded: Sequence[Quality]) -> str:
    header = ("agency", "certain without", "wrong", "recall", "certain with", "wrong", "recall", "review with")
    return _table(
        "Certain links without and with the guards",
        header,
        (
            (
                a.agency,
                f"{a.certain:,}",
                f"{a.certain - a.certain_right:,}",
                f"{a.recall:.4f}",
                f"{b.certain:,}",
                f"{b.certain - b.certain_right:,}",
                f"{b.recall:.4f}",
                f"{b.review_load:.1%}",
            )
            for a, b in zip(plain, guarded, strict=True)
        ),
    )


def _group_table(by: str, groups: Sequence[GroupQuality]) -> str:
    return _table(
        f"By {by}",
        ("group", "true pairs", "P", "R", "P+", "R+"),
        (
            (
                g.group,
                f"{g.quality.true_pairs:,}",
                f"{g.quality.precision:.4f}",
                f"{g.quality.recall:.4f}",
                f"{g.quality.precision_with_probable:.4f}",
                f"{g.quality.recall_with_probable:.4f}",
            )
            for g in groups
        ),
    )


def _gap(gap: Gap) -> str:
    text = (
        f"By {escape(gap.by)}, the largest gap in certain recall is {100 * gap.recall_gap:.1f} points: "
        f"{escape(gap.worst)} below {escape(gap.best)}."
    )
    large = gap.recall_gap > GAP_LIMIT
    return f'<p class="warn">{text} More than {100 * GAP_LIMIT:.0f}: explain it.</p>' if large else f"<p>{text}</p>"


def _bars(title: str, quality: Sequence[Quality]) -> str:
    row, left, width = 40, 150, 600
    height = row * len(quality) + 30
    parts = []
    for n, q in enumerate(quality):
        y = n * row + 10
        parts.append(f'<text x="{left - 8}" y="{y + 18}" text-anchor="end">{escape(q.agency)}</text>')
        for offset, value, colour in ((0, q.recall, "#1d70b8"), (13, q.recall_with_probable, "#5694ca")):
            parts.append(f'<rect x="{left}" y="{y + offset}" width="{width * value:.1f}" height="12" fill="{colour}"/>')
            parts.append(f'<text x="{left + width * value + 5:.1f}" y="{y + offset + 10}">{value:.3f}</text>')
    return _svg(title, left + width + 60, height, parts)


def _reliability(bins: Sequence[Bin]) -> str:
    size, margin = 320, 40
    scale = size - margin
    parts = [
        f'<line x1="{margin}" y1="{scale}" x2="{size}" y2="0" stroke="#b1b4b6"/>',
        f'<line x1="{margin}" y1="0" x2="{margin}" y2="{scale}" stroke="#0b0c0c"/>',
        f'<line x1="{margin}" y1="{scale}" x2="{size}" y2="{scale}" stroke="#0b0c0c"/>',
        f'<text x="{margin}" y="{scale + 16}">0</text><text x="{size - 8}" y="{scale + 16}">1</text>',
        f'<text x="{size / 2}" y="{scale + 32}">probability given</text><text x="0" y="12">right</text>',
    ]
    for b in bins:
        x, y = margin + scale * b.mean, scale * (1 - b.right)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + min(6.0, b.links**0.3):.1f}" fill="#1d70b8"/>')
    table = _table(
        "Links by the probability they were given",
        ("from", "to", "links", "mean probability", "share right"),
        ((f"{b.low:g}", f"{b.high:g}", f"{b.links:,}", f"{b.mean:.3f}", f"{b.right:.3f}") for b in bins),
    )
    return _svg("Share of right links against the probability they were given", size + 20, size, parts) + table


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else "none"
