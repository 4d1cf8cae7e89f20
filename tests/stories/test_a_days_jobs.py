"""How many jobs a day may hold is the policy's to say, and whoever asks for one more is told."""

from __future__ import annotations

from tests.stories.conftest import Builder
from tests.stories.town import FILES


async def test_one_job_more_than_a_day_may_hold_is_refused_once_and_told_why(new_town: Builder) -> None:
    town = await new_town(files={**FILES, ".github/pushpals.yml": "budget:\n  jobs: 1\n"})
    async with town.server() as server:
        first = town.issue()
        town.label(first)
        await town.concluded(first)
        second = town.issue("Another thing", "It is wrong as well.")
        town.label(second)
        await town.until(lambda: town.comments(second))
        await server.engine.handle(town.hint(second))

    [told] = town.comments(second)
    assert "`budget.jobs` allows no more (policy line 2)" in told.body
    assert await town.jobs(second) == []
    assert len(town.pulls()) == 1
