"""A chat model whose calls are counted: time, tokens and money, whatever they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.llm import ModelError
from pushpals.llm.api import GREEDY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushpals.llm import ChatModel, Completion, Message, Sampling, ToolSpec


class MeasuredModel:
    """Passes everything on to `inner` and tells `note` of every answer, or None for a call that failed."""

    def __init__(self, inner: ChatModel, note: Callable[[Completion | None], None]) -> None:
        self._inner = inner
        self._note = note

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
        try:
            answer = await self._inner.fill(prefix, suffix, sampling=sampling)
        except ModelError:
            self._note(None)
            raise
        self._note(answer)
        return answer

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        """Pass the conversation on; raises ModelError."""
        try:
            answer = await self._inner.complete(messages, tools=tools, sampling=sampling)
        except ModelError:
            self._note(None)
            raise
        self._note(answer)
        return answer

    async def close(self) -> None:
        """Close the inner model."""
        await self._inner.close()
