"""The server: webhooks in, hints to the queue, the loop behind it, reconciliation on a timer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from pushpals.git import GitError
from pushpals.github import GitHubError
from pushpals.loop.engine import Engine
from pushpals.loop.reconcile import Reconciler
from pushpals.server.queue import HintQueue
from pushpals.server.webhook import BODY_LIMIT, webhook_handler

if TYPE_CHECKING:
    from pushpals.loop.services import Services

log = logging.getLogger(__name__)


@dataclass
class Server:
    """A running server. `url` is where it listens."""

    engine: Engine
    queue: HintQueue
    url: str
    reconciled: asyncio.Event
    """Set once every repository has been looked at after the start."""
    _runner: web.AppRunner
    _timer: asyncio.Task[None]

    @classmethod
    async def start(
        cls,
        services: Services,
        webhook_secret: bytes,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        reconcile_seconds: float = 300.0,
    ) -> Server:
        """Listen, then look for what was missed while nobody did. Raises OSError for a taken port."""
        engine: Engine
        queue = HintQueue(lambda hint: engine.handle(hint), services.clock.now)  # noqa: PLW0108 - engine comes next
        engine = Engine(services, queue.put)
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_post("/webhook", webhook_handler(webhook_secret, queue.put))
        app.router.add_get("/healthz", _healthz)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        queue.start()
        port = runner.addresses[0][1]
        done = asyncio.Event()
        reconciling = _reconcile(Reconciler(engine, queue.put), reconcile_seconds, done)
        timer = asyncio.create_task(reconciling, name="reconcile")
        shown = f"[{host}]" if ":" in host else host
        return cls(engine, queue, f"http://{shown}:{port}", done, runner, timer)

    async def close(self) -> None:
        """Stop listening, then stop the work. Its claims are taken over when the server starts again."""
        self._timer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._timer
        await self._runner.cleanup()
        await self.queue.close()
        await self.engine.close()


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _reconcile(reconciler: Reconciler, pause: float, done: asyncio.Event) -> None:
    while True:
        try:
            found = await reconciler.run()
            log.info("reconciled: %d subjects to look at", found)
            done.set()
        except (GitHubError, GitError) as error:
            log.warning("could not reconcile, trying again in %.0f s: %s", pause, error)
        await asyncio.sleep(pause)
