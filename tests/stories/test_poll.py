"""No public address: from the label to the pull request by reading the App's log of deliveries alone."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections import Counter
from pathlib import Path

import pytest

from pushpals.server.poll import Pace
from tests.stories.conftest import Builder
from tests.stories.process import serving
from tests.stories.scripted import call
from tests.stories.test_commands_asked import COMMAND, DONE, asking, paused, press
from tests.stories.test_kill import finished_once
from tests.stories.town import Town

NOWHERE = "http://127.0.0.1:1/nobody-listens"
OFTEN = Pace(quick=0.05, slow=0.05)


def fetched(town: Town) -> Counter[str]:
    """Return how often each payload was asked for."""
    paths = (request.path for request in town.forge.requests)
    return Counter(path for path in paths if "/app/hook/deliveries/" in path)


async def test_from_label_to_pull_request_without_an_address(town: Town) -> None:
    town.forge.set_webhook(town.app, NOWHERE)
    async with town.server(poll=OFTEN) as server:
        await server.reconciled.wait()
        issue = town.issue()
        town.label(issue)
        await town.concluded(issue)
        town.forge.comment(issue, "ada", "/pushpals status")
        await town.until(lambda: len(town.comments(issue)) == 2)
    assert len(town.pulls()) == 1
    deliveries = town.forge.store.deliveries.values()
    assert {(d.status_code, d.redelivery) for d in deliveries if d.status != "pending"} == {(None, False)}
    assert max(fetched(town).values()) == 1
    lists = [r.status for r in town.forge.requests if r.path.endswith("/app/hook/deliveries")]
    assert 304 in lists, "what has not changed costs nothing"


@pytest.mark.thorough
async def test_killed_in_the_middle_it_loses_and_doubles_nothing(town: Town, tmp_path: Path) -> None:
    town.forge.set_webhook(town.app, NOWHERE)
    issue = town.issue()
    never = asyncio.Event()
    town.model.hold = lambda messages: None if "foreman" in messages[0]["content"] else never
    async with serving(town, tmp_path, poll=True) as first:
        town.label(issue)
        await town.until(town.checks)
        first.kill()
        await first.gone()
    town.model.hold = lambda _messages: None
    async with serving(town, tmp_path, poll=True):
        await town.concluded(issue)
    await finished_once(town, tmp_path)
    town.forge.comment(issue, "ada", "/pushpals help")  # while nobody is there
    async with serving(town, tmp_path, poll=True):
        await town.until(lambda: len(town.comments(issue)) == 2)
    assert sum("/pushpals" in comment.body for comment in town.comments(issue)[1:]) == 1
    assert len(town.pulls()) == 1


@pytest.mark.parametrize(
    "kept", [True, pytest.param(False, marks=pytest.mark.thorough)], ids=["cursor kept", "cursor gone"]
)
async def test_a_button_pressed_while_nobody_was_there_counts_once(new_town: Builder, *, kept: bool) -> None:
    town = await asking(new_town, [call("run", command=COMMAND), DONE])
    town.forge.set_webhook(town.app, NOWHERE)
    issue = town.issue()
    async with town.server(poll=OFTEN):
        run = await paused(town, issue)
    press(town, run, "Allow once")
    await town.forge.drained()
    file = town.settings.state / "deliveries.json"
    assert file.exists()
    if not kept:
        file.unlink()
    async with town.server(poll=OFTEN):
        await town.until(town.pulls)
        await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert (job.state, job.allowed) == ("published", (COMMAND,))


async def test_one_that_polls_and_one_that_takes_webhooks_do_the_work_once(new_town: Builder) -> None:
    town = await asking(new_town, [call("run", command=COMMAND), DONE])
    other_settings = town.settings.model_copy(update={"state": town.folder / "other-state"})
    other = dataclasses.replace(town, settings=other_settings, events=[])
    async with town.server() as one, other.server(poll=OFTEN) as two:
        await asyncio.gather(one.reconciled.wait(), two.reconciled.wait())
        issue = town.issue()
        run = await paused(town, issue)
        press(town, run, "Allow once")
        await town.until(town.pulls)
        await town.concluded(issue)
        [pressed] = [d for d in town.forge.store.deliveries.values() if d.action == "requested_action"]
        async with asyncio.timeout(30):
            while not any(path.endswith(f"/{pressed.id}") for path in fetched(town)):
                await town.jobs(issue)
        await asyncio.gather(one.queue.idle(), two.queue.idle())
    assert len(town.pulls()) == 1
    assert len(town.comments(issue)) == 1
    [job] = await town.jobs(issue)
    assert (job.state, job.allowed) == ("published", (COMMAND,))
    assert len([cause for cause in job.served if cause.startswith("press:")]) == 1


@pytest.mark.thorough
async def test_two_processes_one_of_which_polls_do_the_work_once(town: Town, tmp_path: Path) -> None:
    """As above, each a process with a state folder of its own. Both end gently."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    other_settings = town.settings.model_copy(update={"state": town.folder / "other-state"})
    other = dataclasses.replace(town, settings=other_settings)
    issue = town.issue()
    async with serving(town, one) as webhooks, serving(other, two, poll=True) as polls:
        town.label(issue)
        await town.concluded(issue)
        town.forge.comment(issue, "ada", "/pushpals status")
        await town.until(lambda: len(town.comments(issue)) == 2)
        for process in (webhooks, polls):
            process.process.send_signal(signal.SIGTERM)
        assert [await webhooks.gone(), await polls.gone()] == [0, 0], "both end gently"
    assert len(town.pulls()) == 1
    assert len(town.comments(issue)) == 2
    [job] = await town.jobs(issue)
    assert (job.state, job.attempt) == ("published", 1)
    assert "Traceback" not in (one / "server.log").read_text() + (two / "server.log").read_text()
