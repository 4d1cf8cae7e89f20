"""An hour in which nearly all is created that GitHub allows: people still get what they wait for."""

from __future__ import annotations

from pushpals.github.creations import Creations
from pushpals.server.app import Server
from tests.stories.test_talk import answers, say
from tests.stories.town import Town


async def used_up(server: Server, left: int) -> Creations:
    """Let others have created all but `left` of what may be created for jobs within the hour."""
    await server.reconciled.wait()
    await server.queue.idle()
    github = server.engine.services.github
    [installation] = github._installations.values()
    hour = github._transport.creations[installation]
    for n in range(hour.hourly - hour.hourly // 50 - left):
        hour.take(1, whose=f"other {n}", urgent=False, now=server.engine.services.clock.now().timestamp())
    return hour


async def test_a_job_creates_its_pull_request_alone_and_what_waits_is_not_lost(town: Town) -> None:
    first, second = town.issue(), town.issue("Names with a dot", "They cannot log in, all of them.")
    async with town.server() as server:
        hour = await used_up(server, 1)
        town.label(first)
        await town.concluded(first)
        [pull] = town.pulls()
        assert f"#{first.number}" in pull.body
        assert town.comments(first) == []
        assert "EYES" in {reaction.content for reaction in town.forge.store.issues[first.id].reactions}

        town.label(second)
        await town.tells("Published ", times=2)
        await server.queue._until(lambda: not server.queue.depth)
        assert hour.held == 1  # the pull request waits
        await server.queue.put(town.hint(second))
        await say(town, second, "/pushpals status")
        assert answers(town, second)
        assert len(town.pulls()) == 1

        hour._sent.clear()  # an hour later
        await server.queue.put(town.hint(second))
        await town.concluded(second)
        assert len(town.pulls()) == 2
        assert hour.held == 1


async def test_a_failure_is_told_though_its_job_began_without_a_comment(town: Town) -> None:
    town.model.replies = ["Colourless green ideas sleep furiously."]
    issue = town.issue()
    async with town.server() as server:
        await used_up(server, 1)
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
    [job] = await town.jobs(issue)
    [comment] = town.comments(issue)
    assert job.failure
    assert job.failure.next_step in comment.body
