"""What a WorkerPal tells while it works: typed events for live progress, the check run and the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pushpals.model import CheckResult


@dataclass(frozen=True)
class TurnStarted:
    """The model is about to be asked."""

    turn: int
    """Counted from 1."""
    of: int
    """How many turns there may be."""
    doing: str
    """What the turn is for, in a few words for people."""


@dataclass(frozen=True)
class ModelCalled:
    """The model answered."""

    turn: int
    model: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    usd: float | None
    seconds: float
    answer: str
    """The model's text, for the audit. Untrusted."""


@dataclass(frozen=True)
class ToolUsed:
    """The workspace was looked at or changed, or a command ran."""

    name: str
    """`read`, `search`, `list`, `edit`, `write` or `run`."""
    line: str
    """At most 100 characters for people."""
    detail: str = ""
    """For the audit: the diff of an edit, the output of a command."""


@dataclass(frozen=True)
class CheckRan:
    """One of the repository's checks ran."""

    result: CheckResult
    base: bool
    """Whether it ran before any change."""


@dataclass(frozen=True)
class Refused:
    """Something was not allowed. One plain sentence."""

    text: str


@dataclass(frozen=True)
class Note:
    """A remark for people on what the agent found or decides."""

    text: str


AgentEvent = TurnStarted | ModelCalled | ToolUsed | CheckRan | Refused | Note
Emit = Callable[[AgentEvent], None]

LINE = 100


def one_line(text: str, limit: int = LINE) -> str:
    """Return text on one line of at most `limit` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
