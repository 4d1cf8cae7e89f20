"""A watch on a model: how often it is asked, what it is sent and sends, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from pushpals.llm import ChatModel, Completion, Message, Sampling, ToolSpec
from pushpals.llm.api import GREEDY
from pushpals.llm.passing import PassingModel


@dataclass
class Watch:
    """What a model was asked for. It is told of each answer at once, so nothing is lost by a stop."""

    tries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0

    def add(self, *, tries: int, tokens_in: int, tokens_out: int) -> None:
        """Count what was spent by who asks the model by itself."""
        self.tries += tries
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out


class TimedModel(PassingModel):
    """A model with a watch on it."""

    def __init__(self, inner: ChatModel, watch: Watch) -> None:
        super().__init__(inner)
        self.watch = watch

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """As the model does."""
        return await self._count(super().fill(prefix, suffix, sampling=sampling))

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        """As the model does."""
        return await self._count(super().complete(messages, tools=tools, sampling=sampling))

    async def _count(self, asked: Awaitable[Completion]) -> Completion:
        self.watch.tries += 1
        began = time.perf_counter()
        try:
            answer = await asked
        finally:
            self.watch.seconds += time.perf_counter() - began
        self.watch.tokens_in += answer.tokens_in
        self.watch.tokens_out += answer.tokens_out
        return answer
