"""The second delivery: changes are gathered, tested, and one pull request of them all waits for a person."""

from __future__ import annotations

import pytest

from pushpals.local.forge.entities import Issue
from pushpals.model import JobState
from tests.stories.conftest import Builder
from tests.stories.test_train import FACTOR, FILES, fix, state, train_of
from tests.stories.town import Town

POLICY = "version: 1\ndelivery: integration_branch\n"


async def gathered(town: Town, name: str) -> Issue:
    """Have one function mended, and wait until the comment says where the change is."""
    town.model.asked.clear()
    town.model.replies = fix(name)
    issue = town.issue(f"`{name}` returns the bare amount", f"`{name}(1)` should be {FACTOR[name]}.")
    town.label(issue)
    await town.until(lambda: any("on `main_agents`, waits for #" in c.body for c in town.comments(issue)))
    return issue


@pytest.mark.thorough
async def test_changes_are_gathered_and_merged_together(new_town: Builder) -> None:
    town = await new_town(files={**FILES, ".github/pushpals.yml": POLICY})
    town.tools = True
    before = await town.forge.git.sha(town.repo, "main")
    async with town.server():
        issues = [await gathered(town, "price")]
    async with town.server():
        issues.append(await gathered(town, "fee"))
        [pull] = town.pulls()
        await town.until(lambda: all(f"| #{i.number} |" in town.pulls()[0].body for i in issues))
        assert (pull.head_ref, pull.base_ref) == ("main_agents", "main")
        assert await town.forge.git.sha(town.repo, "main") == before
        assert {(await state(town, issue)).state for issue in issues} == {JobState.INTEGRATING}
    async with town.server():
        await town.forge.merge(town.pulls()[0], "ada")
        await town.until(lambda: all("Merged" in town.comments(issue)[0].body for issue in issues))
    assert {(await state(town, issue)).state for issue in issues} == {JobState.MERGED}
    assert len(town.pulls()) == 1
    assert (await train_of(town)).rolling is None
