"""The JSON Schema of sharing protocols, for editors that check and complete as people write."""

from __future__ import annotations

import json
from typing import Any

from protocols.document import SharingProtocol


def json_schema() -> str:
    """The schema as JSON text, in a stable order."""
    schema = _one_line(SharingProtocol.model_json_schema(by_alias=True, mode="validation"))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Sharing protocol"}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _one_line(node: Any) -> Any:
    """The same, its descriptions without the line breaks of the source."""
    if isinstance(node, dict):
        return {
            key: " ".join(value.split()) if key == "description" and isinstance(value, str) else _one_line(value)
            for key, value in node.items()
        }
    return [_one_line(item) for item in node] if isinstance(node, list) else node
