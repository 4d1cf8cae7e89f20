"""GitHub's rate limits, read and obeyed. Nothing here does I/O or reads a clock.

Rules: GitHub documentation, "Rate limits for the REST API", "Rate limits for the GraphQL API" and "Best
practices for using the REST API".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

_SECONDARY = ("secondary rate limit", "abuse detection", "submitted too quickly")
_UNSAID_WAIT = 60.0
"""Seconds to wait when GitHub limits without saying how long; doubled at every further attempt."""


def limited_until(
    status: int, headers: Mapping[str, str], answer: object, *, now: float, attempt: int
) -> float | None:
    """Return until when (seconds since the epoch) an answer forbids asking again; None when it does not.

    `answer` is the decoded body; `attempt` counts from 1. GraphQL reports its limits with status 200, and
    counts as limited here only when nothing of the document was done.
    """
    if status == HTTPStatus.OK:
        if not _nothing_but_limits(answer):
            return None
    elif status not in {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}:
        return None
    if after := headers.get("retry-after"):
        return now + (float(after) if after.isdigit() else _UNSAID_WAIT)
    if headers.get("x-ratelimit-remaining") == "0":
        return float(headers.get("x-ratelimit-reset", now + _UNSAID_WAIT)) + 1
    if status in {HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS} or is_secondary(str(answer)):
        return now + _UNSAID_WAIT * 2.0 ** (attempt - 1)
    return None


@dataclass(frozen=True)
class Allowance:
    """What GitHub's answers say of an hour's allowance."""

    limit: int
    remaining: int
    reset: float
    """When a new hour begins (seconds since the epoch)."""


def allowance_of(headers: Mapping[str, str]) -> Allowance | None:
    """Return the allowance that an answer tells of; None when it tells of none."""
    told = [headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset")]
    if not all(text.isdecimal() for text in told):
        return None
    limit, remaining, reset = map(int, told)
    return Allowance(limit, remaining, float(reset))


def is_secondary(message: str) -> bool:
    """Tell whether GitHub's message speaks of a secondary limit."""
    return any(phrase in message.lower() for phrase in _SECONDARY)


def _nothing_but_limits(answer: object) -> bool:
    if not isinstance(answer, dict) or any((answer.get("data") or {}).values()):
        return False
    errors = answer.get("errors") or ()
    return bool(errors) and all(
        e.get("type") == "RATE_LIMITED" or is_secondary(str(e.get("message"))) for e in errors
    )


class Pacer:
    """A token bucket: bursts of `burst` writes pass at once, more are spread to `per_second`.

    GitHub asks for a second between writes, and stops an App that creates more than 80 things a minute.
    A run makes a handful of writes, which never wait here; a server with many runs at once settles at one
    a second, at most 70 in the first minute.
    """

    def __init__(self, *, burst: int = 10, per_second: float = 1.0) -> None:
        self._burst = float(burst)
        self._rate = per_second
        self._level = float(burst)
        self._at: float | None = None

    def take(self, writes: int, *, now: float) -> float:
        """Take `writes` out of the bucket and return the seconds to wait before sending them.

        The bucket may go below zero: later callers queue behind, in order.
        """
        if self._at is not None:
            self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        self._level -= writes
        return max(0.0, -self._level / self._rate)

    def give_back(self, writes: int) -> None:
        """Undo a `take` whose writes were not sent."""
        self._level = min(self._burst, self._level + writes)
