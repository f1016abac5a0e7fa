"""Whatever the text, loading it gives a protocol or a problem with a place, and nothing else."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_worlds import SHIPPED

from protocols.errors import ProtocolError
from protocols.load import DocumentError, canonical_json, load_protocol_text
from protocols.yaml_tree import NotATree, read_tree

DATA = json.loads(canonical_json(SHIPPED.document))
LINE = re.compile(r"^x\.json:\d+:\d+: [a-z0-9-]+: .+", re.DOTALL)
SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=12) | st.just([])
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part."""
    found = [at]
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += paths(item, (*at, key))
    return found


PATHS = [path for path in paths(DATA) if path]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), SCALARS), min_size=1, max_size=3))
def test_a_document_with_anything_anywhere(faults: list[tuple[tuple[Any, ...], Any]]) -> None:
    data = copy.deepcopy(DATA)
    for path, value in faults:
        node = data
        try:
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue
    try:
        loaded = load_protocol_text(json.dumps(data), "x.json")
    except DocumentError as error:
        assert error.lines
        assert all(LINE.match(line) for line in error.lines)
    else:
        assert load_protocol_text(canonical_json(loaded.document).decode(), "x.json").digest == loaded.digest


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab:- {}[],#&*!|>?'\"\n\t%@`0123456789.~=<"), max_size=60))
def test_any_text_is_a_tree_or_is_not(text: str) -> None:
    try:
        tree = read_tree(text)
    except NotATree as error:
        assert error.place >= (1, 1)
        assert error.what
    else:
        json.dumps(tree.data, allow_nan=False)
    try:
        load_protocol_text(text, "x.yaml")
    except ProtocolError:
        return
    raise AssertionError("a protocol came of nothing")


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict | list))
)
def test_json_is_read_as_json(value: Any) -> None:
    assert read_tree(json.dumps(value)).data == value
