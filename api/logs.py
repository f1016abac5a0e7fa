"""Logs: one JSON line an event, and only fields on the list below. A field that is not on it is dropped; its name is logged."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "address",
        "agency",
        "attempts",
        "bytes",
        "calibration",
        "client",
        "duration_ms",
        "error",
        "job",
        "kind",
        "links",
        "method",
        "place",
        "recall",
        "records",
        "request",
        "route",
        "run",
        "schema",
        "search",
        "signal",
        "size",
        "stage",
        "status",
        "submission",
        "unlisted",
        "upload",
        "version",
        "why",
    }
)


def allow_listed(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop what is not on the list, and long or structured values: a log line is not a place for data."""
    kept = {}
    unlisted = set()
    for name, value in fields.items():
        plain = value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 200)
        if name in ALLOWED and plain:
            kept[name] = value
        else:
            unlisted.add(name if name.isidentifier() else "?")
    if unlisted:
        kept["unlisted"] = ",".join(sorted(unlisted))
    return kept


def configure(stream: TextIO | None = None) -> None:
    """Send our own and every library's log through the list. A library's message is dropped: it may quote values."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_listed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Library()]
    root.setLevel(logging.WARNING)


class _Library(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Log which library said something, not what."""
        log().warning("library", place=f"{record.name}:{record.lineno}", kind=record.levelname.lower())


def log() -> Any:
    """The logger."""
    return structlog.get_logger()


def place_of(error: BaseException) -> str:
    """Where in our code an error was raised, as `module:line`. Its text may hold values, and is never logged."""
    trace, place = error.__traceback__, "unknown"
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.split(".")[0] in {"api", "linkage", "protocols"}:
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
