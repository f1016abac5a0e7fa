"""What must hold between the parts of a sharing protocol before it can be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from protocols.document import SharingProtocol


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong: where in the document, by which rule, and what is wrong and would be right."""

    path: tuple[str | int, ...]
    rule: str
    message: str


def check_document(document: SharingProtocol) -> Iterator[Problem]:
    """Everything that is wrong with a document whose parts are each well formed."""
    yield from ()
