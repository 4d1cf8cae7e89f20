"""Logging of a PushPals process: one line an event, to standard error, with secrets taken out."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushpals.audit.redact import Redactor

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


def set_up(level: str, redactor: Redactor) -> None:
    """Log PushPals at `level` and everything else from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(redactor))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pushpals").setLevel(level)
