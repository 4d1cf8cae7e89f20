"""The one retry policy for model calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from pushpals.llm.errors import ModelError

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class RetryPolicy:
    """At most `attempts` tries of a call that failed in passing.

    Waits are in seconds, drawn between 0 and a bound that doubles from `first_wait` to `longest_wait`, and
    never shorter than the server's `retry-after`. A server that asks for more than `longest_wait` is not
    waited for: the error goes to the caller, who knows better what to do with the time.
    """

    attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 30.0
    sleep: Sleep = asyncio.sleep

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call` returns; raises its last ModelError."""
        retrying = AsyncRetrying(
            sleep=self.sleep,
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=retry_if_exception(self._worth_it),
            reraise=True,
        )

        async def attempt() -> T:
            # tenacity awaits only what is visibly a coroutine function, and a lambda is not.
            return await call()

        return await retrying(attempt)

    def _worth_it(self, error: BaseException) -> bool:
        if not isinstance(error, ModelError) or not error.retryable:
            return False
        return error.retry_after is None or error.retry_after <= self.longest_wait

    def _wait(self, state: RetryCallState) -> float:
        backoff = wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait)(state)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, ModelError) else None
        return max(backoff, asked or 0.0)
