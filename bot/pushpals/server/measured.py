"""A chat model whose calls are counted: time, tokens and money, whatever they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.llm import ModelError, PassingModel
from pushpals.llm.api import GREEDY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushpals.llm import ChatModel, Completion, Message, Sampling, ToolSpec


class MeasuredModel(PassingModel):
    """Passes everything on to `inner` and tells `note` of every answer, or None for a call that failed."""

    def __init__(self, inner: ChatModel, note: Callable[[Completion | None], None]) -> None:
        super().__init__(inner)
        self._note = note

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Pass the gap on; raises ModelError."""
        try:
            answer = await super().fill(prefix, suffix, sampling=sampling)
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
            answer = await super().complete(messages, tools=tools, sampling=sampling)
        except ModelError:
            self._note(None)
            raise
        self._note(answer)
        return answer
