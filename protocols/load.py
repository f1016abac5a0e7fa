"""Read a sharing protocol from its YAML file, with every error at its line and column.

An error reads `file:line:column: rule: what is wrong, what would be right`; all errors of a document are
listed at once. The digest is the SHA-256 of the canonical JSON (RFC 8785) of what the document says:
comments, quoting and layout are not part of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import rfc8785
from pydantic import ValidationError

from protocols.decision_index import CompiledProtocol, compile_protocol
from protocols.document import SharingProtocol
from protocols.document_checks import check_document
from protocols.document_parts import Problem
from protocols.document_words import problem_of
from protocols.errors import ProtocolError
from protocols.yaml_tree import NotATree, Tree, read_tree

MAX_BYTES = 2 << 20
_NEXT = "Correct the document and run `kinlink protocol check` again."


class DocumentError(ProtocolError):
    """A sharing protocol that cannot be loaded, with everything that is wrong with it."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines), next_step="\n" + _NEXT)
        self.lines = lines


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
    """A YAML 1.2 file as JSON text, dates as text. Raises `ProtocolError` for what cannot be read or is not
    YAML.
    """
    return json.dumps(_tree(_read(path), path.name).data)


def load_protocol_text(text: str, name: str) -> LoadedProtocol:
    """Read a sharing protocol from its text; `name` stands for the file in errors. Raises `ProtocolError`."""
    tree = _tree(text, name)
    try:
        document = SharingProtocol.model_validate_json(json.dumps(tree.data), strict=True)
    except ValidationError as error:
        found = [problem_of(item, SharingProtocol) for item in error.errors()]
        raise _located(found, tree, name) from None
    found = list(check_document(document))
    if found:
        raise _located(found, tree, name)
    return LoadedProtocol(document, digest_of(document), text)


def digest_of(document: SharingProtocol) -> str:
    """The SHA-256 of the canonical JSON of what the document says; what it leaves to defaults is not part of
    it.
    """
    return hashlib.sha256(canonical_json(document)).hexdigest()


def canonical_json(document: SharingProtocol) -> bytes:
    """The canonical JSON (RFC 8785) of what the document says. It is a sharing protocol file too, and loads
    fast.
    """
    return rfc8785.dumps(document.model_dump(mode="json", by_alias=True, exclude_unset=True))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DocumentError((f"{path.name}:1:1: size: expected at most {MAX_BYTES} bytes, got more",))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProtocolError(f"`{path.name}` cannot be read: {error.strerror}.", next_step="Check the path.") from error
    except UnicodeDecodeError as error:
        raise DocumentError((f"{path.name}:1:1: encoding: expected UTF-8, got a byte that is not",)) from error


def _tree(text: str, name: str) -> Tree:
    try:
        return read_tree(text)
    except NotATree as error:
        line, column = error.place
        raise DocumentError((f"{name}:{line}:{column}: yaml: {error.what}",)) from None


def _located(problems: list[Problem], tree: Tree, name: str) -> DocumentError:
    placed = [(tree.place(problem.path), problem) for problem in problems]
    placed.sort(key=lambda item: item[0])
    return DocumentError(tuple(f"{name}:{line}:{column}: {p.rule}: {p.message}" for (line, column), p in placed))
