"""Logging of a PushPals process: one line an event, to standard error, with secrets taken out."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

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


def _one_line(text: str) -> str:
    """Spell out line feeds and all else that steers a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def set_up(level: str, redactor: Redactor) -> None:
    """Log PushPals at `level` and everything else from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(redactor))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pushpals").setLevel(level)
