"""What a repository may spend in a day, and what becomes of a worker that hangs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pushpals.loop import shift
from pushpals.model import FailureKind, JobState, WaitReason
from tests.stories.conftest import Builder
from tests.stories.scripted import Message, Messages, call
from tests.stories.town import FILES, FIXED

EDIT = call("write", path="auth/names.py", content=FIXED)
DONE = call("done", summary="Dots are kept.")


def right(messages: Messages) -> Message:
    """Do what is asked."""
    return DONE if any(message["role"] == "tool" for message in messages) else EDIT


async def test_a_spent_day_asks_a_person_and_ends(new_town: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = {".github/pushpals.yml": "budget:\n  day_tokens: 1000\n"}
    town = await new_town([call("read", path=f"{n}.py") for n in range(12)], {**FILES, **policy})
    town.tools = True
    async with town.server() as server:
        first, second = town.issue(), town.issue("Another thing", "It is wrong as well.")
        town.label(first)
        await town.until(lambda: any("budget 2x" in comment.body for comment in town.comments(first)))
        town.label(second)
        await town.until(lambda: any("begin today" in comment.body for comment in town.comments(second)))
        [job] = await town.jobs(second)
        assert (job.state, job.waiting) == (JobState.WAITING, WaitReason.DAY)
        [told] = town.comments(second)
        assert "`budget.day_tokens`, policy line 2" in told.body
        run = next(run for run in town.checks() if run.name == f"PushPals / {job.id}")
        assert [action.identifier for action in run.actions] == ["budget-2x", "stop"]
        assert "goes on by itself when the next day begins" in f"{run.summary} {run.text}"

        town.model.replies = [right]
        tomorrow = server.engine.services.clock.now() + timedelta(days=1)
        clock = server.engine.services.clock
        monkeypatch.setattr(server.engine.services, "clock", type(clock)(lambda: tomorrow, clock.monotonic))
        await server.queue.put(town.hint(second))
        await town.until(town.pulls)
    [job] = await town.jobs(second)
    assert job.budget_factor == 1
    assert job.today is not None
    assert job.today.day == tomorrow.date()


async def test_somebody_who_may_lets_a_job_begin_on_a_spent_day(new_town: Builder) -> None:
    policy = {".github/pushpals.yml": "budget:\n  day_tokens: 1000\n"}
    town = await new_town([call("read", path=f"{n}.py") for n in range(12)], {**FILES, **policy})
    town.tools = True
    async with town.server():
        first, second = town.issue(), town.issue("Another thing", "It is wrong as well.")
        town.label(first)
        await town.until(lambda: any("budget 2x" in comment.body for comment in town.comments(first)))
        town.label(second)
        await town.until(lambda: any("begin today" in comment.body for comment in town.comments(second)))
        town.model.replies = [right]
        town.forge.comment(second, "ada", "/pushpals budget 8x")
        await town.until(town.pulls)
        [job] = await town.jobs(second)
    assert job.budget_factor == 8


async def test_a_worker_that_hangs_goes_on_once_from_what_it_had_changed(
    new_town: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_after_the_edit(messages: Messages) -> bool:
        system = str(messages[0]["content"])
        if system.startswith(("You are the foreman", "You review a change")):
            return False
        return len(messages) > 2 and "The work has begun already" not in str(messages)

    town = await new_town([EDIT, DONE])
    town.tools = True
    never = asyncio.Event()
    town.model.hold = lambda messages: never if hang_after_the_edit(messages) else None
    monkeypatch.setattr(shift, "_longest", lambda _assignment: 3.0)
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.until(town.pulls)
        [job] = await town.jobs(issue)
    assert job.failures == (FailureKind.TIMEOUT,)
    assert job.attempt == 2
    assert [change.path for change in job.report.files] == ["auth/names.py"]
