"""Fixtures of the server's tests. Properties need no clock and try the same examples each time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from hypothesis import settings

from pushpals.sandbox import choose
from pushpals.server.door import Door
from tests.server.deliveries import SECRET, Sender
from tests.stories.town import FILES, FIX, Town, build

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """A door with nobody behind it, and who rings."""
    door = await Door.open(SECRET)
    async with aiohttp.ClientSession() as session:
        yield Sender(door, session)
    await door.close()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """The town of the stories."""
    built = await build(tmp_path / "town", await choose("bubblewrap", None, []), [FIX], FILES)
    yield built
    await built.model.close()
    await built.forge.close()


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No setting is made, and nothing of the person who runs the tests is seen."""
    for name in [name for name in os.environ if name.startswith(("PUSHPALS_", "OPENAI_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return monkeypatch
