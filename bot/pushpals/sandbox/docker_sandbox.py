"""Commands in a Docker container: one container for each sandbox, swept after every command."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from pushpals.sandbox.api import CommandResult, Ended, Limits, SandboxUnavailable
from pushpals.sandbox.command import FLOOD_BYTES, contained_argv, directory_inside, why_refused
from pushpals.sandbox.docker_engine import DEFAULT_HOST, Engine
from pushpals.sandbox.files import WorkspaceFiles
from pushpals.sandbox.output import OutputBuffer
from pushpals.sandbox.supervision import Supervision
from pushpals.sandbox.usage import Watch

P = ParamSpec("P")
T = TypeVar("T")

_GRACE_SECONDS = 5.0
"""How long a swept command may take to disappear before its container is thrown away."""

_SWEEP_INTERVAL = 0.2
"""Seconds between two sweeps of a command that is still there."""


class DockerProvider:
    """Sandboxes made by a Docker engine from an image that it holds. Nothing is ever pulled."""

    name: Literal["docker"] = "docker"

    def __init__(self, image: str, host: str = DEFAULT_HOST) -> None:
        self._image = image
        self._host = host

    def describe(self) -> str:
        """Say what isolates the commands."""
        return f"Docker image {self._image}, no network"

    async def check(self) -> None:
        """Raise `SandboxUnavailable` unless the engine answers and holds the image.

        Containers left behind by a PushPals that was killed are removed.
        """
        await asyncio.to_thread(self._check)

    async def open(self, workspace: Path, limits: Limits) -> DockerSandbox:
        """Start a container around `workspace`; raises `SandboxUnavailable` if it cannot."""
        engine = await asyncio.to_thread(Engine, self._host, self._image)
        sandbox = DockerSandbox(engine, workspace, limits)
        try:
            await sandbox.start()
        except BaseException:
            await asyncio.shield(asyncio.create_task(sandbox.close()))
            raise
        return sandbox

    def _check(self) -> None:
        engine = Engine(self._host, self._image)
        with contextlib.closing(engine):
            engine.search_path()
            engine.remove_leftovers()


class DockerSandbox:
    """One workspace in one container. One command at a time; the next one waits.

    After each command every process of the container is killed and /tmp is emptied. The
    container is replaced where that fails.
    """

    name: Literal["docker"] = "docker"

    def __init__(self, engine: Engine, workspace: Path, limits: Limits) -> None:
        self.files = WorkspaceFiles(workspace)
        self._workspace = workspace
        self._limits = limits
        self._engine = engine
        self._container: str | None = None
        self._killed_for_memory = 0
        self._search_path = ""
        self._closed = False
        self._one_command = asyncio.Lock()
        self._current: Supervision | None = None
        self._clearing: asyncio.Task[None] | None = None
        # One thread for calls, so that they happen in order; one for the output.
        self._calls = ThreadPoolExecutor(1, "docker-calls")
        self._streams = ThreadPoolExecutor(1, "docker-output")

    async def start(self) -> None:
        """Start the container. `run` does this again where one was lost or thrown away."""
        name = f"pushpals-{secrets.token_hex(8)}"
        try:
            self._search_path = await self._call(self._engine.search_path)
            await self._call(self._engine.start, name, self._workspace, self._limits)
        except BaseException:
            # Removed after whatever of the start is still going on in the thread.
            with contextlib.suppress(SandboxUnavailable):
                await asyncio.shield(asyncio.create_task(self._call(self._engine.remove, name)))
            raise
        self._killed_for_memory = 0
        self._container = name

    async def run(self, command: str, *, timeout: float | None = None, cwd: str = ".") -> CommandResult:
        """Run `command`; see `Sandbox.run`."""
        directory = directory_inside(cwd)
        refusal = why_refused(command, directory)
        if refusal:
            return CommandResult(command, 126, refusal, truncated=False, seconds=0, ended="exited")
        seconds = self._limits.command_seconds if timeout is None else timeout
        async with self._one_command:
            argv = contained_argv(command, directory, self._search_path)
            container, prepared = await self._prepare(argv)
            started = time.monotonic()
            output = OutputBuffer(self._limits.output_bytes)
            supervision = self._current = Supervision()
            ended, code = await self._supervised(container, prepared, output, supervision, seconds)
        text = output.text() + supervision.words
        return CommandResult(command, code, text, output.truncated, time.monotonic() - started, ended)

    async def close(self) -> None:
        """Stop whatever runs and remove the container."""
        if self._closed:
            return
        self._closed = True
        if self._current is not None:
            self._current.stop("killed")
        async with self._one_command:
            if self._container is not None:
                await self._throw_away(self._container)
            await self._call(self._engine.close)
        self._calls.shutdown(wait=False)
        self._streams.shutdown(wait=False)

    async def _prepare(self, argv: list[str]) -> tuple[str, str]:
        """Return the container and what it can now run, replacing a container that was lost."""
        if self._closed:
            raise SandboxUnavailable("This sandbox was closed; open another one.")
        if self._clearing is not None:
            await self._clearing
        if self._container is not None:
            with contextlib.suppress(SandboxUnavailable):
                return self._container, await self._call(self._engine.prepare, self._container, argv)
            await self._throw_away(self._container)
        await self.start()
        container = str(self._container)
        return container, await self._call(self._engine.prepare, container, argv)

    async def _supervised(
        self, container: str, prepared: str, output: OutputBuffer, supervision: Supervision, seconds: float
    ) -> tuple[Ended, int | None]:
        loop = asyncio.get_running_loop()

        def write(chunk: bytes) -> None:
            output.write(chunk)
            if output.total > FLOOD_BYTES:
                loop.call_soon_threadsafe(supervision.stop, "output")

        before = self._killed_for_memory
        watch = Watch(self._workspace, self._limits)
        command = loop.run_in_executor(self._streams, self._engine.run, prepared, write)
        command.add_done_callback(lambda _: supervision.stop("exited"))
        try:
            ended = await supervision.settled(seconds, watch)
        finally:
            # Cancelling once more must not stop the sweeping: it goes on.
            self._clearing = asyncio.create_task(self._clear(container, command))
            await asyncio.shield(self._clearing)
        if ended != "exited":
            return ended, None
        code = command.result()
        return ("memory", None) if code != 0 and self._killed_for_memory > before else (ended, code)

    async def _clear(self, container: str, command: asyncio.Future[int | None]) -> None:
        """Leave no process behind, by sweeping the container or else by removing it."""
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                # A command may start only after the first sweep; the last one follows its end.
                swept = False
                while not swept:
                    swept = command.done()
                    self._killed_for_memory = await self._call(self._engine.sweep, container)
                    await asyncio.wait({command}, timeout=_SWEEP_INTERVAL)
        except (SandboxUnavailable, TimeoutError):
            await self._throw_away(container)
            await asyncio.wait({command}, timeout=_GRACE_SECONDS)
        if command.done():
            command.exception()  # seen: what it says is asked for only if nobody stopped it

    async def _throw_away(self, container: str) -> None:
        self._container = None
        await self._call(self._engine.remove, container)

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the engine. What was begun is finished, also for a caller that was cancelled."""
        call = functools.partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._calls, call)
