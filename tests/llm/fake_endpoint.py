"""An OpenAI-compatible endpoint on loopback that answers as scripted, well or badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeEndpoint:
    """Answers each request with the next of `replies`, the last one for ever; `asked` holds the bodies."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def will(self, *replies: Reply) -> None:
        self.replies = list(replies)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self.keys.append(request.headers.get("Authorization"))
        if request.can_read_body:
            self.asked.append(await request.json())
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return await reply(request)


@asynccontextmanager
async def fake_endpoint():
    endpoint = FakeEndpoint(url="")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    endpoint.url = f"http://{host}:{port}/v1"
    yield endpoint
    await runner.cleanup()


def says(
    text: str | None = None,
    *,
    calls: list[tuple[str, str]] | None = None,
    finish: str | None = "stop",
    usage: dict[str, Any] | None = None,
) -> Reply:
    """A good answer; `calls` are tool names with their arguments as JSON text."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"call-{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(calls)
        ]
    body: dict[str, Any] = {
        "model": "fake",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    if usage is not None:
        body["usage"] = usage
    return sends(body)


def sends(body: object, status: int = 200, **headers: str) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)

    async def reply(request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(text=text, status=status, content_type="application/json", headers=named)

    return reply


def refuses(status: int, message: str, **headers: str) -> Reply:
    return sends({"error": {"message": message}}, status, **headers)


async def cuts(request: web.Request) -> web.StreamResponse:
    """Promise a long answer, send its first half, and drop the connection."""
    response = web.StreamResponse(headers={"content-length": "4000", "content-type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"choices": [{"message": {"content": "def normal')
    assert request.transport is not None
    request.transport.close()
    return response


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError
