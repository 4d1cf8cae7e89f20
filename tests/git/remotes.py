"""Real remotes for tests: a bare repository on disk, and the same one over HTTP with a token."""

import asyncio
import base64
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from pushpals.git import Mirror

SEALED = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ana",
    "GIT_AUTHOR_EMAIL": "ana@example.org",
    "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}


async def anonymous() -> str | None:
    return None


def git(folder: Path, *args: str, stdin: bytes = b"", **env: str) -> str:
    """Run git as a person would, in `folder`, and return what it prints."""
    done = subprocess.run(
        ["git", *args], cwd=folder, env={**SEALED, **env}, input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return os.fsdecode(done.stdout).rstrip("\n")


class BareRemote:
    """A bare repository, and a clone in which somebody else commits and pushes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "remote.git"
        self.clone = folder / "clone"
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.path))
        git(folder, "init", "-q", "-b", "main", str(self.clone))
        # The clean-up after a push is the server's own business, and only slows the tests down.
        git(self.path, "config", "receive.autogc", "false")
        git(self.path, "config", "http.receivepack", "true")
        git(self.path, "config", "uploadpack.allowAnySHA1InWant", "true")

    def commit(
        self, files: Mapping[str, bytes | None], message: str = "Change", ref: str = "refs/heads/main"
    ) -> str:
        """Commit `files` (None deletes) on what the clone has, push to `ref`, and return the commit."""
        for name, data in files.items():
            path = self.clone / name
            if data is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        git(self.clone, "add", "--all", "--force", ".")
        git(self.clone, "commit", "-q", "--allow-empty", "-m", message)
        git(self.clone, "push", "-q", "--force", str(self.path), f"HEAD:{ref}")
        return git(self.clone, "rev-parse", "HEAD")

    def refs(self) -> dict[str, str]:
        lines = git(self.path, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return {ref: sha for ref, _, sha in (line.partition(" ") for line in lines)}

    def point(self, ref: str, sha: str) -> None:
        git(self.path, "update-ref", ref, sha)

    def delete(self, ref: str) -> None:
        git(self.path, "update-ref", "-d", ref)

    def hook(self, name: str, script: str) -> None:
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    async def mirror(self, path: Path) -> Mirror:
        return await Mirror.open(path, str(self.path), anonymous)


class HttpRemote:
    """`git http-backend` behind a web server that wants a token and can lose its answers."""

    def __init__(self, remote: BareRemote, token: str | None) -> None:
        self.remote = remote
        self.token = token
        self.url = ""
        self.requests: list[str] = []
        self.on_push: Callable[[], None] | None = None
        """Called after a push has been taken in; the answer is then lost."""
        self.fail_with: int | None = None
        self.cut_before_push = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        if self.fail_with:
            return web.Response(status=self.fail_with)
        if not self._knows(request):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        pushing = request.method == "POST" and request.path.endswith("git-receive-pack")
        body = await request.read()
        if pushing and self.cut_before_push:
            return self._cut(request)
        answer = await self._backend(request, body)
        if pushing and self.on_push:
            self.on_push()
            return self._cut(request)
        return answer

    def _knows(self, request: web.Request) -> bool:
        wanted = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return self.token is None or request.headers.get("Authorization") == f"Basic {wanted}"

    def _cut(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _backend(self, request: web.Request, body: bytes) -> web.Response:
        env = {
            **SEALED,
            "GIT_PROJECT_ROOT": str(self.remote.path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "app",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        process = await asyncio.create_subprocess_exec(
            *("git", "http-backend"), env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate(body)
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return web.Response(status=int(headers.pop("Status", "200")[:3]), headers=headers, body=content)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["HttpRemote"]:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{tail:.*}", self.handle)
        runner = web.AppRunner(app, handler_cancellation=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/{self.remote.path.name}"
        try:
            yield self
        finally:
            await runner.cleanup()
