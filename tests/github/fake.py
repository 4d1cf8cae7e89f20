"""A scripted server and a clock of its own, for what a real GitHub does only on bad days."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from pushpals.github import AppAuth, Endpoints, GitHub
from pushpals.model import RepoRef

REPO = RepoRef.parse("octo/names")
TOKENS = "/api/v3/app/installations/7/access_tokens"
ROLE = "/api/v3/repos/octo/names/collaborators/ana/permission"
GRAPHQL = "/api/graphql"
START = 1_800_000_000.0


class Clock:
    """Seconds since the epoch; time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


HANG_UP = Reply(status=0)
"""The request arrives, and the connection ends without an answer."""


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class FakeServer:
    """Answers each path with its replies in order, the last one again and again."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._replies: dict[str, deque[Reply]] = {}
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def on(self, path: str, *replies: Reply) -> None:
        self._replies[path] = deque(replies)

    def asked(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.path, headers, json.loads(body) if body else None))
        replies = self._replies.get(request.path)
        if replies is None:
            return web.json_response({"message": "Not Found"}, status=404)
        reply = replies.popleft() if len(replies) > 1 else replies[0]
        if reply is HANG_UP:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if isinstance(reply.body, str):
            return web.Response(status=reply.status, text=reply.body, headers=reply.headers)
        if reply.status == 304:
            return web.Response(status=304, headers=reply.headers)
        return web.json_response(reply.body, status=reply.status, headers=reply.headers)


@dataclass
class World:
    """A scripted server with an App on it, and the client under test."""

    server: FakeServer
    clock: Clock
    github: GitHub
    requests: list[tuple[str, str]]

    def token(self, value: str = "ghs_first", *, minutes: float = 60) -> Reply:
        return token_reply(value, self.clock.now + minutes * 60)


def token_reply(value: str, expires: float) -> Reply:
    at = datetime.fromtimestamp(expires, tz=UTC).isoformat().replace("+00:00", "Z")
    return Reply(201, {"token": value, "expires_at": at})


def world(server: FakeServer, key: str) -> World:
    clock = Clock()
    requests: list[tuple[str, str]] = []
    github = GitHub(
        AppAuth(31, key),
        Endpoints.at(server.url),
        on_request=lambda kind, name: requests.append((kind, name)),
        sleep=clock.sleep,
        clock=clock,
    )
    server.on(TOKENS, token_reply("ghs_first", clock.now + 3600))
    return World(server, clock, github, requests)
