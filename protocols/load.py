"""Read a sharing protocol from its YAML file, with every error at its line and column.

An error reads `file:line:column: rule: what is wrong, what would be right`; all errors of a document are listed at once.
The digest is the SHA-256 of the canonical JSON (RFC 8785) of what the document says: comments, quoting and layout are not part
of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import rfc8785
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from protocols.decision_index import CompiledProtocol, compile_protocol
from protocols.document import SharingProtocol
from protocols.document_checks import check_document
from protocols.document_parts import Problem
from protocols.document_words import problem_of
from protocols.errors import ProtocolError

MAX_BYTES = 2 << 20
_NEXT = "Correct the document and run `kinlink protocol check` again."


class DocumentError(ProtocolError):
    """A sharing protocol that cannot be loaded, with everything that is wrong with it."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines), next_step="\n" + _NEXT)
        self.lines = lines


class _Constructor(RoundTripConstructor):
    """Leaves dates as they are written, so that a wrong one is reported at its place."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", RoundTripConstructor.construct_scalar)


@dataclass(frozen=True)
class LoadedProtocol:
    """A sharing protocol as read: the document, its digest (64 hex digits) and its text."""

    document: SharingProtocol
    digest: str
    text: str

    @cached_property
    def compiled(self) -> CompiledProtocol:
        """The document, made ready to decide."""
        return compile_protocol(self.document, self.digest)

    @property
    def label(self) -> str:
        """How people name this version."""
        return f"{self.document.id} v{self.document.version}"


def load_protocol(path: Path) -> LoadedProtocol:
    """Read a sharing protocol. Raises `ProtocolError` that lists every error with its place."""
    return load_protocol_text(_read(path), path.name)


def read_yaml(path: Path) -> str:
    """A YAML 1.2 file as JSON text, dates as text. Raises `ProtocolError` for what cannot be read or is not YAML."""
    text = _read(path)
    return json.dumps(_plain(_parse(text, path.name), path.name))


def load_protocol_text(text: str, name: str) -> LoadedProtocol:
    """Read a sharing protocol from its text; `name` stands for the file in errors. Raises `ProtocolError`."""
    tree = _parse(text, name)
    data = _plain(tree, name)
    try:
        document = SharingProtocol.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        found = [problem_of(item, SharingProtocol) for item in error.errors()]
        raise _located(found, tree, name) from None
    found = list(check_document(document))
    if found:
        raise _located(found, tree, name)
    return LoadedProtocol(document, digest_of(document), text)


def digest_of(document: SharingProtocol) -> str:
    """The SHA-256 of the canonical JSON of what the document says; what it leaves to defaults is not part of it."""
    said = document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DocumentError((f"{path.name}:1:1: size: expected at most {MAX_BYTES} bytes, got more",))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProtocolError(f"`{path.name}` cannot be read: {error.strerror}.", next_step="Check the path.") from error
    except UnicodeDecodeError as error:
        raise DocumentError((f"{path.name}:1:1: encoding: expected UTF-8, got a byte that is not",)) from error


def _parse(text: str, name: str) -> CommentedMap | CommentedSeq:
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    try:
        tree = yaml.load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        what = str(error.problem or error.context or "not YAML").splitlines()[0]
        raise DocumentError((f"{name}:{place}: yaml: {what}; expected YAML 1.2 without duplicate keys",)) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise DocumentError((f"{name}:1:1: yaml: not readable ({type(error).__name__}); expected YAML 1.2",)) from None
    if not isinstance(tree, CommentedMap | CommentedSeq):
        raise DocumentError((f"{name}:1:1: yaml: expected a mapping or a list, got something else",))
    return tree


def _plain(tree: CommentedMap | CommentedSeq, name: str) -> Any:
    try:
        return _as_json(tree, 0)
    except (TypeError, ValueError, RecursionError):
        raise DocumentError(
            (
                f"{name}:1:1: yaml: expected mappings, lists, text, numbers, dates and flags, at most 20 deep, got something else",
            )
        ) from None


def _as_json(value: Any, depth: int) -> Any:
    if depth > 20:
        raise ValueError("too deep")
    if isinstance(value, dict):
        return {_key(key): _as_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool):
        return value
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(value)
    raise TypeError("not a plain value")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("a key that is not text")
    return str(key)


def _located(problems: list[Problem], tree: CommentedMap | CommentedSeq, name: str) -> DocumentError:
    placed = [(*_position(tree, problem.path), problem) for problem in problems]
    placed.sort(key=lambda item: (item[0], item[1]))
    return DocumentError(tuple(f"{name}:{line}:{column}: {p.rule}: {p.message}" for line, column, p in placed))


def _position(tree: Any, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Line and column (both from 1) of the deepest part of the path that the text has."""
    line, column = tree.lc.line, tree.lc.col
    node: Any = tree
    for step in path:
        try:
            if isinstance(node, CommentedMap) and isinstance(step, str):
                line, column = node.lc.key(step)
            elif isinstance(node, CommentedSeq) and isinstance(step, int):
                line, column = node.lc.item(step)
            else:
                break
            node = node[step]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return int(line) + 1, int(column) + 1
