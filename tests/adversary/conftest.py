"""Fixtures of the adversarial suite."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import docker
import pytest

from bench.small_image import ensure_image
from pushpals.llm.retry import RetryPolicy
from pushpals.sandbox import SandboxProvider, choose
from pushpals.sandbox.docker_sandbox import DockerProvider
from tests.adversary.cases import Case
from tests.adversary.stage import Stage


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a model that fails be asked again at once."""
    monkeypatch.setattr(RetryPolicy, "_wait", lambda policy, state: 0.0)


@pytest.fixture(scope="session")
def bubblewrap() -> SandboxProvider:
    """The sandbox of this machine."""
    return asyncio.run(choose("bubblewrap", None, []))


@pytest.fixture
async def stage(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bubblewrap: SandboxProvider,
) -> AsyncIterator[Stage]:
    """A stage for the case that the test is about."""
    case: Case = request.getfixturevalue("case")

    image: str = request.getfixturevalue("image") if case.docker else ""
    sandboxes = DockerProvider(image) if case.docker else bubblewrap
    built = Stage(tmp_path, monkeypatch, sandboxes, bubblewrap, image)
    async with built.stack:
        yield built


@pytest.fixture(scope="session")
def image() -> str:
    """The tag of an image with a shell and the usual small programs."""
    with contextlib.closing(docker.DockerClient()) as client:
        return ensure_image(client)
