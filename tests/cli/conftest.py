"""Fixtures of the command line's tests. Properties need no clock and try the same examples each time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from pushpals.sandbox import choose
from tests.stories.scripted import ScriptedModel
from tests.stories.town import FILES, FIX, Town, build

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    """A model on loopback that knows the fix of the town's bug."""
    scripted = await ScriptedModel([FIX]).start()
    yield scripted
    await scripted.close()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """The town of the stories."""
    built = await build(tmp_path / "town", await choose("bubblewrap", None, []), [FIX], FILES)
    yield built
    await built.model.close()
    await built.forge.close()
