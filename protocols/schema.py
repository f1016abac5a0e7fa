"""The JSON Schema of sharing protocols, for editors that check and complete as people write."""

from __future__ import annotations

import json

from protocols.document import SharingProtocol


def json_schema() -> str:
    """The schema as JSON text, in a stable order."""
    schema = SharingProtocol.model_json_schema(by_alias=True, mode="validation")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Sharing protocol"}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
