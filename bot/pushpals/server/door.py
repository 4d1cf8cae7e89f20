"""The listening door: webhooks come in and are answered, whether or not anybody is at work behind it yet."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aiohttp import web

from pushpals.server.queue import HintQueue
from pushpals.server.readiness import Readiness, health
from pushpals.server.routes import answering
from pushpals.server.webhook import BODY_LIMIT, webhook_handler

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage

HEADER_BYTES = 8_190
"""Of the first line, and of each header with its name; GitHub's are far shorter."""
_CLOSING_SECONDS = 2.0
"""For requests under way when it closes. GitHub counts one that is cut off as failed, as it should."""


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT)


@dataclass
class Door:
    """Listens at `url`. What webhooks hint at waits in `queue`."""

    queue: HintQueue
    url: str
    readiness: Readiness
    outcomes: Counter[str]
    """What became of the deliveries so far."""
    _runner: web.ServerRunner

    @classmethod
    async def open(cls, webhook_secret: bytes | None, *, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Listen; port 0 takes any free one. Raises OSError for an address that cannot be had.

        A host that no name can look like raises UnicodeError. Without a secret no webhooks are taken.
        """
        queue = HintQueue()
        outcomes: Counter[str] = Counter()
        readiness = Readiness()
        routes = dict(health(readiness))
        if webhook_secret is not None:
            routes["/webhook"] = "POST", webhook_handler(webhook_secret, queue.put, outcomes)
        server = web.Server(
            answering(routes),
            request_factory=_request,
            access_log=None,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            auto_decompress=False,  # The signature is over the bytes as they came, and GitHub packs none.
        )
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=_CLOSING_SECONDS)
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
