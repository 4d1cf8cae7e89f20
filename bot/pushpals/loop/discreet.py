"""No secret of this process reaches a model, whatever an error, a log or a file let out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.llm import GREEDY, PassingModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.audit.redact import Redactor
    from pushpals.llm import ChatModel, Completion, Message, Sampling, ToolSpec


class DiscreetModel(PassingModel):
    """A `ChatModel` that is shown no secret `redactor` was told of, in any form it knows.

    What only looks like a token is shown: it may be an example in the code that is worked on, and what
    the model writes back must fit that.
    """

    def __init__(self, inner: ChatModel, redactor: Redactor) -> None:
        super().__init__(inner)
        self._hide = redactor.known

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Pass the gap on without secrets; raises ModelError."""
        return await super().fill(self._hide(prefix), self._hide(suffix), sampling=sampling)

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = GREEDY,
    ) -> Completion:
        """Pass the conversation on without secrets; raises ModelError."""
        shown = [replace(message, content=self._hide(message.content)) for message in messages]
        return await super().complete(shown, tools=tools, sampling=sampling)
