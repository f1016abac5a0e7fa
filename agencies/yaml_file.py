"""Reading a YAML file into a strict model, with file, line and column in every message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from protocols.errors import InputError

_Model = TypeVar("_Model", bound=BaseModel)
_MOST_BYTES = 1 << 20
_SHOWN = 5


def read_yaml(path: Path, model: type[_Model]) -> _Model:
    """Read and check one file. Raises `InputError` that lists up to five places that are wrong."""
    document = _parsed(path)
    try:
        return model.model_validate_json(_json(document), strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        lines = [f"`{path.name}:{_place(document, item['loc'])}`: {_said(item)}" for item in problems[:_SHOWN]]
        more = f" … and {len(problems) - _SHOWN} more." if len(problems) > _SHOWN else ""
        raise InputError(
            f"{path.name} cannot be used. " + "; ".join(lines) + more,
            next_step="Correct it there. docs/data-officer.md shows every setting.",
        ) from None


def _parsed(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"`{path.name}` is larger than {_MOST_BYTES} bytes: it is not a settings file.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"`{path.name}` cannot be read: {error.strerror}.",
            next_step="Check the path, or make the folder with `kinlink agency init`.",
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"`{path.name}` is not UTF-8 text (byte {error.start}).", next_step="Save it as UTF-8."
        ) from None
    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = (error.problem or "not YAML").split("\n")[0][:120]
        raise InputError(f"`{path.name}{where}`: {problem}.", next_step="Correct the YAML there.") from None
    except YAMLError:
        raise InputError(f"`{path.name}` is not YAML.", next_step="Correct it with a text editor.") from None
    if not isinstance(document, CommentedMap):
        raise InputError(f"`{path.name}` must be a list of `name: value` lines.", next_step="Correct it.")
    return document


def _json(document: Any) -> str:
    return json.dumps(_plain(document))


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if node is None or isinstance(node, bool):
        return node
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    return str(node)


def _place(document: Any, location: tuple[int | str, ...]) -> str:
    """The line and column of the deepest part of a location that is in the file."""
    line, column = 0, 0
    node = document
    for part in location:
        if isinstance(node, CommentedMap) and part in node:
            line, column = node.lc.key(part)
            node = node[part]
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line, column = node.lc.item(part)
            node = node[part]
        else:
            break
    return f"{line + 1}:{column + 1}"


def _said(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"]) or "(file)"
    if item["type"] == "missing":
        return f"`{name}` is missing"
    if item["type"] == "extra_forbidden":
        return f"`{name}` is not a setting"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"`{name}`: {message[:1].lower()}{message[1:]}"
