"""Settle why a command ends."""

from __future__ import annotations

import asyncio

from pushpals.sandbox.api import Ended
from pushpals.sandbox.usage import Watch


class Supervision:
    """The one answer to why a command ended. Whoever notices first gives it."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.words = ""
        """What a reader of the output should know about it; often nothing."""

    def stop(self, why: Ended, words: str = "") -> None:
        """Give the answer; later ones are ignored."""
        if not self._answer.done():
            self.words = f"\n[stopped: {words}]\n" if words else ""
            self._answer.set_result(why)

    async def settled(
        self, seconds: float, watch: Watch, first_pid: asyncio.Future[int] | None = None
    ) -> Ended:
        """Wait for the answer, at most so long, while `watch` may find a reason to stop.

        `first_pid` is what `Watch.until_exceeded` takes.
        """
        watching = asyncio.create_task(self._follow(watch, first_pid))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            self.stop("timeout")
            return self._answer.result()
        finally:
            watching.cancel()

    async def _follow(self, watch: Watch, first_pid: asyncio.Future[int] | None) -> None:
        try:
            self.stop(*await watch.until_exceeded(first_pid))
        except OSError as error:
            self.stop("killed", f"what it uses can no longer be watched ({error})")
