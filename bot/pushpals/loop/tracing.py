"""Which subject and which job the code that runs now works for: so that every line of a log can say so."""

from __future__ import annotations

from contextvars import ContextVar

SUBJECT: ContextVar[str] = ContextVar("pushpals_subject", default="")
"""`owner/name#number`; empty where no subject is worked on. Tasks begun meanwhile inherit it."""
JOB: ContextVar[str] = ContextVar("pushpals_job", default="")
"""The job's id, while one is worked on."""
