"""The service's log: listed fields only, and no library's message."""

import io
import json
import logging

import pytest
import structlog

from api.logs import allow_listed, configure, log


@pytest.fixture
def lines():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_unknown_field_is_dropped_and_named(lines):
    log().info("request", route="/v1/runs", worker="Maya Okafor")
    (line,) = lines()
    assert line["route"] == "/v1/runs"
    assert line["unlisted"] == "worker"
    assert "Okafor" not in json.dumps(line)


def test_a_long_or_structured_value_is_dropped_even_under_a_listed_name():
    kept = allow_listed(None, "info", {"event": "x", "place": "a" * 201, "stage": {"name": "Maya"}, "size": 3})
    assert kept == {"event": "x", "size": 3, "unlisted": "place,stage"}


def test_a_field_name_that_is_no_name_is_not_quoted():
    assert allow_listed(None, "info", {"Maya Okafor": 1})["unlisted"] == "?"


def test_what_a_library_says_is_not_repeated(lines):
    logging.getLogger("sqlalchemy").warning("cannot insert %s", "Maya Okafor")
    (line,) = lines()
    assert line["place"].startswith("sqlalchemy:")
    assert "Okafor" not in json.dumps(line)
