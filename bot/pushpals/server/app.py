"""The server: hints from the door go to the loop; a look around on a timer finds what webhooks missed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.git import GitError
from pushpals.github import GitHubError
from pushpals.ledger import LedgerError
from pushpals.loop.engine import Engine
from pushpals.loop.reconcile import Reconciler
from pushpals.server.poll import Cursor, Pace, Poller
from pushpals.server.wiring import open_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.local.model import Progress
    from pushpals.loop.services import Event, Services
    from pushpals.server.door import Door
    from pushpals.server.queue import HintQueue
    from pushpals.server.settings import Settings

log = logging.getLogger(__name__)

FIRST_PAUSE = 15.0
"""Seconds between two tries of the look around at the start, on which all that was missed depends."""


@dataclass
class Server:
    """A running server."""

    engine: Engine
    reconciled: asyncio.Event
    """Set once every repository has been looked at after the start."""
    _door: Door
    _tasks: tuple[asyncio.Task[None], ...]

    @classmethod
    def start(
        cls, services: Services, door: Door, *, reconcile_seconds: float = 300.0, poll: Pace | None = None
    ) -> Server:
        """Work on what comes through `door`, and look for what was missed while nobody listened.

        With `poll` the App's log of deliveries is read as well.
        """
        engine = Engine(services, door.queue.put)
        door.queue.start(
            engine.handle, services.clock.now, expected=(GitHubError, GitError, LedgerError, OSError)
        )
        done = asyncio.Event()
        reconciling = _reconcile(Reconciler(engine, door.queue.put), reconcile_seconds, done)
        tasks = [asyncio.create_task(reconciling, name="reconcile")]
        if poll is not None:
            cursor = Cursor(services.config.state / "deliveries.json")
            poller = Poller(services.github, door.queue, cursor, poll, engine.crew.at_work)
            tasks.append(asyncio.create_task(poller.run(), name="poll"))
        return cls(engine, done, door, tuple(tasks))

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._door.url

    @property
    def queue(self) -> HintQueue:
        """The hints that wait."""
        return self._door.queue

    async def run(self) -> None:
        """Wait while it works. Comes back only by raising what stopped one of its loops: a defect."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def close(self) -> None:
        """Stop listening, then stop the work. Its claims are taken over when the server starts again."""
        await self._door.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.queue.close()
        await self.engine.close()


async def work_behind(door: Door, settings: Settings, say: Callable[[str], None], progress: Progress) -> None:
    """Open all that work needs and work on what comes through `door`, until cancelled.

    Raises what `open_all` raises: without sandbox, model or App nothing can be worked on.
    """
    async with open_all(settings, progress, _log_event) as services:
        say(f"model {services.model.name} · sandbox {services.sandboxes.describe()} · state {settings.state}")
        pace = Pace(settings.poll_quick_seconds, settings.poll_slow_seconds) if settings.poll else None
        server = Server.start(services, door, reconcile_seconds=settings.reconcile_seconds, poll=pace)
        try:
            await server.run()
        finally:
            await server.close()


def _log_event(event: Event) -> None:
    log.info("%s %s %s: %s", event.ref, event.job or "-", event.kind, event.text)


async def _reconcile(reconciler: Reconciler, seconds: float, done: asyncio.Event) -> None:
    while True:
        pause = seconds if done.is_set() else min(FIRST_PAUSE, seconds)
        try:
            found = await reconciler.run()
        except (GitHubError, GitError, OSError) as error:
            log.warning("could not reconcile, trying again in %.0f s: %s", pause, error)
        else:
            log.info("reconciled: %d subjects to look at", found)
            done.set()
            pause = seconds
        await asyncio.sleep(pause)
