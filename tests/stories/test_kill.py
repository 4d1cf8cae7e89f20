"""kill -9 at any moment: starting again finishes the job once, with one branch and one pull request."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from pushpals.git import Mirror
from pushpals.ledger.verify import verify_job
from pushpals.local.forge.traffic import Effect
from tests.stories.process import serving
from tests.stories.town import Town

EFFECTS = 16
"""How many effects one run has, and a little room; `test_every_effect_is_tried` fails when there are more."""


FEWEST = 12
"""How many effects one run has at least: each of these moments is one at which it really dies."""


def ours(effect: Effect) -> bool:
    """Whether it was the server's doing, and not the story's."""
    return effect.request.app_id is not None


async def nobody() -> str | None:
    return None


async def finished_once(town: Town, folder: Path) -> None:
    """Assert what must be true in the end, whatever happened on the way."""
    branches = await town.forge.git.refs(town.repo, "refs/")
    assert [ref for ref in branches if ref.startswith("refs/heads/agent/")] == [
        "refs/heads/agent/bug-fixer/1-1"
    ]
    records = {ref for ref in branches if ref.startswith("refs/pushpals/")}
    assert sorted(records - {"refs/pushpals/spending"}) == [
        "refs/pushpals/jobs/1-1",
        "refs/pushpals/requests/1",
    ]
    [pull] = town.pulls()
    assert pull.head_sha == branches["refs/heads/agent/bug-fixer/1-1"]
    [issue] = town.forge.store.issues.values()
    [comment] = town.comments(issue)
    assert "Ready for review" in comment.body
    assert f"#{pull.number}" in comment.body
    assert [reaction.user for reaction in issue.reactions] == ["pushpals[bot]"]
    on_head = [run for run in town.checks() if run.head_sha == pull.head_sha]
    assert [(run.status, run.conclusion) for run in town.checks()] == [("completed", "success")] * 2
    assert len(on_head) == 1
    mirror = await Mirror.open(folder / "proof.git", f"{town.forge.url}/octo/names.git", nobody)
    await mirror.fetch("+refs/heads/*:refs/heads/*", "+refs/pushpals/*:refs/pushpals/*")
    verified = await verify_job(mirror, "1-1")
    assert verified.problems == ()


def moments() -> list[object]:
    """Every effect; `make test` tries one in ten of them."""
    rest = [pytest.mark.thorough]
    return [pytest.param(n, marks=[] if n % 10 == 0 else rest) for n in range(1, EFFECTS + 1)]


@pytest.mark.parametrize("fatal", moments())
async def test_killed_after_an_effect(town: Town, tmp_path: Path, fatal: int) -> None:
    issue = town.issue()
    seen: list[Effect] = []

    async with serving(town, tmp_path) as first:

        async def on_effect(effect: Effect) -> None:
            if ours(effect):
                seen.append(effect)
                if len(seen) == fatal:
                    first.kill()
                    await first.gone()

        town.forge.on_effect = on_effect
        town.label(issue)
        ends = {asyncio.create_task(first.gone()), asyncio.create_task(town.concluded(issue))}
        _, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        town.forge.on_effect = None
        if len(seen) >= fatal:
            await first.gone()
            assert first.process.returncode == -signal.SIGKILL
        else:
            assert fatal > FEWEST, "nothing was killed"

    async with serving(town, tmp_path):
        await town.concluded(issue)
    await finished_once(town, tmp_path)


async def test_every_effect_is_tried(town: Town, tmp_path: Path) -> None:
    issue = town.issue()
    effects: list[Effect] = []

    async def on_effect(effect: Effect) -> None:
        if ours(effect):
            effects.append(effect)

    async with serving(town, tmp_path):
        town.forge.on_effect = on_effect
        town.label(issue)
        await town.concluded(issue)
    assert FEWEST <= len(effects) <= EFFECTS, [effect.request.path for effect in effects]
