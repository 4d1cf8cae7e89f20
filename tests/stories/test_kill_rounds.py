"""kill -9 at any moment of a further round: starting again finishes it once, with one commit, one answer."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from pushpals.local.forge.traffic import Effect
from pushpals.model import JobState
from tests.stories.process import serving
from tests.stories.scripted import Messages, call
from tests.stories.test_kill import ours
from tests.stories.test_rounds import COMMENTED, EDIT
from tests.stories.town import Town

EFFECTS = 10
FEWEST = 8
"""How many effects a round has at least: each of these moments is one at which the server really dies."""
REMARK = ("auth/names.py", 6, "Say in the docstring that dots are kept.")


def worker(messages: Messages) -> dict[str, Any]:
    """Do one edit, whichever is asked for, then be done; asked again after a crash, do it again."""
    if any(message["role"] == "assistant" for message in messages):
        return call("done", summary="Done.")
    return call("write", path="auth/names.py", content=COMMENTED) if "docstring" in str(messages) else EDIT


def moments() -> list[object]:
    """Every effect; `make test` tries one in six of them."""
    rest = [pytest.mark.thorough]
    return [pytest.param(n, marks=[] if n % 6 == 0 else rest) for n in range(1, EFFECTS + 1)]


async def answered(town: Town) -> None:
    """Wait until the remark has its answer, and all that is shown of the round is drawn."""

    def over() -> bool:
        threads = list(town.forge.store.threads.values())
        drawn = [run for run in town.checks() if run.head_sha == town.pulls()[0].head_sha]
        comments = [c.body for c in town.forge.store.comments.values() if "pushpals:progress" in c.body]
        idle = all(run.status == "completed" for run in town.checks())
        answers = len(town.forge.store.comments_in(threads[0])) == 2 if threads else False
        return bool(drawn) and idle and answers and "Ready for review" in comments[0]

    await town.until(over)


@pytest.mark.parametrize("fatal", moments())
async def test_killed_in_a_further_round(town: Town, tmp_path: Path, fatal: int) -> None:
    town.model.replies = [worker]
    issue = town.issue()
    seen: list[Effect] = []
    async with serving(town, tmp_path) as first:
        town.label(issue)
        await town.concluded(issue)
        await town.until(lambda: "Ready for review" in town.comments(issue)[0].body)
        [pull] = town.pulls()
        before = pull.head_sha

        async def on_effect(effect: Effect) -> None:
            if ours(effect):
                seen.append(effect)
                if len(seen) == fatal:
                    first.kill()
                    await first.gone()

        town.forge.on_effect = on_effect
        await town.forge.review_lines(pull, "ada", "COMMENTED", [REMARK], "One thing.")
        ends = {asyncio.create_task(first.gone()), asyncio.create_task(answered(town))}
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
        await answered(town)
        await town.forge.drained()
    [job] = await town.jobs(issue)
    [pull] = town.pulls()
    [thread] = town.forge.store.threads.values()
    assert (job.state, job.round, job.head) == (JobState.PUBLISHED, 1, pull.head_sha)
    commits = await town.forge.git.run(town.repo, "rev-list", f"main..{pull.head_sha}")
    assert commits.split() == [pull.head_sha, before]
    assert [c.author for c in town.forge.store.comments_in(thread)] == ["ada", "pushpals[bot]"]
    assert [run.conclusion for run in town.checks() if run.head_sha == pull.head_sha] == ["success"]
    assert len(town.comments(issue)) == 1
