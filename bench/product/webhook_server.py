"""The servers that are compared, each a process of its own: `python -m bench.product.webhook_server KIND`."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import sys

from aiohttp import web

from pushpals.server.door import Door

SECRET = b"bench-secret"


async def _ours() -> int:
    door = await Door.open(SECRET)
    return int(door.url.rpartition(":")[2])


async def _floor() -> int:
    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        mac = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        known = hmac.compare_digest(mac, request.headers.get("X-Hub-Signature-256", ""))
        return web.Response(status=202 if known else 401)

    app = web.Application(client_max_size=25 * 1024 * 1024)
    app.router.add_post("/webhook", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


async def _serve(kind: str) -> None:
    port = await (_ours() if kind == "ours" else _floor())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_serve(sys.argv[1]))
