"""What the rest of the house knows about a chat model: one protocol and the values it trades in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True)
class ToolCall:
    """A model's wish to call a tool.

    `arguments` is a JSON object, already parsed; nothing has checked it against the tool's schema.
    """

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ToolSpec:
    """A tool the model may call. `parameters` is the JSON schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """One message of a conversation. A message of role `tool` answers the call named by `tool_call_id`."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn. `max_tokens` bounds the answer alone; `stop` texts end it and are left out."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 1024
    seed: int | None = None
    stop: tuple[str, ...] = ()


GREEDY = Sampling()
"""The default: the likeliest answer, at most 1024 tokens long."""


@dataclass(frozen=True)
class Completion:
    """One answer and what it cost.

    `tokens_in` counts the whole prompt, `tokens_cached` the part of it the server had kept from before.
    `usd` is None where the price is unknown, 0 for a model on this machine. `seconds` is wall time,
    retries included.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0
    model: str = field(default="", kw_only=True)


class ChatModel(Protocol):
    """Any chat model.

    `native_tools` says whether `tools` are sent to the model at all. An endpoint may turn out to reject
    them at the first use: that call is then answered without tools and `native_tools` is False from there
    on, so look at it before every turn. `context_tokens` is what prompt and answer may take together.
    """

    @property
    def name(self) -> str:
        """The model's name, for people."""

    @property
    def native_tools(self) -> bool:
        """Whether the model takes tools as such, rather than as text."""

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""

    @property
    def fills(self) -> bool:
        """Whether `fill` may be called: the model was trained to fill gaps, and the endpoint lets it."""

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Return what may stand between `prefix` and `suffix`; raises ModelError."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = GREEDY,
    ) -> Completion:
        """Answer a conversation; raises ModelError."""

    async def close(self) -> None:
        """Let go of connections. The model cannot be used afterwards."""
