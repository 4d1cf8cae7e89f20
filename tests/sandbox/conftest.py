"""Real sandboxes of both kinds: no story here runs against a fake."""

import asyncio
import contextlib
import secrets
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import docker
import pytest

from bench.small_image import ensure_image
from pushpals.sandbox import Limits, Sandbox, SandboxProvider, choose

LIMITS = Limits(memory_mb=128, processes=64, command_seconds=20, disk_mb=64)
OpenSandbox = Callable[..., Awaitable[Sandbox]]


@pytest.fixture(scope="session")
def image() -> str:
    """The tag of an image with a shell and the usual small programs."""
    with contextlib.closing(docker.DockerClient()) as client:
        return ensure_image(client)


@pytest.fixture(params=["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def bubblewrap() -> SandboxProvider:
    return asyncio.run(choose("bubblewrap", None, []))


@pytest.fixture(scope="session")
def docker_provider(image: str) -> SandboxProvider:
    return asyncio.run(choose("docker", image, []))


@pytest.fixture
def provider(kind: str, request: pytest.FixtureRequest) -> SandboxProvider:
    provider: SandboxProvider = request.getfixturevalue("docker_provider" if kind == "docker" else kind)
    return provider


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return workspace


@pytest.fixture
async def open_sandbox(provider: SandboxProvider, workspace: Path) -> AsyncIterator[OpenSandbox]:
    """Open sandboxes around the workspace; all are closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_one(limits: Limits = LIMITS) -> Sandbox:
            sandbox = await provider.open(workspace, limits)
            stack.push_async_callback(sandbox.close)
            return sandbox

        yield open_one


@pytest.fixture
async def sandbox(open_sandbox: OpenSandbox) -> Sandbox:
    return await open_sandbox()


@pytest.fixture
def marker() -> str:
    """A number of seconds to sleep that no other process on this machine sleeps."""
    return f"9{secrets.randbelow(10**15):015d}"


def alive(marker: str) -> list[int]:
    """Return the processes on this machine whose command line holds the marker."""
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if marker.encode() in (directory / "cmdline").read_bytes():
                    found.append(int(directory.name))
    return found


def dead_pid() -> int:
    """Return the number of a process that is no more."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def said(argv: list[str]) -> str:
    """Run a program outside any sandbox and return what it prints."""
    return subprocess.run(argv, capture_output=True, check=True, text=True).stdout


def names(directory: Path) -> list[str]:
    """Return the sorted names in a directory."""
    return sorted(path.name for path in directory.iterdir())


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that will happen; pytest's own timeout ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - the processes looked for know nothing of our events
        await asyncio.sleep(0.005)
