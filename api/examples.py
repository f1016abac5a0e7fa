"""Examples for the API's description, by the name of a field or parameter: the same name means the same thing everywhere."""

from __future__ import annotations

import re
from typing import Any

_DIGEST = "6d7b0f35240e874981000a1f46aeb3471bebf873c179f70b2736444f68666aad"
_SHORT = "5f1e0c9a7b3d2e46"
BY_NAME: dict[str, Any] = {
    "about": f"break-glass-review-late:bgl-{_SHORT}",
    "access_id": f"bgl-{_SHORT}",
    "access_token": "kq3V0b1WmVQ0p3n3n8d4x2o7y9Tt5cRz1uLw6EfGhJk",
    "agency": "police",
    "alert_id": f"alr-{_SHORT}",
    "audience": "kinlink",
    "bytes": 734_003,
    "challenge_id": f"chl-{_SHORT}",
    "cursor": 4711,
    "day": "2026-11-15",
    "decision_id": f"prf-{_SHORT}0a1b.00.01.003",
    "detail": "The submission has 3 records of a kind that the sharing protocol does not know.",
    "digest": _DIGEST,
    "error": "access_denied",
    "expires_in": 300,
    "family_ref": "WB-20701",
    "file_sha256": _DIGEST,
    "how": "provider",
    "Idempotency-Key": _SHORT,
    "If-Match": f'"{_DIGEST[:32]}"',
    "instance": f"urn:kinlink:request:{_SHORT}",
    "iss": "https://login.county.example",
    "kind": "links",
    "link_id": f"lnk-{_SHORT}0a1b2c3d",
    "manager": "w-0042",
    "member_ref": "mQ7rT2xYpL",
    "next_step": "Correct the extract's mapping, then submit again.",
    "number": 1,
    "offices": ["police:data-protection-officer"],
    "part_bytes": 8_388_608,
    "person": "dpo-1",
    "profile": f"prf-{_SHORT}0a1b",
    "recall_id": f"rcl-{_SHORT}",
    "record_ref": "p8KdX3vNqW",
    "rehearsal_id": f"reh-{_SHORT}",
    "report_digest": _DIGEST,
    "return_to": "/v1/me",
    "reviewer": "w-0042",
    "run_id": f"run-{_SHORT}",
    "scope": "submit:police review:police",
    "session": f"ses-{_SHORT}",
    "since": 4700,
    "status": "live",
    "submission": f"sub-{_SHORT}0a1b2c3d",
    "submission_id": f"sub-{_SHORT}0a1b2c3d",
    "title": "This cannot be used",
    "type": "urn:kinlink:problem:input",
    "upload_id": f"up-{_SHORT}0a1b2c3d",
    "worker": "w-0042",
}
_BY_FORMAT = {"date-time": "2026-11-16T09:30:00Z", "date": "2026-11-16"}
_TYPES: dict[str, tuple[type, Any]] = {
    "string": (str, "text"),
    "boolean": (bool, False),
    "integer": (int, 3),
    "number": (float, 1.5),
    "array": (list, []),
    "object": (dict, {}),
}


def add_examples(described: dict[str, Any]) -> dict[str, Any]:
    """The same description, with an example at every field and parameter for which there is one that fits."""
    for schema in described.get("components", {}).get("schemas", {}).values():
        _fields(schema)
    for operations in described["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                _add(parameter["name"], parameter["schema"])
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                for content in part.get("content", {}).values():
                    _fields(content.get("schema", {}))
    return described


def _fields(schema: dict[str, Any]) -> None:
    for name, field in schema.get("properties", {}).items():
        _add(name, field)


def _add(name: str, schema: dict[str, Any]) -> None:
    if "$ref" not in schema and "examples" not in schema:
        fitting = [value for value in _candidates(name, schema) if _fits(schema, value)]
        if fitting:
            schema["examples"] = fitting[:1]


def _candidates(name: str, schema: dict[str, Any]) -> list[Any]:
    found = [BY_NAME[name]] if name in BY_NAME else []
    for part in (schema, *schema.get("anyOf", ())):
        found += [part["const"]] if "const" in part else []
        found += part.get("enum", [])[:1]
        found += [_BY_FORMAT[part["format"]]] if part.get("format") in _BY_FORMAT else []
        found += [_TYPES[part["type"]][1]] if part.get("type") in _TYPES else []
    return found


def _fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value is what a schema asks for, as far as our own schemas ask for anything."""
    if "anyOf" in schema:
        return any(_fits(part, value) for part in schema["anyOf"])
    if "$ref" in schema or ("const" in schema and value != schema["const"]):
        return False
    kind = _TYPES.get(schema.get("type", ""))
    if kind is None or not isinstance(value, kind[0]) or (kind[0] is int and isinstance(value, bool)):
        return False
    if value not in schema.get("enum", [value]):
        return False
    if isinstance(value, str):
        long_enough = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        dated = schema.get("format") not in _BY_FORMAT or value == _BY_FORMAT[schema["format"]]
        return long_enough and dated and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return not isinstance(value, list) or len(value) >= schema.get("minItems", 0)
