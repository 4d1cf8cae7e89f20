from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pushpals.local.forge import apps
from pushpals.local.forge.server import Forge
from tests.forge.world import Receiver, World, make_world
from tests.github.schema import github_schema

__all__ = ["github_schema"]


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    return apps.new_key()


@pytest.fixture(autouse=True)
def one_key(key_pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Making RSA keys is slow; one pair serves all Apps of a run."""
    monkeypatch.setattr(apps, "new_key", lambda: key_pair)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Something that receives webhooks."""
    server = Receiver()
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def world(tmp_path: Path, receiver: Receiver) -> AsyncIterator[World]:
    """A forge with a repository of octo's, where ana may write, and an App installed on it."""
    forge = await Forge.start(tmp_path / "forge")
    made = await make_world(forge, receiver)
    yield made
    await made.close()
