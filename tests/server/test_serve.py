"""The server over the forge: no request before the 202, what was missed is found, and stopping is gentle."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest

from pushpals.local.forge.entities import Issue
from pushpals.local.forge.traffic import Fault, RequestRecord
from pushpals.model import HELD
from pushpals.server import app
from pushpals.server.door import Door
from pushpals.server.queue import HintQueue
from tests.server.deliveries import LABELED, SECRET, Sender, signature
from tests.stories.process import serving
from tests.stories.town import Town


async def test_a_taken_port_is_an_error_and_a_closed_door_answers_nobody(sender: Sender) -> None:
    port = int(sender.door.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await Door.open(SECRET, port=port)
    await sender.door.close()
    with pytest.raises(aiohttp.ClientConnectorError):
        await sender.event("issues", LABELED)
    again = await Door.open(SECRET, port=port)
    await again.close()


async def test_what_came_before_anybody_was_at_work_is_worked_on(town: Town) -> None:
    """The door opens first; the forge is not asked for anything until somebody stands behind it."""
    door = await Door.open(SECRET)
    town.forge.set_webhook(town.app, f"{door.url}/webhook")
    issue = town.issue()
    town.label(issue)
    await town.forge.drained()
    assert [d.status_code for d in town.forge.store.deliveries.values() if d.action == "labeled"] == [202]
    assert town.forge.requests == []
    assert door.queue.depth == 1
    await door.close()


async def test_every_delivery_is_answered_before_github_is_asked(town: Town) -> None:
    async with town.server() as server:
        await server.reconciled.wait()
        await server.queue.idle()
        before = len(town.forge.requests)
        body = json.dumps({**LABELED, "issue": {"number": 1}}).encode()
        headers = {"X-GitHub-Event": "issues", "X-Hub-Signature-256": signature(body)}
        town.issue()
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{server.url}/webhook", data=body, headers=headers) as answer,
        ):
            assert answer.status == 202
            assert len(town.forge.requests) == before
        await server.queue.idle()
        assert len(town.forge.requests) > before


async def test_a_label_put_while_the_server_was_down_is_found_at_the_start(town: Town) -> None:
    issue = town.issue()
    town.label(issue)
    async with town.server():
        await town.until(lambda: town.comments(issue))
    assert [reaction.user for reaction in town.forge.store.fresh(issue).reactions] == ["pushpals[bot]"]
    assert await town.jobs(issue)


async def test_the_look_around_is_tried_again_soon_when_github_is_away(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "FIRST_PAUSE", 0.0)

    def lists(request: RequestRecord) -> bool:
        return request.path.endswith("/app/installations")

    town.forge.faults.append(Fault(matches=lists, status=404, times=2))
    issue = town.issue()
    town.label(issue)
    async with town.server() as server:
        await server.reconciled.wait()
        await town.until(lambda: town.comments(issue))
    assert sum(lists(request) for request in town.forge.requests) == 3


async def test_a_hint_is_tried_again_when_github_is_away(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpals.server.door.HintQueue", lambda: HintQueue(backoff=(0.0,)))
    issue = town.issue()
    async with town.server() as server:
        await server.reconciled.wait()
        town.forge.faults.append(Fault(matches=lambda r: r.operation == "Subject", status=404, times=2))
        town.label(issue)
        await town.until(lambda: town.comments(issue))
    assert town.forge.faults == []


async def test_a_defect_in_the_look_around_is_not_hidden(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_self: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("pushpals.loop.reconcile.Reconciler.run", broken)
    async with town.server() as server:
        with pytest.raises(ZeroDivisionError):
            await server.run()


async def held(town: Town, issue: Issue) -> None:
    """Wait until somebody works on the issue's job. The push of a record is no event to the forge."""
    async with asyncio.timeout(60):
        while not any(job.state in HELD for job in await town.jobs(issue)):
            pass


async def test_sigterm_ends_it_gently_and_the_next_start_finishes_the_job(town: Town, tmp_path: Path) -> None:
    issue = town.issue()
    never = asyncio.Event()
    town.model.hold = lambda messages: None if "foreman" in messages[0]["content"] else never
    async with serving(town, tmp_path) as first:
        town.label(issue)
        await held(town, issue)
        first.process.send_signal(signal.SIGTERM)
        assert await first.gone() == 0
        assert first.process.stdout
        said = (await first.process.stdout.read()).decode()
        assert said.endswith("Stopping. Work under way is taken up again at the next start.\n")
    [job] = await town.jobs(issue)
    assert job.state in {"claimed", "running"}
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log
    assert "issues.labeled: octo/names#1" in log

    town.model.hold = lambda _messages: None
    async with serving(town, tmp_path):
        await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert (job.state, job.attempt) == ("published", 2)


async def test_sigterm_ends_it_also_while_it_gets_ready(town: Town, tmp_path: Path) -> None:
    """A model that never answers keeps it from work, not from ending."""
    never = asyncio.Event()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as mute:
        town.model.url = f"http://127.0.0.1:{mute.sockets[0].getsockname()[1]}/v1"
        async with serving(town, tmp_path) as process:
            process.process.send_signal(signal.SIGTERM)
            assert await process.gone() == 0
        never.set()
