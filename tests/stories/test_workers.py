"""`dispatch: worker`: the server plans, judges and publishes; workers of their own do what is queued."""

from __future__ import annotations

import asyncio
import signal

import pytest

from pushpals.model import JobState
from tests.stories.conftest import Builder
from tests.stories.headless import POLICY, TO_WORKERS, worker
from tests.stories.process import working
from tests.stories.scripted import Messages
from tests.stories.town import FIX, Town


def live_check(town: Town) -> str:
    """Return what the check run of job 1-1 says while work goes on."""
    return next((run.summary or "" for run in town.checks() if run.name == "PushPals / 1-1"), "")


def held_model(town: Town) -> asyncio.Event:
    """Let the model answer only once the event is set."""
    go = asyncio.Event()

    def hold(_messages: Messages) -> asyncio.Event | None:
        return None if go.is_set() else go

    town.model.hold = hold
    return go


async def test_a_worker_takes_what_the_server_queued(new_town: Builder) -> None:
    town = await new_town(files=TO_WORKERS)
    issue = town.issue()
    go = held_model(town)
    async with town.server() as server:
        town.label(issue)
        await town.until(lambda: "for a worker (`dispatch: worker`)" in live_check(town))
        await server.queue.idle()
        assert [job.state for job in await town.jobs(issue)] == [JobState.QUEUED]
        assert not town.model.asked

        async with worker(town, "hut-1") as hand:
            await server.engine.elsewhere.look()
            await town.model.was_asked()
            await server.engine.elsewhere.look()
            await town.until(lambda: "Held by `hut-1` since" in live_check(town))
            go.set()
            while (await town.jobs(issue))[0].state is not JobState.PROPOSED:
                await hand.looks_around()
            [proposed] = await town.jobs(issue)
            assert proposed.holder is None
            assert not town.pulls()
            await server.engine.elsewhere.look()
            await town.concluded(issue)

    [pull] = town.pulls()
    assert pull.title.startswith("Login fails")
    assert len(town.comments(issue)) == 1
    [job] = await town.jobs(issue)
    assert (job.state, job.attempt) == (JobState.PUBLISHED, 1)
    assert [run.conclusion for run in town.checks()] == ["success", "success"]


async def test_each_of_two_workers_takes_another_job(new_town: Builder) -> None:
    town = await new_town([FIX], files=TO_WORKERS)
    issues = [town.issue(), town.issue(title="Log in as ada.lovelace fails")]
    go = held_model(town)
    async with town.server() as server:
        for issue in issues:
            town.label(issue)
        await town.until(lambda: len(town.checks()) == 2)
        one = town.settings.model_copy(update={"jobs": 1})
        town.settings = one
        async with worker(town, "hut-1") as first, worker(town, "hut-2") as second:
            while not (first.headless.crew.count == second.headless.crew.count == 1):
                await first.looks_around(1)
            held = [job.holder.name for issue in issues for job in await town.jobs(issue) if job.holder]
            go.set()
            while first.headless.crew.count or second.headless.crew.count:
                await first.looks_around(1)
            await server.engine.elsewhere.look()
            await asyncio.gather(*map(town.concluded, issues))

    assert sorted(held) == ["hut-1", "hut-2"]
    assert len(town.pulls()) == 2
    assert [job.attempt for issue in issues for job in await town.jobs(issue)] == [1, 1]


async def test_cancelled_work_ends_at_the_worker(new_town: Builder) -> None:
    town = await new_town(files=TO_WORKERS)
    issue = town.issue()
    held_model(town)
    async with town.server() as server, worker(town, "hut-1") as hand:
        town.label(issue)
        await town.model.was_asked()
        await server.queue.idle()
        town.forge.comment(issue, "ada", "/pushpals cancel")
        await town.concluded(issue)
        while hand.headless.crew.count:
            await hand.looks_around(1)

    [job] = await town.jobs(issue)
    assert job.state is JobState.CANCELLED
    assert not town.pulls()


async def test_a_worker_that_is_stopped_puts_its_job_back(new_town: Builder) -> None:
    town = await new_town(files=TO_WORKERS)
    issue = town.issue()
    go = held_model(town)
    async with town.server() as server:
        town.label(issue)
        async with worker(town, "hut-1"):
            await town.model.was_asked()
        [back] = await town.jobs(issue)
        assert (back.state, back.holder, back.attempt) == (JobState.QUEUED, None, 0)
        assert back.failures == ()
        go.set()
        async with worker(town, "hut-2", patience=60.0):
            await town.tells("Claimed, attempt 1.", times=2)
        await server.engine.elsewhere.look()
        await town.concluded(issue)
    assert len(town.pulls()) == 1


async def test_a_worker_that_died_takes_its_job_up_again_at_once(new_town: Builder) -> None:
    town = await new_town(files=TO_WORKERS)
    issue = town.issue()
    go = held_model(town)
    async with town.server() as server:
        town.label(issue)
        async with worker(town, "hut-1", dies=True):
            await town.model.was_asked()
        [left] = await town.jobs(issue)
        assert left.state is JobState.RUNNING
        go.set()
        async with worker(town, "hut-2") as other:
            await other.looks_around()
        assert [job.attempt for job in await town.jobs(issue)] == [1], (
            "a stranger's claim waits its ten minutes"
        )
        async with worker(town, "hut-1", patience=60.0):
            await town.tells("Claimed, attempt 2.")
        await server.engine.elsewhere.look()
        await town.concluded(issue)
    assert len(town.pulls()) == 1


@pytest.mark.thorough
async def test_the_command_works_with_a_token_that_only_pushes(new_town: Builder) -> None:
    town = await new_town(files=TO_WORKERS)
    issue = town.issue()
    token = town.forge.job_token(town.repo, {"actions": "read", "contents": "write", "metadata": "read"})
    async with town.server() as server:
        town.label(issue)
        await town.until(lambda: "for a worker" in live_check(town))
        worked = await working(town, town.folder / "shed", token, "--once")
        assert await worked.line() == "shed works for octo/names\n"
        assert await worked.gone() == 0, (town.folder / "shed/worker.log").read_text()
        await server.engine.elsewhere.look()
        await town.concluded(issue)

        second = town.issue(title="Log in as ada.lovelace fails")
        held_model(town)
        town.model.forget()
        town.label(second)
        stopped = await working(town, town.folder / "barn", token)
        await town.model.was_asked()
        stopped.process.send_signal(signal.SIGTERM)
        stopped.process.send_signal(signal.SIGTERM)
        assert await stopped.gone() == 0, (town.folder / "barn/worker.log").read_text()
        said = [await stopped.line() for _ in range(4)]
        assert said[2:] == [
            "Stopping. Jobs under way have 20 s; a second signal ends them now.\n",
            "1 back in the queue, for others.\n",
        ]
    [back] = await town.jobs(second)
    assert (back.state, back.attempt) == (JobState.QUEUED, 0)
    assert token not in (town.folder / "shed/worker.log").read_text()


async def test_where_a_policy_sends_jobs_is_read_each_time(new_town: Builder) -> None:
    town = await new_town()
    first, second = town.issue(), town.issue(title="Log in as ada.lovelace fails")
    async with town.server() as server, worker(town, "hut-1", patience=60.0) as hand:
        go = held_model(town)
        town.label(first)
        await town.model.was_asked()
        await hand.looks_around()
        assert hand.headless.crew.count == 0, "the policy sends nothing to workers"
        go.set()
        await town.concluded(first)
        await town.forge.push(town.repo, "ada", {".github/pushpals.yml": POLICY}, message="To workers")
        town.label(second)
        await town.tells("Claimed, attempt 1.", times=2)
        assert hand.headless.crew.count == 1
        while hand.headless.crew.count:
            await hand.looks_around(1)
        await server.engine.elsewhere.look()
        await town.concluded(second)
    assert len(town.pulls()) == 2


async def test_what_a_former_life_left_behind_is_cleared_away(new_town: Builder) -> None:
    town = await new_town(files=TO_WORKERS)
    state = town.folder / "shed" / "state" / "worker"
    stale = state / "work" / "octo" / "names" / "9-1"
    gone = state / "mirrors" / "octo" / "gone.git"
    token = town.forge.job_token(town.repo, {"actions": "read", "contents": "write", "metadata": "read"})
    for folder in (stale, gone):
        folder.mkdir(parents=True)
    worked = await working(town, town.folder / "shed", token, "--once")
    assert await worked.gone() == 0, (town.folder / "shed/worker.log").read_text()
    assert not stale.exists()
    assert not gone.exists()
    assert (state / "mirrors" / "octo" / "names.git").exists()
    assert (state / "alive").exists()
