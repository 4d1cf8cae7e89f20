"""Where attacks are played: the town with its forge, bare sandboxes, bare workspaces, a bare door."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pushpals.git import Mirror
from pushpals.local.forge.entities import Issue
from pushpals.loop.bench import TreeBench
from pushpals.model import UNBOUND, Bounds, Report, Sha, Task
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.review_agent import review
from pushpals.sandbox import Limits, Sandbox, SandboxProvider
from pushpals.server.app import Server
from pushpals.server.door import Door
from pushpals.source_control import Gated, gate
from tests.git.remotes import BareRemote
from tests.loop.snapshots import job
from tests.server.deliveries import SECRET, Sender
from tests.stories.scripted import Reply, call
from tests.stories.town import FILES, FIX, Town, build

LIMITS = Limits(memory_mb=128, processes=64, command_seconds=20, disk_mb=64)
REPO_FILES: Mapping[str, bytes | None] = {
    "README.md": b"hello\n",
    "src/app.py": b"x = 1\n",
    "run.sh": b"#!/bin/sh\n",
}
RIGHT = call("edit", path="auth/names.py", old="if c.isalnum()", new='if c.isalnum() or c == "."')
"""The change that the issue of the town asks for."""


class Breach(Exception):  # noqa: N818 - reads as what happened
    """The attacker has got what they were after. The message says what that is."""


def holds(condition: object, gained: str) -> None:
    """Raise Breach, saying what was `gained`, unless the `condition` that keeps it from them is true."""
    if not condition:
        raise Breach(gained)


@dataclass
class Repository:
    """A bare remote, a mirror of it, and a workspace with its first commit."""

    remote: BareRemote
    mirror: Mirror
    base: Sha
    workspace: Path


@dataclass
class Stage:
    """Everything an attack may be played on; what it makes is gone afterwards."""

    folder: Path
    patch: pytest.MonkeyPatch
    sandboxes: SandboxProvider
    """The kind of sandbox that the case is about."""
    bubblewrap: SandboxProvider
    image: str = ""
    """Tag of the image of containers, where the case is about Docker."""
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def town(
        self,
        replies: Sequence[Reply] = (),
        files: Mapping[str, str] = FILES,
        *,
        policy: str | None = None,
        tools: bool | None = None,
    ) -> Town:
        """Build a town. `replies` that call tools are those of a model that takes tools as such."""
        if policy is not None:
            files = {**files, ".github/pushpals.yml": policy}
        town = await build(self.folder / "town", self.bubblewrap, list(replies) or [FIX], files)
        town.tools = any(isinstance(reply, dict) for reply in replies) if tools is None else tools
        town.model.plans = ["I have no plan."]  # the rules make one then
        self.stack.push_async_callback(town.forge.close)
        self.stack.push_async_callback(town.model.close)
        return town

    async def sandbox(self, limits: Limits = LIMITS) -> Sandbox:
        """Open a sandbox around `workspace`."""
        self.workspace.mkdir(exist_ok=True)
        sandbox = await self.sandboxes.open(self.workspace, limits)
        self.stack.push_async_callback(sandbox.close)
        return sandbox

    @property
    def workspace(self) -> Path:
        """The folder that a bare sandbox is around."""
        return self.folder / "workspace"

    async def repository(self, files: Mapping[str, bytes | None] = REPO_FILES) -> Repository:
        """Return a repository with a workspace, without any sandbox."""
        remote = BareRemote(self.folder)
        base = remote.commit(files, "First")
        mirror = await remote.mirror(self.folder / "mirror.git")
        await mirror.fetch("+refs/heads/*:refs/heads/*")
        await mirror.materialise(base, self.workspace)
        return Repository(remote, mirror, base, self.workspace)

    async def door(self) -> Sender:
        """Open a door with nobody behind it."""
        door = await Door.open(SECRET)
        self.stack.push_async_callback(door.close)
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        return Sender(door, session)


async def quiet(town: Town, server: Server) -> None:
    """Wait until every webhook was delivered, every hint worked on, and no job or errand is left."""
    crew = server.engine.crew
    while True:
        await town.forge.drained()
        # Between the end of a job and its hint, and the like, the loop must turn: look twice.
        for _ in range(2):
            while server.queue.depth or crew._tasks or crew._errands:  # noqa: ASYNC110 - has no one event
                await asyncio.sleep(0.005)
            await asyncio.sleep(0)
        if not (server.queue.depth or crew._tasks or crew._errands or _pending(town)):
            return


def _pending(town: Town) -> bool:
    return any(delivery.status == "pending" for delivery in town.forge.store.deliveries.values())


@contextlib.asynccontextmanager
async def asked(
    town: Town, *, body: str | None = None, actor: str = "ada"
) -> AsyncIterator[tuple[Server, Issue]]:
    """Run a server, label an issue, and wait until all is quiet; yields both for what comes after."""
    issue = town.issue(actor=actor) if body is None else town.issue(body=body, actor=actor)
    async with town.server() as server:
        town.label(issue, actor)
        await quiet(town, server)
        yield server, issue


def agent_branches(refs: Sequence[str]) -> list[str]:
    """Return the branches of agents among refs."""
    return [ref for ref in refs if ref.startswith("refs/heads/agent/")]


def said(town: Town) -> str:
    """Return everything that the App has said on the forge, as one text."""
    store = town.forge.store
    bot = "pushpals[bot]"
    texts: list[Any] = [c.body for c in store.comments.values() if c.author == bot]
    texts += [c.body for c in store.review_comments.values() if c.author == bot]
    texts += [r.body for r in store.reviews.values() if r.author == bot]
    for pull in store.pulls.values():
        texts += [pull.title, pull.body]
    for run in store.runs.values():
        texts += [run.title, run.summary, run.text]
    return "\n".join(str(text) for text in texts if text)


@dataclass
class Bench:
    """A repository, and the real gate over it: real git, real sandboxes, the rules as they are."""

    repository: Repository
    bench: TreeBench

    async def judge(
        self,
        *,
        policy: RepoPolicy = RepoPolicy(),  # noqa: B008 - frozen
        scope: tuple[str, ...] = ("**",),
        bounds: Bounds = UNBOUND,
        checks: tuple[str, ...] = (),
        words: str = "",
    ) -> Gated:
        """Export the workspace as it is now, and judge it as a job's patch."""
        mirror, base = self.repository.mirror, self.repository.base
        patch = await mirror.export(base, self.repository.workspace)
        task = Task(goal="Change it.", scope=scope, bounds=bounds, checks=checks)
        # The review has sent the worker back once before: what it objects to now is for people to see.
        record = job(base=base, task=task, sent_back=1, report=Report(words=words, files=patch.files))
        return await gate(record, patch, policy, self.bench, review)

    async def refuses(self, gained: str, rule: str | None = None, **facts: Any) -> None:
        """Raise Breach, saying what was `gained`, unless the gate stops the change, by `rule` if given."""
        verdict = await self.judge(**facts)
        holds(verdict.failure is not None and (rule is None or verdict.failure.rule == rule), gained)

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write, or delete, files of the workspace as an agent might."""
        for name, text in files.items():
            path = self.repository.workspace / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())


async def at_the_bench(stage: Stage, files: Mapping[str, str] | None = None) -> Bench:
    """Return the gate over a repository of these files."""
    encoded = {name: text.encode() for name, text in (files or {}).items()} or REPO_FILES
    repository = await stage.repository(encoded)
    return Bench(repository, TreeBench(repository.mirror, stage.bubblewrap, stage.folder / "scratch"))
