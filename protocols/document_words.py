"""What pydantic found wrong with a document, in the words of the people who write it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from protocols.document_parts import Problem


def problem_of(item: ErrorDetails, model: type[BaseModel]) -> Problem:
    """One pydantic error as a problem with its path, rule and message."""
    path = tuple(item["loc"])
    field = str(path[-1]) if path else "document"
    kind, context = item["type"], item.get("ctx", {})
    if kind == "missing":
        return Problem(path, "missing-field", f"`{field}` is missing; expected it here")
    if kind == "extra_forbidden":
        return Problem(path, "unknown-field", _unknown(field, path, model))
    if kind in ("enum", "literal_error"):
        return Problem(path, "closed-list", f"expected {context.get('expected', 'a known word')}, got {_got(item)}")
    if kind == "value_error":
        return Problem(path, "value", str(context.get("error", item["msg"])))
    return Problem(path, "value", f"`{field}`: {_expected(kind, context, item['msg'])}, got {_got(item)}")


def _unknown(field: str, path: tuple[str | int, ...], model: type[BaseModel]) -> str:
    known = _fields_at(path[:-1], model)
    close = get_close_matches(field, known, n=1)
    if close:
        return f"`{field}` is not known here; did you mean `{close[0]}`?"
    return f"`{field}` is not known here; expected one of {', '.join(f'`{name}`' for name in known)}"


def _fields_at(path: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    here: Any = model
    for step in path:
        if isinstance(here, type) and issubclass(here, BaseModel) and isinstance(step, str):
            fields = {field.alias or name: field.annotation for name, field in here.model_fields.items()}
            here = _model_in(fields.get(step))
    return [field.alias or name for name, field in here.model_fields.items()] if here else []


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    if get_origin(annotation) in (Union, UnionType, tuple, list, dict) or get_args(annotation):
        for part in get_args(annotation):
            if (found := _model_in(part)) is not None:
                return found
    return None


def _expected(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "string_pattern_mismatch":
        return f"expected text of the form `{context['pattern']}`"
    return "expected " + message.removeprefix("Input should be ").removeprefix("Input should ")


def _got(item: ErrorDetails) -> str:
    value = item["input"]
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value)
    return f"`{text[:60]}`" if value is not None else "nothing"
