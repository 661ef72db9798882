"""Structured logs: one line an event, to stderr, with secrets taken out before they are written."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from vedette.log_file import LogFile

_SECRET_KEY = re.compile(r"passw|secret|token|authorization|cookie|api_?key|private", re.IGNORECASE)
_REDACTED = "[redacted]"
MAX_VALUE = 2000
"""Characters of a value that are logged: a hostile peer must not fill the disk with one line."""

Logger = structlog.stdlib.BoundLogger


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values whose key names a secret, and cut long ones (a structlog processor)."""
    for key, value in event.items():
        if _SECRET_KEY.search(key):
            event[key] = _REDACTED
        elif isinstance(value, str) and len(value) > MAX_VALUE:
            event[key] = value[:MAX_VALUE] + "…"
    return event


class _Stderr:
    """The process's stderr; when nobody reads it any more, lines are lost and nothing else is."""

    def write(self, text: str) -> int:
        """Write, whatever became of the reader."""
        with contextlib.suppress(OSError, ValueError):
            return sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, whatever became of the reader."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def configure(*, level: str = "info", as_json: bool = False, file: LogFile | None = None) -> None:
    """Send our events to stderr or a file as lines, and let libraries speak only when something is wrong."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=file is None and sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # A line and its end in one call: several processes write to the same place.
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stderr() if file is None else file)),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        stream=sys.stderr if file is None else file,
        level=logging.ERROR,
        format="%(asctime)s [library  ] %(name)s: %(message)s",
    )
    # slixmpp and SPADE report every lost connection as an error of their own; ours say it once.
    for name in ("slixmpp", "spade"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def logger(name: str, **values: Any) -> Logger:
    """Return a logger whose lines carry `part=name` and the given values."""
    return cast(Logger, structlog.get_logger().bind(part=name, **values))


def level() -> str:
    """Return the level that this process logs at, for the processes that it starts."""
    effective: int = structlog.get_logger().bind().get_effective_level()
    return "info" if effective == logging.NOTSET else logging.getLevelName(effective).lower()
