"""What a YAML text says, remembered between commands: composing YAML takes ten times longer than everything else about it.

The memory is the user's own cache folder, by the SHA-256 of the text. What comes out of it is read and checked like any
document, and its digest is computed anew. A cache that cannot be read or written is done without.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "KINLINK_CACHE_DIR"
WORTH_KEEPING = 10_000  # characters below which composing is quick


def _file(text: str) -> Path | None:
    given = os.environ.get(FOLDER_VARIABLE) or os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(given) if given else Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return None
    return base / "kinlink" / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def recall(text: str) -> Any | None:
    """The data of a text that was composed before, or None."""
    path = _file(text) if len(text) > WORTH_KEEPING else None
    if path is None:
        return None
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def keep(text: str, data: Any) -> None:
    """Remember the data of a text, whole or not at all."""
    path = _file(text) if len(text) > WORTH_KEEPING else None
    if path is None:
        return
    partial = path.with_name(f".{secrets.token_hex(6)}.partial")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            partial.write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
