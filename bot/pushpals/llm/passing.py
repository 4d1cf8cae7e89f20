"""A model behind a model: what all that stand before another have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.llm.api import GREEDY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.llm.api import ChatModel, Completion, Message, Sampling, ToolSpec


class PassingModel:
    """A `ChatModel` that passes everything on to another; what stands before it overrides what it changes."""

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        """The inner model's name."""
        return self._inner.name

    @property
    def native_tools(self) -> bool:
        """As the inner model."""
        return self._inner.native_tools

    @property
    def context_tokens(self) -> int:
        """As the inner model."""
        return self._inner.context_tokens

    @property
    def fills(self) -> bool:
        """As the inner model."""
        return self._inner.fills

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Pass the gap on; raises ModelError."""
        return await self._inner.fill(prefix, suffix, sampling=sampling)

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = GREEDY,
    ) -> Completion:
        """Pass the conversation on; raises ModelError."""
        return await self._inner.complete(messages, tools=tools, sampling=sampling)

    async def close(self) -> None:
        """Close the inner model."""
        await self._inner.close()
