"""The one exception a chat model raises."""

from __future__ import annotations

from typing import Literal

Cause = Literal[
    "unreachable",  # nothing answers, or the server itself is in trouble (5xx)
    "timeout",  # no full answer within the time allowed
    "truncated",  # the connection was cut inside the answer
    "garbage",  # an answer came, but it is none
    "refused",  # the server, or the provider's filter, will not answer this request
    "auth",  # the key is missing or wrong
    "rate_limited",  # too many requests, or no quota left
    "context_length",  # the prompt is longer than the model takes
    "unavailable",  # the model could not be made ready on this machine (fetch, disk, start)
]

_RETRYABLE: frozenset[Cause] = frozenset({"unreachable", "timeout", "truncated", "rate_limited"})


class ModelError(Exception):
    """A model gave no usable answer.

    `what` and `remedy` are sentences for people: what happened, and what to do next. Neither holds a key.
    `retry_after` is the wait in seconds the server asked for, if it did.
    """

    def __init__(self, cause: Cause, what: str, remedy: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{what} {remedy}")
        self.cause: Cause = cause
        self.what = what
        self.remedy = remedy
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same request may well succeed later."""
        return self.cause in _RETRYABLE
