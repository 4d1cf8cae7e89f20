"""Fixtures of the fleet: the real image on the real engine."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import docker
import pytest

from pushpals.sandbox import choose
from tests.fleet.image import ensure_image
from tests.fleet.network import Network, network
from tests.stories.town import FILES, FIX, Town, build


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """The engine."""
    with contextlib.closing(docker.from_env(timeout=600)) as client:
        yield client


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> str:
    """The tag of the image."""
    return ensure_image(client)


@pytest.fixture
def wire() -> Iterator[Network]:
    """A network for the containers of one test."""
    with network() as made:
        yield made


@pytest.fixture
def dispatch() -> str:
    """Where the policy sends jobs."""
    return "worker"


@pytest.fixture
async def town(tmp_path: Path, wire: Network, dispatch: str) -> AsyncIterator[Town]:
    """A town whose forge and model are on the wire."""
    # A model on another address may cost something, as far as anybody here knows.
    policy = {".github/pushpals.yml": f"version: 1\ndispatch: {dispatch}\nbudget: {{usd: .inf}}\n"}
    sandboxes = await choose("bubblewrap", None, [])
    town = await build(tmp_path / "town", sandboxes, [FIX], {**FILES, **policy}, wire.host)
    yield town
    await town.model.close()
    await town.forge.close()
