"""git over HTTP: ``git http-backend`` behind GitHub's authentication."""

import asyncio
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
from aiohttp import web

from pushpals.local.forge.auth import Grant, basic_password, bearer, grant_of
from pushpals.local.forge.branches import record_push
from pushpals.local.forge.entities import Repo
from pushpals.local.forge.errors import ForbiddenError, ForgeError, NotFoundError, UnauthorizedError
from pushpals.local.forge.git import Git
from pushpals.local.forge.request_keys import PRINCIPAL
from pushpals.local.forge.store import Store

RECEIVE = "git-receive-pack"
UPLOAD = "git-upload-pack"
TIMEOUT_S = 600.0
_CHUNK = 65_536

RefUpdates = list[tuple[str, str, str]]
"""(ref, old sha, new sha) of each accepted update."""

Pushed = Callable[[web.Request, RefUpdates], Awaitable[None]]


class GitHttp:
    """Serves ``/{owner}/{name}.git``. ``pushed`` is awaited after a push is on record, before its answer."""

    def __init__(self, store: Store, git: Git, pushed: Pushed) -> None:
        self._store = store
        self._git = git
        self._pushed = pushed

    def routes(self) -> list[web.RouteDef]:
        """The routes to add to the server."""
        root = "/{owner}/{name}.git"
        return [
            web.get(f"{root}/info/refs", self._handle),
            web.post(f"{root}/{{service:{UPLOAD}|{RECEIVE}}}", self._handle),
        ]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        service = request.match_info.get("service") or request.query.get("service", "")
        try:
            repo, grant = self._authorize(request, service)
        except UnauthorizedError as error:
            challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'}
            return web.Response(status=401, text=f"{error}\n", headers=challenge)
        except ForgeError as error:
            return web.Response(status=error.status, text=f"{error}\n")
        request[PRINCIPAL] = grant
        if service == RECEIVE and request.method == "POST" and grant:
            return await self._receive(request, repo, grant)
        return await self._stream(request, repo)

    def _authorize(self, request: web.Request, service: str) -> tuple[Repo, Grant | None]:
        if service not in {UPLOAD, RECEIVE}:
            raise ForbiddenError("Please upgrade your git client.")
        header = request.headers.get("Authorization")
        secret = basic_password(header) or bearer(header)
        grant = grant_of(self._store, secret) if secret or header else None
        missing = NotFoundError("Repository not found.")
        try:
            repo: Repo | None = self._store.repo(request.match_info["owner"], request.match_info["name"])
        except NotFoundError:
            repo = None
        writes = service == RECEIVE
        if grant is None:
            if repo is None or repo.private or writes:
                raise UnauthorizedError("Authentication required")
            return repo, None
        if repo is None or not (grant.sees(repo) or not repo.private):
            raise missing
        if not grant.may(repo, "contents", "write" if writes else "read") and (writes or repo.private):
            raise ForbiddenError("Write access to repository not granted." if writes else "Access denied.")
        return repo, grant

    async def _receive(self, request: web.Request, repo: Repo, grant: Grant) -> web.StreamResponse:
        """Take a push. The answer waits until everything it changed is on record."""
        with tempfile.TemporaryDirectory(prefix="push-", dir=self._store.directory) as folder:
            report = Path(folder) / "updates"
            env = {"REMOTE_USER": grant.app.slug, "FORGE_PUSH_REPORT": str(report)}
            async with self._backend(request, repo, env) as out:
                status, headers = await _cgi_head(out)
                body = await out.read()
            lines = report.read_text().splitlines() if report.exists() else []
        updates = [(ref, old, new) for old, new, ref in (line.split(" ", 2) for line in lines)]
        if updates:
            await record_push(self._store, self._git, grant.app.bot, repo, updates)
            self._store.touch()
            await self._pushed(request, updates)
        return web.Response(status=status, headers=headers, body=body)

    async def _stream(self, request: web.Request, repo: Repo) -> web.StreamResponse:
        env = {"REMOTE_USER": "forge"} if request.get(PRINCIPAL) else {}
        async with self._backend(request, repo, env) as out:
            status, headers = await _cgi_head(out)
            response = web.StreamResponse(status=status, headers=headers)
            await response.prepare(request)
            while chunk := await out.read(_CHUNK):
                await response.write(chunk)
            await response.write_eof()
        return response

    @asynccontextmanager
    async def _backend(
        self, request: web.Request, repo: Repo, env: dict[str, str]
    ) -> AsyncIterator[asyncio.StreamReader]:
        """Run the CGI program on the request; yields what it prints. It does not outlive the block."""
        suffix = request.path.partition(".git/")[2]
        cgi = {
            **self._git.env,
            **env,
            "GIT_PROJECT_ROOT": str(self._git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "PATH_INFO": f"/{repo.full_name}.git/{suffix}",
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.content_type,
            "REMOTE_ADDR": "127.0.0.1",
        }
        process = await asyncio.create_subprocess_exec(
            "git", "http-backend", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=cgi
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the pipes asked for are missing")
        feeding = asyncio.create_task(_feed(request.content, process.stdin))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                yield process.stdout
                await feeding
                await process.wait()
        finally:
            feeding.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _feed(body: aiohttp.StreamReader, stdin: asyncio.StreamWriter) -> None:
    # A client may go away in the middle, and git may refuse early: either way the other side sees the end.
    gone = (ConnectionError, web.RequestPayloadError, aiohttp.ClientError)
    try:
        with suppress(*gone):
            async for chunk in body.iter_chunked(_CHUNK):
                stdin.write(chunk)
                await stdin.drain()
    finally:
        stdin.close()
    with suppress(*gone):
        await stdin.wait_closed()


async def _cgi_head(out: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read the CGI program's header: the HTTP status and the header fields."""
    head = (await out.readuntil(b"\r\n\r\n")).decode()
    fields = dict(line.split(": ", 1) for line in head.strip().split("\r\n"))
    status = int(fields.pop("Status", "200").split(" ", 1)[0])
    return status, fields
