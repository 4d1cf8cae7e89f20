"""Sharing: callers that want the same thing at the same time wait for one run of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass


@dataclass
class _Flight:
    task: asyncio.Task[None]
    waiters: int = 0


class Flights:
    """Runs one flight at a time; callers with the same key that wait together share one."""

    def __init__(self) -> None:
        self._boarding: dict[Hashable, _Flight] = {}
        self._runway = asyncio.Lock()

    async def share(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for a run of `work` that starts after this call. When no caller waits on, it is cancelled."""
        flight = self._boarding.get(key)
        if flight is None:
            flight = _Flight(asyncio.create_task(self._fly(key, work)))
            self._boarding[key] = flight
        flight.waiters += 1
        try:
            await asyncio.shield(flight.task)
        except asyncio.CancelledError:
            if flight.waiters == 1 and not flight.task.done():
                if self._boarding.get(key) is flight:
                    del self._boarding[key]
                flight.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await flight.task
            raise
        finally:
            flight.waiters -= 1

    async def _fly(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        async with self._runway:
            # From here on the run may miss news, so whoever comes now boards the next one.
            self._boarding.pop(key, None)
            await work()
