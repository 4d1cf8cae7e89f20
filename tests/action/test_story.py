"""No server: a label starts a run of the workflow, and a small, checked pull request appears."""

from __future__ import annotations

from pushpals.ledger.verify import verify_job
from pushpals.model import JobState
from tests.action.hosted import BOT, Actions
from tests.stories.town import Town


async def test_a_label_becomes_a_pull_request(town: Town) -> None:
    actions = Actions(town)
    issue = town.issue()
    town.label(issue)
    [run] = await actions.pump()

    assert set(run.results.values()) == {"success"}, run.log()
    [pull] = town.pulls()
    assert (pull.author, pull.head_ref) == (BOT, "agent/bug-fixer/1-1")
    [check] = [one for one in town.checks() if one.name == "PushPals / 1-1" and one.head_sha == pull.head_sha]
    assert (check.status, check.conclusion) == ("completed", "success")
    assert f"1-1 is published: {town.forge.url}/octo/names/pull/{pull.number}" in run.summary
    assert "by rules and `scripted`" in pull.body  # publish asks: the check's job has no model
    [job] = await town.jobs(issue)
    assert job.state is JobState.PUBLISHED
    ledger = await town.ledger()
    await ledger._mirror.fetch("+refs/heads/*:refs/heads/*", "+refs/pushpals/*:refs/pushpals/*")
    assert (await verify_job(ledger._mirror, "1-1")).problems == ()
