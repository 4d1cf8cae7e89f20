"""The demo's story: a person labels an issue, and a pull request is opened; everything is real but GitHub."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pushpals.audit.prose import spent
from pushpals.local.demo.proof import prove
from pushpals.local.demo.world import MAINTAINER, World
from pushpals.local.sample import sample
from pushpals.server.app import Server
from pushpals.server.door import Door
from pushpals.server.wiring import Parts, open_model, open_sandbox, open_services

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from pushpals.local.demo.proof import Proof
    from pushpals.local.demo.screen import Screen
    from pushpals.local.forge.entities import Issue
    from pushpals.local.model import ChosenModel
    from pushpals.sandbox import SandboxProvider
    from pushpals.server.settings import Settings

T = TypeVar("T")

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_NOT_PROVEN = 3
DIFF_LINES = 60


@dataclass(frozen=True)
class Story:
    """What the demo is about: a repository to copy, an issue in a user's words, a check to use."""

    name: str
    source: Path
    title: str
    body: str
    check: str | None = None


def sample_story(folder: Path) -> Story:
    """Write the sample repository into `folder` and return its story."""
    chosen = sample(folder)
    return Story(chosen.name, folder, chosen.title, chosen.body)


def copied_story(repo: Path, issue: str, check: str | None) -> Story:
    """Return the story of a person's own repository. The first line of `issue` is its title."""
    title, _, body = issue.strip().partition("\n")
    # As on GitHub, where names hold letters, digits, dots, dashes and underscores.
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", repo.resolve().name).strip("-.")[:100] or "repository"
    return Story(name, repo.resolve(), title.strip(), body.strip(), check)


class Demo:
    """One run of the demo."""

    def __init__(
        self, settings: Settings, folder: Path, screen: Screen, *, port: int = 0, record: Path | None = None
    ) -> None:
        """`folder` holds everything the demo makes, and must be empty; `port` is the forge's.

        `record` is a file that keeps what the model answers, to be played back later.
        """
        self._settings = settings
        self._folder = folder
        self._screen = screen
        self._port = port
        self._record = record
        self.seconds: float | None = None
        """How long it took from the label to the end of the job; None as long as it has not ended."""

    async def run(self, story: Story, *, serve: bool = False) -> int:
        """Live through the story; return the exit code: 0 only when a proven pull request is open.

        With `serve` everything keeps running afterwards, until this is cancelled.
        """
        self._screen.say("PushPals demo · everything on this machine, nothing leaves it")
        async with contextlib.AsyncExitStack() as stack:
            began = time.monotonic()
            model = await self.model()
            stack.push_async_callback(model.close)
            self._screen.row("model", model.description, time.monotonic() - began)
            world = await self._world(stack, story)
            began = time.monotonic()
            sandboxes = await open_sandbox(self._settings)
            self._screen.row("sandbox", sandboxes.describe(), time.monotonic() - began)
            services = await stack.enter_async_context(
                open_services(world.settings, Parts(model, sandboxes, self._record), self._screen.event)
            )
            door = await Door.open(world.settings.require_webhook_secret())
            stack.push_async_callback(door.close)
            server = Server.start(services, door)
            stack.push_async_callback(server.close)
            world.forge.set_webhook(world.app, f"{server.url}/webhook")
            await _while_serving(server, _quiet(server))  # what is counted below is the story's own
            code = await _while_serving(server, self._live(world, story, sandboxes))
            if serve:
                self._screen.say(
                    f"\nEverything keeps running. Open {world.url} in a browser; Ctrl-C ends it."
                )
                await server.run()
            return code

    async def model(self) -> ChosenModel:
        """Return the model that does the work; raises ModelError."""
        return await open_model(self._settings, self._screen.progress)

    async def _world(self, stack: contextlib.AsyncExitStack, story: Story) -> World:
        began = time.monotonic()
        world = await World.create(self._folder, self._settings, story.name, story.source, self._port)
        stack.push_async_callback(world.forge.close)
        if story.check:
            await world.set_check(story.check)
        self._screen.row("forge", world.url, time.monotonic() - began)
        return world

    async def _live(self, world: World, story: Story, sandboxes: SandboxProvider) -> int:
        issue = world.open_issue(story.title, story.body)
        began, before = time.monotonic(), _asked(world)
        self._screen.restart()
        world.forge.add_label(issue, MAINTAINER, world.label)
        self._screen.say(f'#{issue.number} "{story.title}" labelled {world.label}')
        try:
            await world.forge.until(lambda: world.concluded(issue), timeout=world.patience)
        except TimeoutError:
            self._screen.say(
                f"Nothing came of it within {world.patience / 60:g} minutes. Look at {world.url}/issues/"
                f"{issue.number} with --serve, try a smaller issue, or name a faster model with --model."
            )
            return EXIT_FAILED
        self.seconds = time.monotonic() - began
        requests = f"{_asked(world) - before} GitHub requests, after {before} at the start"
        proof = await prove(world, issue, sandboxes, self._folder)
        return self._tell(world, issue, proof, f"{requests} · {self.seconds:.0f} s")

    def _tell(self, world: World, issue: Issue, proof: Proof, cost: str) -> int:
        say, job = self._screen.say, proof.job
        if proof.pull is None or job is None:
            say(f"No pull request. The issue says, at {world.url}/issues/{issue.number}:\n")
            for comment in world.comments(issue):
                say("\n".join(f"  {line}" for line in comment.splitlines() if not line.startswith("<!--")))
            return EXIT_FAILED
        said = proof.check.conclusion if proof.check else "none"
        say(f"Pull request #{proof.pull.number}  {world.url}/pull/{proof.pull.number}   check run: {said}")
        say()
        lines = proof.diff.splitlines()
        for line in lines[:DIFF_LINES]:
            self._screen.diff(line)
        if len(lines) > DIFF_LINES:
            say(f"  … {len(lines) - DIFF_LINES} more lines")
        say()
        for result in proof.results:
            self._screen.row("checked", f"{result.command} on a fresh clone of the head: {result.summary}")
        self._screen.row("spent", spent(job.usage))
        self._screen.row("record", f"pushpals audit verify {job.id} --repo {self._folder / 'proof.git'}")
        self._screen.row("", f"git --git-dir {self._folder / 'proof.git'} log refs/pushpals/jobs/{job.id}")
        for problem in proof.problems:
            self._screen.row("not so", problem)
        end = "" if proof.problems else "Proven: open, passing, and its record verifies. "
        say(f"{end}{cost}. Look around: pushpals demo --serve")
        return EXIT_OK if proof.proven else EXIT_NOT_PROVEN


async def _quiet(server: Server) -> None:
    """Wait until the server has looked around after its start, and done what it found."""
    await server.reconciled.wait()
    await server.queue.idle()


async def _while_serving(server: Server, story: Coroutine[Any, Any, T]) -> T:
    """Return what `story` returns, or raise what ends the server before: nobody would finish the story."""
    telling, serving = asyncio.create_task(story), asyncio.create_task(server.run())
    try:
        await asyncio.wait([telling, serving], return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            await serving
        return await telling
    finally:
        telling.cancel()
        serving.cancel()
        await asyncio.gather(telling, serving, return_exceptions=True)


def _asked(world: World) -> int:
    """Return how many requests GitHub would have counted so far, those for tokens included, git left out."""
    return sum(1 for request in world.forge.requests if request.kind != "git")
