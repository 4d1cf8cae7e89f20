"""What the forge's tests share: a small world of people, a repository and an App, and real clients for it."""

import asyncio
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from aiohttp import web

from pushpals.local.forge.app_entities import App, Installation
from pushpals.local.forge.entities import Issue, PullRequest, Repo
from pushpals.local.forge.server import Forge

SECRET = "it is raining in Trondheim"
PERMISSIONS = {
    "actions": "read",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "read",
}
EVENTS = [
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "status",
]
SAY = """mutation($id: ID!, $body: String!) {
  addComment(input: {subjectId: $id, body: $body}) { subject { id } } }"""
FILES = {"names.py": "def normalize(name):\n    return name.strip()\n", "README.md": "# names\n"}


@dataclass(frozen=True)
class Hook:
    """A webhook as it arrived."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """`event.action`, or the event alone."""
        action = self.payload.get("action")
        name = self.headers["X-GitHub-Event"]
        return f"{name}.{action}" if action else name

    @property
    def payload(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def is_signed_with(self, secret: str) -> bool:
        expected = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        return self.headers["X-Hub-Signature-256"] == f"sha256={expected}"


class Receiver:
    """An HTTP server that keeps the webhooks sent to it."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self.status = 202
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/webhook", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/webhook"

    async def close(self) -> None:
        assert self._runner
        await self._runner.cleanup()

    @property
    def events(self) -> list[str]:
        return [hook.event for hook in self.hooks]

    async def _take(self, request: web.Request) -> web.Response:
        self.hooks.append(Hook(dict(request.headers), await request.read()))
        return web.Response(status=self.status)


@dataclass
class World:
    forge: Forge
    receiver: Receiver
    repo: Repo
    app: App
    key: str
    installation: Installation
    session: aiohttp.ClientSession
    _token: str = field(default="", init=False)

    async def close(self) -> None:
        await self.session.close()
        await self.forge.close()

    async def restart(self) -> None:
        """Stop the forge and start it again on the same directory."""
        await self.forge.close()
        self.forge = await Forge.start(self.forge.store.directory)
        self._token = ""

    def jwt(self, **claims: Any) -> str:
        now = int(time.time())
        base = {"iss": str(self.app.id), "iat": now - 10, "exp": now + 300}
        return jwt.encode({**base, **claims}, self.key, algorithm="RS256")

    async def mint(self, **narrowed: Any) -> str:
        """An installation token."""
        status, answer = await self.rest(
            "POST",
            f"/app/installations/{self.installation.id}/access_tokens",
            token=self.jwt(),
            json=narrowed,
        )
        assert status == 201, answer
        return str(answer["token"])

    async def token(self) -> str:
        """An installation token with everything the App has."""
        if not self._token:
            self._token = await self.mint()
        return self._token

    async def rest(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> tuple[int, Any]:
        """A REST request; the status and the JSON of the answer."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        url = f"{self.forge.url}/api/v3{path}"
        async with self.session.request(method, url, headers=headers, **options) as answer:
            return answer.status, await answer.json() if answer.status != 304 else None

    async def get(self, path: str) -> Any:
        """A REST GET as the installation, which must succeed."""
        status, answer = await self.rest("GET", path, token=await self.token())
        assert status == 200, answer
        return answer

    async def graphql(self, query: str, *, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """A GraphQL request as the installation; the whole answer."""
        headers = {"Authorization": f"bearer {token or await self.token()}"}
        asked = {"query": query, "variables": variables}
        url = f"{self.forge.url}/api/graphql"
        async with self.session.post(url, json=asked, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

    async def data(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL request that must succeed."""
        answer = await self.graphql(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def events(self) -> list[str]:
        """The webhooks that arrived, when all are sent."""
        await self.forge.drained()
        return self.receiver.events

    async def hook(self, event: str) -> dict[str, Any]:
        """The payload of the last webhook of that kind, when all are sent."""
        await self.forge.drained()
        return next(hook.payload for hook in reversed(self.receiver.hooks) if hook.event == event)

    async def clone(self, folder: Path, token: str | None = None) -> "Clone":
        """A clone of the repository, made over HTTP."""
        clone = Clone(folder, token)
        await clone.git(
            "clone", "--quiet", f"{self.forge.url}/{self.repo.full_name}.git", str(folder), cwd=None
        )
        return clone

    async def branch(self, name: str = "agent/1-1", text: str = "better\n") -> str:
        """A branch with one more commit; its sha."""
        return await self.forge.push(
            self.repo, "ana", {"names.py": text}, branch=name, message="Improve names"
        )

    async def pull(self, *, body: str = "", draft: bool = False, head: str = "agent/1-1") -> PullRequest:
        """A pull request by the App, from a new branch."""
        await self.branch(head)
        made = await self.data(
            """mutation($input: CreatePullRequestInput!) {
                 createPullRequest(input: $input) { pullRequest { number } } }""",
            input={
                "repositoryId": self.repo.node_id,
                "baseRefName": "main",
                "headRefName": head,
                "title": "Improve names",
                "body": body,
                "draft": draft,
            },
        )
        number = made["createPullRequest"]["pullRequest"]["number"]
        found = self.forge.store.subject(self.repo.id, number)
        assert isinstance(found, PullRequest)
        return found

    def issue(self, title: str = "Names with dots fail", body: str = "They do.") -> Issue:
        return self.forge.create_issue(self.repo, "ana", title, body)


@dataclass(frozen=True)
class GitFailedError(Exception):
    """git said no."""

    output: str


@dataclass(frozen=True)
class Clone:
    """A clone somewhere on disk, and git in it."""

    folder: Path
    token: str | None

    async def git(self, *args: str, cwd: Path | str | None = "") -> str:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        config = {"user.name": "pals", "user.email": "pals@example.com"}
        if self.token:
            encoded = aiohttp.encode_basic_auth("x-access-token", self.token)
            config["http.extraHeader"] = f"Authorization: {encoded}"
        for index, (key, value) in enumerate(config.items()):
            env |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        env["GIT_CONFIG_COUNT"] = str(len(config))
        process = await asyncio.create_subprocess_exec(
            "git",
            *args,
            cwd=self.folder if cwd == "" else cwd,
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = (await process.communicate())[0].decode()
        if process.returncode:
            raise GitFailedError(output)
        return output.strip()

    async def commit(self, path: str, text: str, message: str) -> str:
        """Commit a file; the new sha."""
        (self.folder / path).write_text(text)
        await self.git("add", "--all")
        await self.git("commit", "--quiet", "--message", message)
        return await self.git("rev-parse", "HEAD")


async def make_world(forge: Forge, receiver: Receiver) -> World:
    """octo's public repository `octo/names`, ana who may write there, and the App `pals` installed on it."""
    for login in ("octo", "ana", "bob"):
        forge.create_user(login)
    repo = await forge.create_repo("octo", "names", FILES)
    repo = forge.set_role(repo, "ana", "write")
    app, key = await forge.register_app(
        "pals",
        "Pals",
        owner="octo",
        permissions=PERMISSIONS,
        events=EVENTS,
        webhook_url=receiver.url,
        webhook_secret=SECRET,
    )
    installation = forge.install(app, [repo])
    return World(forge, receiver, repo, app, key, installation, aiohttp.ClientSession())
