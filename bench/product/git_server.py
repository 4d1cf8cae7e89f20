"""`git http-backend` on loopback, which counts the fetches that ask for objects."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from aiohttp import web


class GitServer:
    """Serves one bare repository to whoever asks."""

    def __init__(self, bare: Path) -> None:
        self._bare = bare
        self.url = ""
        self.fetches = 0

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        env = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_PROJECT_ROOT": str(self._bare.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        argv = ("git", "http-backend")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*argv, env=env, stdin=pipe, stdout=pipe)
        out, _ = await process.communicate(body)
        head, _, content = out.partition(b"\r\n\r\n")
        self.fetches += b"packfile\n" in content[:400_000] and request.method == "POST"
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200")[:3])
        return web.Response(status=status, headers=headers, body=content)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Serve at `url` meanwhile."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/{self._bare.name}"
        try:
            yield self
        finally:
            await runner.cleanup()
