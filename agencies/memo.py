"""A function of one text that remembers what it found: the same names, dates and places come again and again in an extract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Found = TypeVar("_Found")
_MOST = 1 << 16


class Memo(dict[str, _Found], Generic[_Found]):
    """`memo[text]` is what the function says of the text. Forgets everything when it is full; lives as long as one reading."""

    def __init__(self, function: Callable[[str], _Found]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, text: str) -> _Found:
        if len(self) >= _MOST:
            self.clear()
        found = self[text] = self._function(text)
        return found
