"""The server: hints from the door go to the loop; a look around on a timer finds what webhooks missed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pushpals.git import GitError
from pushpals.github import Endpoints, GitHubError
from pushpals.ledger import LedgerError
from pushpals.loop.engine import Engine
from pushpals.loop.reconcile import Reconciler
from pushpals.server.metrics import Metrics
from pushpals.server.poll import Cursor, Pace, Poller
from pushpals.server.report import Reporter
from pushpals.server.settings import SettingsError
from pushpals.server.site import StatusSite
from pushpals.server.wiring import Gauges, open_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.local.model import Progress
    from pushpals.loop.services import Event, Services
    from pushpals.server.door import Door
    from pushpals.server.queue import HintQueue
    from pushpals.server.readiness import Readiness
    from pushpals.server.settings import Settings

log = logging.getLogger(__name__)

LAST_PORT = 65_535
FIRST_PAUSE = 15.0
"""Seconds between two tries of the look around at the start, on which all that was missed depends."""


@dataclass
class Server:
    """A running server."""

    engine: Engine
    reconciled: asyncio.Event
    """Set once every repository has been looked at after the start."""
    _door: Door
    poller: Poller | None
    """What reads the log of deliveries, if anything does."""
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

        def looked() -> None:
            done.set()
            door.readiness.done("look around")

        reconciling = _reconcile(Reconciler(engine, door.queue.put), reconcile_seconds, done, looked)
        poller: Poller | None = None
        tasks = [
            asyncio.create_task(reconciling, name="reconcile"),
            asyncio.create_task(engine.elsewhere.run(), name="lookout"),
        ]
        if poll is not None:
            cursor = Cursor(services.config.state / "deliveries.json")
            poller = Poller(services.github, door.queue, cursor, poll, lambda: engine.crew.count > 0)
            tasks.append(asyncio.create_task(poller.run(), name="poll"))
        return cls(engine, done, door, poller, tuple(tasks))

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._door.url

    @property
    def readiness(self) -> Readiness:
        """What it still waits for."""
        return self._door.readiness

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
    metrics = Metrics()
    reporter = Reporter(
        Endpoints.at(settings.github_url).web,
        door.readiness,
        door.queue,
        started_at=datetime.now(UTC),
        polls=settings.poll,
        outcomes=door.outcomes,
    )
    metrics.readings.append(reporter.readings)
    site = await _open_site(settings, StatusSite(reporter, metrics), say)
    try:
        await _work(door, settings, say, progress, reporter, metrics)
    finally:
        await site.close()


async def _open_site(settings: Settings, site: StatusSite, say: Callable[[str], None]) -> StatusSite:
    """Show the status page; where its address is not asked for and taken, do without."""
    if not settings.status:
        return site
    port = settings.status_port
    following = settings.port + 1 if 0 < settings.port < LAST_PORT else 0
    try:
        await site.open(settings.status_host, following if port is None else port)
    except (OSError, UnicodeError) as error:
        where = f"{settings.status_host}:{following if port is None else port}"
        why = f"The status page cannot be at {where} ({error}). Give it a free port with PUSHPALS_STATUS_PORT"
        if port is not None:
            raise SettingsError(f"{why}, or turn it off with PUSHPALS_STATUS=false.") from None
        log.warning("%s.", why)
    else:
        say(f"status {site.url}/")
    return site


async def _work(
    door: Door,
    settings: Settings,
    say: Callable[[str], None],
    progress: Progress,
    reporter: Reporter,
    metrics: Metrics,
) -> None:
    gauges = Gauges(metrics.github_request, metrics.model_called, door.readiness.done)
    async with open_all(settings, progress, _log_event, gauges) as services:
        services.overview.on_move = metrics.job_moved
        say(f"model {services.model.name} · sandbox {services.sandboxes.describe()} · state {settings.state}")
        pace = Pace(settings.poll_quick_seconds, settings.poll_slow_seconds) if settings.poll else None
        server = Server.start(services, door, reconcile_seconds=settings.reconcile_seconds, poll=pace)
        reporter.engine, reporter.poller = server.engine, server.poller
        try:
            await server.run()
        finally:
            await server.close()


def _log_event(event: Event) -> None:
    told = {"subject": str(event.ref), "job": event.job or "", "event": event.kind}
    log.info("%s %s %s: %s", event.ref, event.job or "-", event.kind, event.text, extra=told)


async def _reconcile(
    reconciler: Reconciler, seconds: float, done: asyncio.Event, looked: Callable[[], None]
) -> None:
    while True:
        pause = seconds if done.is_set() else min(FIRST_PAUSE, seconds)
        try:
            found = await reconciler.run()
        except (GitHubError, GitError, OSError) as error:
            log.warning("could not reconcile, trying again in %.0f s: %s", pause, error)
        else:
            log.info("reconciled: %d subjects to look at", found)
            looked()
            pause = seconds
        await asyncio.sleep(pause)
