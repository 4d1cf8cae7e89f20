"""The embedded model as a chat model that outlives its process: one that died is started again when asked."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence

from pushpals.llm import GREEDY, ChatModel, Completion, Message, ModelError, Sampling, ToolSpec
from pushpals.local.model.server import EmbeddedServer


class LastingModel:
    """Asks the embedded model at wherever its process answers now.

    A process that dies while it answers is started again and asked once more. What it dies of again is
    raised: it may be the question. `connect` makes the chat model at an address.
    """

    def __init__(self, server: EmbeddedServer, connect: Callable[[str], ChatModel]) -> None:
        self._server = server
        self._connect = connect
        self._url = server.url
        self._model = connect(server.url)
        self._before = contextlib.AsyncExitStack()
        """Models at earlier addresses: another call may still be in one of them."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def native_tools(self) -> bool:
        """As the model at the endpoint."""
        return self._model.native_tools

    @property
    def context_tokens(self) -> int:
        """As the model at the endpoint."""
        return self._model.context_tokens

    @property
    def fills(self) -> bool:
        """As the model at the endpoint."""
        return self._model.fills

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Return what may stand between `prefix` and `suffix`; raises ModelError."""
        return await self._ask(lambda model: model.fill(prefix, suffix, sampling=sampling))

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = GREEDY,
    ) -> Completion:
        """Answer a conversation; raises ModelError."""
        return await self._ask(lambda model: model.complete(messages, tools=tools, sampling=sampling))

    async def close(self) -> None:
        """Let go of connections."""
        await self._before.aclose()
        await self._model.close()

    async def _ask(self, call: Callable[[ChatModel], Awaitable[Completion]]) -> Completion:
        try:
            answer = await call(await self._running())
        except ModelError as error:
            if not (error.retryable and self._server.ended):
                raise
            answer = await call(await self._running())
        self._server.answered()
        return answer

    async def _running(self) -> ChatModel:
        await self._server.revive()
        if self._server.url != self._url:
            self._before.push_async_callback(self._model.close)
            self._url = self._server.url
            self._model = self._connect(self._url)
        return self._model
