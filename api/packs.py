"""Answers of the audit log as a person reads them: plain Markdown from plain values."""

from __future__ import annotations

from typing import Any


def as_text(title: str, body: dict[str, Any]) -> str:
    """A readable page of an answer."""
    lines = [f"# {title}", ""]
    for name, value in body.items():
        lines += _section(_words(name), value)
    return "\n".join(lines).rstrip() + "\n"


def _section(name: str, value: Any) -> list[str]:
    if isinstance(value, list):
        if not value:
            return [f"## {name}", "", "None.", ""]
        if all(isinstance(item, dict) for item in value):
            return [f"## {name} ({len(value)})", "", *_table(value), ""]
        return [f"## {name} ({len(value)})", "", *(f"- {_cell(item)}" for item in value), ""]
    if isinstance(value, dict):
        return [f"## {name}", "", *(f"- {_words(key)}: {_cell(item)}" for key, item in value.items()), ""]
    return [f"{name}: {_cell(value)}", ""]


def _table(rows: list[dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(_words(name) for name in names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in names) + " |" for row in rows]
    return lines


def _cell(value: Any) -> str:
    if value is None:
        return "not kept any more"
    if isinstance(value, list):
        return "; ".join(_cell(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{_words(key)} {_cell(item)}" for key, item in value.items())
    return str(value).replace("|", "\\|").replace("\n", " ")


def _words(name: str) -> str:
    return name.replace("_", " ")
