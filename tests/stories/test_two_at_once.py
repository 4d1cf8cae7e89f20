"""Two servers for one repository: both hear of everything, and the work is done once."""

from __future__ import annotations

import asyncio
import dataclasses

from tests.stories.town import Town


async def test_two_replicas_do_the_work_once(town: Town) -> None:
    issue = town.issue()
    other_settings = town.settings.model_copy(update={"state": town.folder / "other-state"})
    other = dataclasses.replace(town, settings=other_settings, events=[])
    async with town.server() as one, other.server() as two:
        await asyncio.gather(one.reconciled.wait(), two.reconciled.wait())
        town.label(issue)
        # Webhooks go to one address only; the other replica hears of it by its own look around.
        await asyncio.gather(one.queue.put(town.hint(issue)), two.queue.put(town.hint(issue)))
        await town.concluded(issue)
        await asyncio.gather(one.queue.put(town.hint(issue)), two.queue.put(town.hint(issue)))
        await asyncio.gather(one.queue.idle(), two.queue.idle())

    assert len(town.pulls()) == 1
    assert len(town.comments(issue)) == 1
    assert len(town.checks()) == 2
    assert [ref for ref in await town.refs() if "jobs" in ref or "agent" in ref] == [
        "refs/heads/agent/bug-fixer/1-1",
        "refs/pushpals/jobs/1-1",
    ]
    [job] = await town.jobs(issue)
    assert job.attempt == 1
