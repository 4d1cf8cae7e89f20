"""The embedded model mends the demo's sample and small bugs, by the agent doing the thinking for it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pushpals.llm import ChatModel
from pushpals.local.model import Surroundings, Wanted, choose_model
from pushpals.sandbox import SandboxProvider
from tests.workerpals.bench.run import solve

SOLVED = ("sample", "off_by_one", "wrong_operator", "lost_case")
CACHE = Path.home() / ".cache" / "pushpals"


@pytest.fixture
async def model() -> AsyncIterator[ChatModel]:
    chosen = await choose_model(Wanted(name="embedded"), Surroundings(cache=CACHE, environ=os.environ))
    connected = chosen.connect()
    yield connected
    await connected.close()
    await chosen.close()


@pytest.mark.real_model
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SOLVED)
async def test_the_embedded_model_mends_it(
    name: str, model: ChatModel, sandboxes: SandboxProvider, tmp_path: Path
) -> None:
    result = await solve(name, tmp_path / "workspace", sandboxes, model)
    assert result.outcome.failure is None
    assert result.right, result.diff
    assert result.outcome.usage.usd == 0
    if name == "sample":  # The mended line keeps what the old one kept: letters of every script.
        [line] = [line for line in result.diff.splitlines() if line.startswith("+ ")]
        assert r"\w" in line
