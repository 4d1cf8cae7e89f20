"""Fixtures of the fleet: the real image on the real engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import docker
import pytest

from tests.fleet.image import ensure_image


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """The engine."""
    with contextlib.closing(docker.DockerClient(timeout=600)) as client:
        yield client


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> str:
    """The tag of the image."""
    return ensure_image(client)
