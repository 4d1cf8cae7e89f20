"""Fixtures of the stories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from pushpals.llm.retry import RetryPolicy
from pushpals.sandbox import choose
from tests.stories.scripted import Reply
from tests.stories.town import FILES, FIX, Town, build

Builder = Callable[..., Awaitable[Town]]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a model that fails be asked again at once. How long the pauses are is tested with the policy."""
    monkeypatch.setattr(RetryPolicy, "_wait", lambda policy, state: 0.0)


@pytest.fixture
async def new_town(tmp_path: Path) -> AsyncIterator[Builder]:
    """Return a function that builds a town; what it built is torn down afterwards."""
    built: list[Town] = []
    sandboxes = await choose("bubblewrap", None, [])

    async def make(replies: list[Reply] | None = None, files: Mapping[str, str] = FILES) -> Town:
        town = await build(tmp_path / f"town{len(built)}", sandboxes, replies or [FIX], files)
        built.append(town)
        return town

    yield make
    for town in built:
        await town.model.close()
        await town.forge.close()


@pytest.fixture
async def town(new_town: Builder) -> Town:
    """A town whose model knows the fix."""
    return await new_town()
