"""A chat model over real HTTP that answers from a script: what a test says the model says."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

Messages = list[dict[str, Any]]
Message = dict[str, Any]
NO_PLAN = "I have no plan."
"""Then the rules' own plan is taken."""
NO_FINDINGS = '{"findings": []}'
Reply = str | Message | Callable[[Messages], str | Message]


def call(name: str, **arguments: object) -> Message:
    """Return the reply that calls a tool, as models do that take tools as such."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    calls = [{"id": f"call-{name}", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


class ScriptedModel:
    """An OpenAI-compatible endpoint on loopback. Replies are used in order; the last one repeats."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.replies = list(replies)
        self.asked: list[Messages] = []
        self.reviews: list[Reply] = [NO_FINDINGS]
        """What it says of changes it is to review, in order; the last one repeats."""
        self.reviewed: list[Messages] = []
        self.plans: list[Reply] = [NO_PLAN]
        """What it says of requests it is to plan; the last one repeats. By default the rules plan."""
        self.planned: list[Messages] = []
        self.down = False
        self.silent = False
        self.hold: Callable[[Messages], asyncio.Event | None] = lambda _messages: None
        """What an answer to these messages waits for."""
        self.usage: Message | None = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        """What it says that an answer took."""
        self.cut = False
        """Every answer breaks off in its middle."""
        self._asked = asyncio.Event()
        self._ids = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, host: str = "127.0.0.1") -> ScriptedModel:
        """Listen on a free port."""
        app = web.Application(client_max_size=16 << 20)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, 0)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}/v1"
        return self

    async def was_asked(self) -> None:
        """Wait until somebody asks for an answer."""
        await self._asked.wait()

    def forget(self) -> None:
        """Forget that anybody asked, to wait for the next who does."""
        self._asked.clear()

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def _script_for(self, system: str) -> tuple[list[Messages], list[Reply]]:
        if system.startswith("You review a change"):
            return self.reviewed, self.reviews
        if system.startswith("You are the foreman"):
            return self.planned, self.plans
        return self.asked, self.replies

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self._asked.set()
        if self.silent:
            await asyncio.Event().wait()
        if self.down:
            return web.Response(status=503, text="down")
        body = await request.json()
        asked, replies = self._script_for(str(body["messages"][0]["content"]))
        asked.append(body["messages"])
        if held := self.hold(body["messages"]):
            await held.wait()
        reply = replies[min(len(asked), len(replies)) - 1]
        text = reply(body["messages"]) if callable(reply) else reply
        message = {"role": "assistant", "content": text} if isinstance(text, str) else text
        answer = web.json_response(
            {
                "id": f"chatcmpl-{next(self._ids)}",
                "object": "chat.completion",
                "created": 1,
                "model": "scripted",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                **({"usage": self.usage} if self.usage else {}),
            }
        )
        return await _half(answer, request) if self.cut else answer


async def _half(answer: web.Response, request: web.Request) -> web.StreamResponse:
    """Send the first half of an answer, then cut the line."""
    body = (answer.text or "").encode()
    half = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
