"""Logging of a PushPals process: one line an event, to standard error, with secrets taken out."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pushpals.loop.tracing import JOB, SUBJECT

if TYPE_CHECKING:
    from types import TracebackType

    from pushpals.audit.redact import Redactor

    _Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class RedactingFormatter(logging.Formatter):
    """Formats as usual, then redacts the whole text: messages, arguments and tracebacks alike."""

    def __init__(self, redactor: Redactor) -> None:
        """`redactor` knows the secrets of this process."""
        super().__init__(FORMAT)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one redacted text."""
        return self._redactor(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the event on one line: what a stranger wrote must not begin a line of its own."""
        return _one_line(super().formatMessage(record))

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - the name is logging's
        """Return the traceback, indented: an error's message may have lines, and none of them is an event."""
        return "\n".join(f"  {_one_line(line)}" for line in super().formatException(ei).splitlines())


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object, every text in it redacted.

    It has `at`, `level`, `logger`, `message`, and where they are known `subject`, `job`, `event`, `error`.
    """

    def __init__(self, redactor: Redactor) -> None:
        """`redactor` knows the secrets of this process."""
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "subject": getattr(record, "subject", "") or SUBJECT.get(),
            "job": getattr(record, "job", "") or JOB.get(),
            "event": getattr(record, "event", ""),
            "error": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({name: self._redactor(text) for name, text in told.items() if text})


def _one_line(text: str) -> str:
    """Spell out line feeds and all else that steers a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def set_up(level: str, redactor: Redactor, shape: Literal["text", "json"] = "text") -> None:
    """Log PushPals at `level` and everything else from WARNING on, a line for each event."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if shape == "json" else RedactingFormatter(redactor))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pushpals").setLevel(level)
