"""The listening door: webhooks come in and are answered, whether or not anybody is at work behind it yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from pushpals.server.queue import HintQueue
from pushpals.server.readiness import Readiness, add_health
from pushpals.server.webhook import BODY_LIMIT, webhook_handler

HEADER_BYTES = 8_190
"""Of the first line, and of each header with its name; GitHub's are far shorter."""
_CLOSING_SECONDS = 2.0
"""For requests under way when it closes. GitHub counts one that is cut off as failed, as it should."""


@dataclass
class Door:
    """Listens at `url`. What webhooks hint at waits in `queue`."""

    queue: HintQueue
    url: str
    readiness: Readiness
    outcomes: Counter[str]
    """What became of the deliveries so far."""
    _runner: web.AppRunner

    @classmethod
    async def open(cls, webhook_secret: bytes | None, *, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Listen; port 0 takes any free one. Raises OSError for an address that cannot be had.

        A host that no name can look like raises UnicodeError. Without a secret no webhooks are taken.
        """
        queue = HintQueue()
        outcomes: Counter[str] = Counter()
        app = web.Application(client_max_size=BODY_LIMIT)
        if webhook_secret is not None:
            app.router.add_post("/webhook", webhook_handler(webhook_secret, queue.put, outcomes))
        readiness = Readiness()
        add_health(app, readiness)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_CLOSING_SECONDS,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            auto_decompress=False,  # The signature is over the bytes as they came, and GitHub packs none.
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError):
            await runner.cleanup()
            raise
        shown = f"[{host}]" if ":" in host else host
        return cls(queue, f"http://{shown}:{runner.addresses[0][1]}", readiness, outcomes, runner)

    async def close(self) -> None:
        """Stop listening. Once is enough, and twice does no harm."""
        await self._runner.cleanup()
