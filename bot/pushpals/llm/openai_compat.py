"""A chat model behind any OpenAI-compatible endpoint: hosted, LM Studio, Ollama, or the embedded one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from pushpals.llm.api import GREEDY, Completion, Message, Sampling, ToolSpec
from pushpals.llm.dialect import Dialect
from pushpals.llm.failures import Refusal, broken_connection, public_url, refusal_or_error, timed_out
from pushpals.llm.fill import as_chat, fill_body
from pushpals.llm.prices import on_this_machine, price_of
from pushpals.llm.retry import RetryPolicy
from pushpals.llm.wire import Answer, parse_answer, request_body

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_CONNECT_SECONDS = 10.0
_NO_KEY = "none"
"""Sent where no key is needed: the client library insists on one."""


class OpenAICompatModel:
    """A `ChatModel` over `POST {url}/chat/completions`.

    `timeout` is in seconds and bounds each try. `native_tools=False` never sends tools; True means "until
    the endpoint turns them down". `context_tokens` is taken on trust, and so is `fills`.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        api_key: SecretStr | None = None,
        native_tools: bool = True,
        context_tokens: int = 32_768,
        fills: bool = False,
        timeout: float = 300.0,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = name
        self.context_tokens = context_tokens
        self.fills = fills
        self._url = url.rstrip("/")
        self._key = api_key
        self._timeout = timeout
        self._retry = retry or RetryPolicy()
        self._dialect = Dialect(native_tools=native_tools)
        self._price = price_of(name, url)
        self._client: AsyncOpenAI | None = None

    def __repr__(self) -> str:
        """Name and address, never the key."""
        return f"OpenAICompatModel({self.name!r} at {public_url(self._url)})"

    @property
    def native_tools(self) -> bool:
        """Whether tools are sent as such; may turn False at the first use."""
        return self._dialect.native_tools

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = GREEDY,
    ) -> Completion:
        """Answer a conversation; raises ModelError after the retries of the policy."""
        started = time.monotonic()
        raw, body = await self._retry.run(lambda: self._ask(messages, tools, sampling))
        answer = parse_answer(raw, body)
        return answer.completion(usd=self._cost(answer), seconds=time.monotonic() - started)

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Return what may stand between two texts; raises ModelError. Only for an endpoint that `fills`."""
        started = time.monotonic()
        body = fill_body(self.name, prefix, suffix, sampling)
        raw = await self._retry.run(lambda: self._try_fill(body))
        # Nothing is a fine thing to put into a gap, while an empty chat answer is none.
        answer = parse_answer(as_chat(raw), body, may_be_empty=True)
        return answer.completion(usd=self._cost(answer), seconds=time.monotonic() - started)

    async def _try_fill(self, body: Mapping[str, Any]) -> str:
        try:
            return await self._post(body, "/completions")
        except Refusal as refusal:
            raise refusal.error from None

    def _cost(self, answer: Answer) -> float | None:
        if self._price is None:
            return None
        return self._price.cost(
            tokens_in=answer.tokens_in, tokens_cached=answer.tokens_cached, tokens_out=answer.tokens_out
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _ask(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling
    ) -> tuple[str, Mapping[str, Any]]:
        """Return the raw answer and the request it answers, in words the endpoint takes."""
        while True:
            body = request_body(self.name, messages, tools, sampling, self._dialect)
            try:
                return await self._post(body), body
            except Refusal as refusal:
                adapted = self._dialect.adapted(refusal.status, refusal.said, tools_sent="tools" in body)
                if adapted is None:
                    raise refusal.error from None
                self._dialect = adapted

    async def _post(self, body: Mapping[str, Any], path: str = "/chat/completions") -> str:
        """Send one request and return the raw body of a 200 answer; raises ModelError or Refusal."""
        # Imported here because it takes 0.6 s, which `pushpals --help` should not pay.
        import openai  # noqa: PLC0415

        endpoint = public_url(self._url)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._connected().post(path, cast_to=str, body=dict(body))
        except (TimeoutError, openai.APITimeoutError):
            raise timed_out(endpoint, self._timeout) from None
        except openai.APIStatusError as error:
            raise refusal_or_error(endpoint, self.name, error.response, self._key) from None
        except openai.APIConnectionError as error:
            raise broken_connection(endpoint, error.__cause__) from None

    def _connected(self) -> AsyncOpenAI:
        import openai  # noqa: PLC0415 - see _post

        if self._client is None:
            key = self._key.get_secret_value() if self._key else ""
            self._client = openai.AsyncOpenAI(
                api_key=key or _NO_KEY,
                base_url=self._url,
                max_retries=0,
                timeout=openai.Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout)),
                # A redirected POST arrives as a GET; better to say that the address has moved.
                http_client=openai.DefaultAsyncHttpx2Client(
                    follow_redirects=False, trust_env=not on_this_machine(self._url)
                ),
            )
            # The library takes these from the environment, whoever the endpoint belongs to.
            self._client.organization = None
            self._client.project = None
        return self._client
