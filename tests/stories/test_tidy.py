"""What PushPals clears away behind itself."""

from __future__ import annotations

from pushpals.model import JobState
from tests.stories.town import Town


async def test_the_branch_of_a_merged_pull_request_is_cleared_away(town: Town) -> None:
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
        await town.until(town.pulls)
        [pull] = town.pulls()
        await town.forge.merge(pull, "ada")
        await town.tells("was cleared away")
        refs = await town.refs()
        [job] = await town.jobs(issue)
    assert f"refs/heads/{pull.head_ref}" not in refs
    assert (job.state, job.branch_gone) == (JobState.MERGED, True)
    assert "refs/pushpals/jobs/1-1" in refs


async def test_a_branch_that_somebody_pushed_to_meanwhile_stays(town: Town) -> None:
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
        await town.until(town.pulls)
        [pull] = town.pulls()
        await town.forge.merge(pull, "ada")
        await town.forge.push(town.repo, "ada", {"more.txt": "more\n"}, branch=pull.head_ref)
        await town.tells("is not as it was left")
        [job] = await town.jobs(issue)
    assert job.branch_gone
    assert f"refs/heads/{pull.head_ref}" in await town.refs()


async def test_leftovers_of_a_life_that_was_cut_short_are_cleared_at_the_start(town: Town) -> None:
    left = town.settings.state / "work" / "octo" / "names" / "1-1"
    left.mkdir(parents=True)
    (left / "half.py").write_text("half")
    async with town.server():
        assert not left.exists()
