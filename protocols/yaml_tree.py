"""A YAML 1.2 text as plain JSON data, with the place of every part of it.

Only what JSON knows: mappings with text keys, lists, text, numbers, flags and null; dates stay text. Tags,
merge keys and duplicate keys are refused. A text that is JSON already (JSON is YAML) is read as JSON, which
is much faster.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from protocols import load_cache

MAX_DEPTH: Final = 20
Path = tuple[str | int, ...]
Place = tuple[int, int]
_CORE: Final = "tag:yaml.org,2002:"
_INT: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]{1,3})?")


class NotATree(ValueError):
    """The text is not YAML as it is used here; the place (line and column, from 1) and what is wrong."""

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(what)
        self.place = place
        self.what = what


@dataclass(slots=True)
class Tree:
    """The data and where its parts are."""

    data: Any
    text: str
    _places: dict[Path, Place] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """Line and column (from 1) of the deepest part of the path that the text has."""
        if not self._places:
            self._places = _compose(self.text)[1]
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, (1, 1))


def read_tree(text: str) -> Tree:
    """Read a text. Raises `NotATree`."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return Tree(json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_refuse_constant), text)
        except (ValueError, RecursionError):
            pass  # YAML in flow style, or JSON with a fault: YAML says where.
    remembered = load_cache.recall(text)
    if remembered is not None:
        return Tree(remembered, text)  # places are found when somebody asks for one
    data, places = _compose(text)
    load_cache.keep(text, data)
    return Tree(data, text, places)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a duplicate key")
    return dict(pairs)


def _refuse_constant(_: str) -> None:
    raise ValueError("not a number")


def _compose(text: str) -> tuple[Any, dict[Path, Place]]:
    yaml = YAML(typ="safe", pure=True)
    places: dict[Path, Place] = {}
    try:
        node = yaml.compose(text)
        if node is None:
            raise NotATree((1, 1), "expected a mapping or a list, got nothing")
        return _plain(node, (), places), places
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(error.problem or error.context or "not YAML").splitlines()[0]
        raise NotATree(place, f"{what}; expected YAML 1.2") from None
    except (YAMLError, RecursionError) as error:
        raise NotATree((1, 1), f"not readable ({type(error).__name__}); expected YAML 1.2") from None


def _plain(node: Node, path: Path, places: dict[Path, Place]) -> Any:
    here = _place(node)
    places.setdefault(path, here)
    if len(path) > MAX_DEPTH:
        raise NotATree(here, f"expected at most {MAX_DEPTH} levels, got more")
    if isinstance(node, MappingNode) and _tag(node) == "map":
        return _mapping(node, path, places)
    if isinstance(node, SequenceNode) and _tag(node) == "seq":
        return [_plain(item, (*path, i), places) for i, item in enumerate(node.value)]
    if isinstance(node, ScalarNode):
        return _scalar(node)
    raise NotATree(here, "expected a mapping, a list or a plain value without a tag")


def _mapping(node: MappingNode, path: Path, places: dict[Path, Place]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node) if isinstance(key_node, ScalarNode) else None
        if not isinstance(key, str) or _tag(key_node) == "merge":
            raise NotATree(_place(key_node), "expected a key that is text")
        if key in out:
            raise NotATree(_place(key_node), f"duplicate key `{key[:60]}`; expected it once")
        places[(*path, key)] = _place(key_node)
        out[key] = _plain(value_node, (*path, key), places)
    return out


def _scalar(node: ScalarNode) -> Any:
    text, tag = str(node.value), _tag(node)
    if tag in ("str", "timestamp"):
        return text
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag == "int":
        return int(text) if _INT.fullmatch(text) else text
    if tag == "float":
        return float(text) if _FLOAT.fullmatch(text) and math.isfinite(float(text)) else text
    if tag == "merge":
        return text
    raise NotATree(_place(node), "expected a plain value without a tag")


def _tag(node: Node) -> str:
    return str(node.tag).removeprefix(_CORE)


def _place(node: Node) -> Place:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
