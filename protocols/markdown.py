"""What the generated pages share: the line that says so, and blocks put together as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MADE: Final = "<!-- Generated from the sharing protocol. Do not edit: run `kinlink protocol pages`. -->"


def joined(blocks: Iterable[str]) -> str:
    """Blocks with an empty line between them; lines of one list stay together."""
    text: list[str] = []
    for block in blocks:
        listed = block.startswith(("- ", "1. ")) or (block[:1].isdigit() and ". " in block[:4])
        before = text[-1] if text else ""
        if text and not (listed and (before.startswith("- ") or before[:1].isdigit())):
            text.append("")
        if block:
            text.append(block)
    return "\n".join(text) + "\n"
