"""Three workers in containers, one killed, one paused, one cut off: every job is done, and done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import docker
import pytest

from pushpals.ledger.verify import verify_job
from pushpals.local.forge.entities import Issue
from pushpals.model import JobRecord, JobState
from tests.fleet.crew import Member, hire
from tests.fleet.network import Network
from tests.stories.scripted import Messages
from tests.stories.town import Town

pytestmark = [pytest.mark.docker, pytest.mark.thorough, pytest.mark.timeout(900)]

NAMES = ("anna", "bert", "cleo")


async def _jobs(town: Town, issues: list[Issue]) -> list[JobRecord]:
    return [job for issue in issues for job in await town.jobs(issue)]


async def _when(
    town: Town, issues: list[Issue], true: Callable[[list[JobRecord]], object], seconds: float = 240.0
) -> list[JobRecord]:
    """Return the jobs as soon as something is true of them."""
    async with asyncio.timeout(seconds):
        while not true(jobs := await _jobs(town, issues)):  # noqa: ASYNC110 - nobody tells of other machines
            await asyncio.sleep(0.5)
    return jobs


def _holders(jobs: list[JobRecord]) -> list[str]:
    return sorted(job.holder.name for job in jobs if job.holder)


async def test_every_job_is_done_once(
    client: docker.DockerClient, image: str, town: Town, wire: Network
) -> None:
    issues = [town.issue(title=f"Login fails for names with a dot, said {name}") for name in NAMES]
    go = asyncio.Event()

    def hold(_messages: Messages) -> asyncio.Event | None:
        return None if go.is_set() else go

    town.model.hold = hold
    crew: list[Member] = []
    try:
        for name in NAMES:
            crew.append(await hire(client, image, town, wire, name))
            await crew[-1].start()
        async with town.server() as server:
            looking = asyncio.create_task(_look_for_ever(server.engine.elsewhere.look))
            for issue in issues:
                town.label(issue)
            before = await _when(town, issues, lambda jobs: _holders(jobs) == list(NAMES))
            anna, bert, cleo = crew
            await anna.call("kill")
            await bert.call("pause")
            wire.cut(cleo.pid)
            await anna.start()  # takes its own job up at once, and those of the others when they seem gone
            go.set()
            await asyncio.gather(*(town.concluded(issue, seconds=240.0) for issue in issues))
            await bert.call("unpause")
            wire.mend(cleo.pid)
            for late in (bert, cleo):
                await _when(town, issues, lambda _jobs: _gave_way(late))  # noqa: B023 - used up at once
            looking.cancel()
        jobs = await _jobs(town, issues)
        assert [job.state for job in jobs] == [JobState.PUBLISHED] * len(NAMES)
        assert [job.attempt for job in jobs] == [2] * len(NAMES), [job.failures for job in jobs]
        assert {job.id for job in before} == {job.id for job in jobs}
        assert len(town.pulls()) == len(NAMES)
        ledger = await town.ledger()
        await ledger._mirror.fetch("+refs/heads/*:refs/heads/*", "+refs/pushpals/*:refs/pushpals/*")
        for job in jobs:
            assert (await verify_job(ledger._mirror, job.id)).problems == ()
        await asyncio.gather(*(member.call("stop", timeout=60) for member in crew))
        assert [await member.exit_code() for member in crew] == [0, 0, 0], crew[0].logs()
    except BaseException:
        for member in crew:
            print(f"--- {member.name}\n{member.logs()[-4000:]}")  # noqa: T201 - what a failed test shows
        raise
    finally:
        for member in crew:
            await member.call("remove", force=True)


def _gave_way(member: Member) -> bool:
    """True once a worker has seen that its job is another's."""
    said = member.logs()
    return "its work is stopped" in said or "the claim was lost" in said


async def _look_for_ever(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await look()
        await asyncio.sleep(0.5)
