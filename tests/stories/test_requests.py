"""Requests are precious: what one run asks of GitHub, counted by kind."""

from __future__ import annotations

from collections import Counter

import pytest

from pushpals.loop.services import Config
from tests.stories.town import Town


async def test_a_run_takes_few_requests(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        await server.reconciled.wait()
        await server.queue.idle()
        start = len(town.forge.requests)
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        asked = [request for request in town.forge.requests[start:] if request.kind != "git"]

    counted = Counter(request.operation or request.path.rpartition("/")[2] for request in asked)
    # Tokens live for an hour; both were made when the server looked at its repositories.
    tokens = sum(1 for request in town.forge.requests[:start] if request.path.endswith("access_tokens")) - 1
    assert tokens == 2  # one to talk, one to push, both narrowed to this repository; one more lists them
    assert counted == {
        "Subject": 2,  # when the label comes, and again when the patch is there
        "permission": 2,  # the asker's role, before work starts and before it is published
        "Write": 3,  # acknowledged; pull request with its check; comment and live check brought in step
    }
    refreshes = sum(1 for age in Config.refresh_after if age <= 120.0)
    assert tokens + sum(counted.values()) + refreshes <= 12  # of a run that takes two minutes


async def test_what_is_said_on_a_pull_request_of_ours_is_dealt_with_at_its_issue(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment's webhook tells the number of the pull request alone; it costs no look to know its issue."""
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        [pull] = town.pulls()
        looked = list[int]()
        board = server.engine.services.board
        monkeypatch.setattr(board, "see", lambda ref, _view: looked.append(ref.number))
        start = len(town.forge.requests)
        town.forge.comment(pull, "ada", "How is it going?")
        await town.forge.drained()
        await server.queue.idle()
        asked = [r.operation for r in town.forge.requests[start:] if r.operation == "Subject"]
    assert set(looked) == {issue.number}
    assert asked == ["Subject"]
