"""A label that becomes a pull request, and a comment that is answered: which requests that takes, counted."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from pushpals.local.demo.world import MAINTAINER, World
from pushpals.local.forge.entities import Issue
from pushpals.local.sample import sample
from pushpals.server.app import Server
from pushpals.server.door import Door
from pushpals.server.settings import Settings
from pushpals.server.wiring import Parts, open_model, open_sandbox, open_services

PATIENCE = 120.0
"""Seconds for the job; with recorded answers it takes about five."""


@dataclass(frozen=True)
class Asked:
    """Requests to GitHub's API, as the forge saw them; git is left out, as GitHub does not count it."""

    requests: int
    unchanged: int
    """Those answered with 304, which GitHub does not count."""
    made: tuple[str, ...]
    """The writes, by GitHub's names."""


@dataclass(frozen=True)
class Story:
    """What was asked for each of both."""

    job: Asked
    tokens: int
    """Requests for tokens that a repository needs once in 50 minutes; they come on top of the job's."""
    reply: Asked


async def tell() -> Story:
    """Let it happen at the local forge, with recorded answers of a model, and count."""
    with tempfile.TemporaryDirectory(prefix="pushpals-bench-") as name:
        folder = Path(name)
        settings = Settings.model_validate({"model": "replay", "writes_per_second": 1000.0})
        told = sample(folder / "sample")
        world = await World.create(folder, settings, told.name, told.folder)
        try:
            async with _serving(world) as server:
                return await _story(world, server, world.open_issue(told.title, told.body))
        finally:
            await world.forge.close()


@contextlib.asynccontextmanager
async def _serving(world: World) -> AsyncIterator[Server]:
    model = await open_model(world.settings)
    try:
        parts = Parts(model, await open_sandbox(world.settings))
        async with open_services(world.settings, parts) as services:
            door = await Door.open(world.settings.require_webhook_secret())
            server = Server.start(services, door)
            world.forge.set_webhook(world.app, f"{server.url}/webhook")
            try:
                await server.reconciled.wait()
                await server.queue.idle()
                yield server
            finally:
                await server.close()
    finally:
        await model.close()


async def _story(world: World, server: Server, issue: Issue) -> Story:
    forge = world.forge
    tokens = sum(request.path.endswith("access_tokens") for request in forge.requests)
    begin = len(forge.requests)
    forge.add_label(issue, MAINTAINER, world.label)
    await forge.until(lambda: world.concluded(issue), timeout=PATIENCE)
    await server.queue.idle()
    job = _asked(world, begin)
    if "createPullRequest" not in job.made:
        raise RuntimeError(f"no pull request was opened: {world.comments(issue)}")
    begin, before = len(forge.requests), len(world.comments(issue))
    forge.comment(issue, MAINTAINER, "/pushpals status")
    await forge.until(lambda: len(world.comments(issue)) > before, timeout=PATIENCE)
    await server.queue.idle()
    return Story(job, tokens - 1, _asked(world, begin))  # one of the tokens lists the repositories


def _asked(world: World, begin: int) -> Asked:
    asked = [request for request in world.forge.requests[begin:] if request.kind != "git"]
    unchanged = sum(request.status == HTTPStatus.NOT_MODIFIED for request in asked)
    return Asked(len(asked), unchanged, tuple(name for request in asked for name in request.mutations))
