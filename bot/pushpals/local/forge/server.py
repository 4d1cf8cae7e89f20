"""The forge: one HTTP server for REST, GraphQL and git, and the hands of the people who use it."""

import asyncio
import json
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from aiohttp import web

from pushpals.local.forge import branches, graphql_api
from pushpals.local.forge.delivery_log import DeliveryLog
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.gate import GRAPHQL, Gate, OnEffect, require_installation
from pushpals.local.forge.git import Git
from pushpals.local.forge.git_http import GitHttp, RefUpdates
from pushpals.local.forge.hooks import Hooks
from pushpals.local.forge.manifests import Manifests
from pushpals.local.forge.people import People
from pushpals.local.forge.render import Renderer
from pushpals.local.forge.request_keys import ALLOWANCES, CHANGED
from pushpals.local.forge.resolvers import Context
from pushpals.local.forge.rest import API, Rest
from pushpals.local.forge.store import Store, utc_now
from pushpals.local.forge.traffic import Fault, RequestRecord

T = TypeVar("T")

HOURLY_LIMIT = 5000
# Several mutations at GitHub's limits of text, in one request.
_MAX_BODY = 10 << 20
_CLOSING_S = 2.0


class Forge(People):
    """A running forge. Start it with :meth:`start`; ``url`` is where it listens.

    ``requests``, ``faults`` and ``on_effect`` let a test watch and disturb the traffic.
    """

    def __init__(
        self, directory: Path, listener: socket.socket, clock: Callable[[], datetime], hourly_limit: int
    ) -> None:
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self.store = Store(directory, clock)
        self.git = Git(directory)
        self.renderer = Renderer(self.store, self.url)
        self.hooks = Hooks(self.store, self.renderer)
        self.manifests = Manifests(self.store, self.renderer, self.hooks.watch)
        self.gate = Gate(self.store, hourly_limit)
        self.app = web.Application(middlewares=self.gate.middlewares(), client_max_size=_MAX_BODY)
        self._runner: web.AppRunner | None = None

    @classmethod
    async def start(
        cls,
        directory: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        clock: Callable[[], datetime] = utc_now,
        hourly_limit: int = HOURLY_LIMIT,
        pages: Callable[["Forge"], list[web.RouteDef]] = lambda _: [],
    ) -> Self:
        """Open the forge kept in ``directory`` and listen; port 0 picks a free one.

        ``pages`` gives more routes (the web pages), served beside the API. ``hourly_limit`` is the rate limit
        of an installation. Raises OSError if the port is taken.
        """
        listener = socket.create_server((host, port))
        forge = cls(directory, listener, clock, hourly_limit)
        rest = Rest(forge.store, forge.git, forge.renderer)
        git = GitHttp(forge.store, forge.git, forge._pushed)
        log = DeliveryLog(forge.store)
        rests = [*rest.routes(), *forge.manifests.routes(API), *log.routes()]
        forge.app.router.add_routes([*rests, *git.routes()])
        forge.app.router.add_post(GRAPHQL, forge._graphql)
        forge.app.router.add_routes(pages(forge))
        graphql_api.schema()
        await branches.catch_up(forge.store, forge.git)
        await forge.hooks.start()
        forge._runner = web.AppRunner(forge.app, access_log=None, shutdown_timeout=_CLOSING_S)
        await forge._runner.setup()
        await web.SockSite(forge._runner, listener).start()
        return forge

    async def close(self) -> None:
        """Stop listening and sending."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self.hooks.close()
        self.store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def requests(self) -> list[RequestRecord]:
        """Requests in order of arrival."""
        return self.gate.requests

    @property
    def faults(self) -> list[Fault]:
        """Faults still to happen; append to it."""
        return self.gate.faults

    @property
    def on_effect(self) -> OnEffect | None:
        """Awaited after a request changed something durably and before it is answered."""
        return self.gate.on_effect

    @on_effect.setter
    def on_effect(self, observer: OnEffect | None) -> None:
        self.gate.on_effect = observer

    async def until(self, condition: Callable[[], T], *, timeout: float = 30.0) -> T:
        """Wait for a condition on the store, looked at after every change; return its first true value.

        Raises TimeoutError after ``timeout`` seconds.
        """
        async with asyncio.timeout(timeout):
            while True:
                seen = self.store.revision
                if found := condition():
                    return found
                await self.store.changed(seen)

    async def drained(self, *, timeout: float = 30.0) -> None:
        """Wait until every webhook written so far was sent."""
        pending = [d.id for d in self.store.deliveries.values()]
        deliveries = self.store.deliveries
        await self.until(lambda: all(deliveries[i].status != "pending" for i in pending), timeout=timeout)

    async def _graphql(self, request: web.Request) -> web.Response:
        grant = require_installation(request)
        allowance = request[ALLOWANCES]["graphql"]
        query, variables, operation_name = _question(await request.read())
        rate = {
            "cost": 1,
            "limit": allowance.limit,
            # This request is counted when it is answered.
            "remaining": allowance.remaining - 1,
            "used": allowance.used + 1,
            "resetAt": datetime.fromtimestamp(allowance.reset, tz=self.store.now().tzinfo),
        }
        context = Context(self.store, self.git, self.renderer, grant, rate)
        result = await graphql_api.answer(context, query, variables, operation_name)
        request[CHANGED] = context.changed
        return web.json_response(result)

    async def _pushed(self, request: web.Request, updates: RefUpdates) -> None:
        await self.gate.affected(request, tuple(ref for ref, _, _ in updates))


def _question(body: bytes) -> tuple[str, dict[str, Any] | None, str | None]:
    try:
        asked = json.loads(body)
        return str(asked["query"]), asked.get("variables"), asked.get("operationName")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UnprocessableError("A query attribute must be specified and must be a string.") from None
