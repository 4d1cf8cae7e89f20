"""Who may start work, who may stop it, and what they are told."""

from __future__ import annotations

import pytest

from tests.stories.town import FIX, LABEL, Town


@pytest.mark.parametrize("role", ["read", "triage", None])
async def test_someone_without_write_access_is_told_who_may(town: Town, role: str | None) -> None:
    if role:
        town.forge.set_role(town.repo, "sam", role)
    issue = town.issue(actor="sam")
    async with town.server() as server:
        town.label(issue, actor="sam")
        await town.until(lambda: town.comments(issue))
        await server.queue.idle()
        # Redelivery of the same event says nothing a second time.
        await server.queue.put(town.hint(issue))
        await server.queue.idle()

    [comment] = town.comments(issue)
    assert "`sam`, starting PushPals here needs write access." in comment.body
    assert f"A maintainer can add `{LABEL}` for you" in comment.body
    assert "@" not in comment.body
    assert town.pulls() == []
    assert town.checks() == []
    assert town.model.asked == []


async def test_a_maintainer_labels_what_a_stranger_asked_for(town: Town) -> None:
    issue = town.issue(actor="sam")
    async with town.server():
        town.label(issue, actor="sam")
        await town.until(lambda: town.comments(issue))
        town.forge.remove_label(issue, "ada", LABEL)
        town.label(issue, actor="ada")
        assert (await town.concluded(issue)).conclusion == "success"


@pytest.mark.parametrize("how", ["close", "unlabel"])
async def test_work_stops_when_told(town: Town, how: str) -> None:
    """The model is stuck in the middle of an answer: stopping does not wait for it."""
    issue = town.issue()
    town.model.silent = True
    async with town.server():
        town.label(issue)
        await town.model.was_asked()
        if how == "close":
            town.forge.close_issue(issue, "ada")
        else:
            town.forge.remove_label(issue, "ada", LABEL)
        check = await town.concluded(issue)

    assert check.conclusion == "cancelled"
    [comment] = town.comments(issue)
    assert "Stopped" in comment.body
    assert town.pulls() == []
    assert not any(ref.startswith("refs/heads/agent/") for ref in await town.refs())


async def test_a_failed_job_is_tried_again_by_labelling_again(town: Town) -> None:
    issue = town.issue()
    town.model.replies = ["I would rather not."]
    async with town.server():
        town.label(issue)
        assert (await town.concluded(issue)).conclusion == "failure"
        town.model.replies = [FIX]
        town.forge.remove_label(issue, "ada", LABEL)
        town.label(issue)
        assert (await town.concluded(issue, job=2)).conclusion == "success"

    [pull] = town.pulls()
    assert pull.head_ref == "agent/bug-fixer/1-2"
    [comment] = town.comments(issue)
    assert "Earlier: `refs/pushpals/jobs/1-1`." in comment.body
    assert "- [x] 1-2" in comment.body


async def test_labelling_again_while_a_pull_request_is_open_starts_nothing(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        town.forge.remove_label(issue, "ada", LABEL)
        town.label(issue)
        await town.forge.drained()
        await server.queue.idle()
    assert len(town.pulls()) == 1
    assert [ref for ref in await town.refs() if "jobs" in ref] == ["refs/pushpals/jobs/1-1"]


async def test_a_person_approves_and_merges(town: Town) -> None:
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
        [pull] = town.pulls()
        town.forge.review(pull, "ada", "APPROVED")
        await town.forge.merge(pull, "ada", "squash")
        await town.until(lambda: "Merged" in town.comments(issue)[0].body)

    [job] = await town.jobs(issue)
    assert job.state == "merged"
    assert town.forge.store.fresh(issue).state == "closed"


async def test_a_closed_pull_request_is_a_no(town: Town) -> None:
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
        town.forge.close_issue(town.pulls()[0], "ada")
        await town.until(lambda: "closed without merging" in town.comments(issue)[0].body)
    [job] = await town.jobs(issue)
    assert job.state == "cancelled"
