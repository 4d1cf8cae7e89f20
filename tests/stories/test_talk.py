"""What people say to PushPals, and what it says and does: through webhooks, git and a model that answers."""

from __future__ import annotations

import asyncio

import pytest

from pushpals.git import Mirror
from pushpals.ledger import Ledger
from pushpals.local.forge.entities import Comment, Issue, PullRequest
from pushpals.loop.services import LEDGER_IDENTITY
from pushpals.model import JobState
from tests.stories.conftest import Builder
from tests.stories.scripted import Messages
from tests.stories.town import FILES, FIX, TITLE, Town


def answers(town: Town, subject: Issue | PullRequest) -> list[str]:
    """Return our comments on an issue or pull request that answer somebody, without their mark."""
    said = [c for c in town.forge.store.comments.values() if c.number == subject.number]
    ours = [c.body for c in said if c.author == "pushpals[bot]" and "<!-- pushpals:answer " in c.body]
    return [body.partition("\n")[2] for body in ours]


def eyes(town: Town, comment: Comment) -> int:
    """Return how often we reacted to a comment."""
    found = town.forge.store.comments[comment.id].reactions
    return sum(1 for reaction in found if reaction.user == "pushpals[bot]")


async def say(town: Town, subject: Issue | PullRequest, text: str, actor: str = "ada") -> Comment:
    """Comment, and wait for one answer more."""
    before = len(answers(town, subject))
    comment = town.forge.comment(subject, actor, text)
    await town.until(lambda: len(answers(town, subject)) > before)
    return comment


async def test_status_is_told_while_a_job_runs(town: Town) -> None:
    town.model.silent = True
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.model.was_asked()
        comment = await say(town, issue, "How is it going?\n\n/pushpals status")
        [told] = answers(town, issue)
        assert f"### PushPals · #{issue.number} {TITLE}" in told
        assert f"{issue.number}-1" in told
        assert "running" in told
        assert eyes(town, comment) == 1
        [job] = await town.jobs(issue)
        assert job.state is JobState.RUNNING


async def test_a_typo_gets_a_suggestion_and_help_lists_what_can_be_said(town: Town) -> None:
    issue = town.issue()
    async with town.server():
        await say(town, issue, "/pushpals statsu")
        await say(town, issue, "/pushpals help")
    typo, helped = answers(town, issue)
    assert "Perhaps `/pushpals status`?" in typo
    assert "`/pushpals run`" in helped
    assert "`/pushpals cancel" not in helped
    assert await town.jobs(issue) == []


async def test_what_is_quoted_is_no_command(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        town.forge.comment(issue, "ada", "> /pushpals run\n\n```\n/pushpals run\n```\nis how it starts")
        await say(town, issue, "/pushpals status")
        await server.queue.idle()
    assert len(answers(town, issue)) == 1
    assert await town.jobs(issue) == []


async def test_of_an_edited_comment_only_what_is_new_is_done(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        comment = await say(town, issue, "/pushpals status")
        town.forge.edit_comment(comment, "ada", "Please:\n\n/pushpals status\n/pushpals explain")
        await town.until(lambda: len(answers(town, issue)) == 2)
        town.forge.edit_comment(comment, "ada", "/pushpals explain\n\n/pushpals status\n\nThanks.")
        await say(town, issue, "/pushpals help")
        await server.queue.idle()
        assert len(answers(town, issue)) == 3
        assert eyes(town, comment) == 1


async def test_a_stranger_is_refused_once(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        await say(town, issue, "/pushpals run", actor="sam")
        town.forge.comment(issue, "sam", "/pushpals run\n/pushpals ask why not?")
        await say(town, issue, "/pushpals status")
        await server.queue.idle()
    refused, _ = answers(town, issue)
    assert "`sam`, `run` needs write access." in refused
    assert await town.jobs(issue) == []
    assert town.model.asked == []


async def test_the_author_of_an_issue_is_told_how_it_stands(town: Town) -> None:
    issue = town.issue(actor="sam")
    async with town.server():
        await say(town, issue, "/pushpals status", actor="sam")
    [told] = answers(town, issue)
    assert "Nothing was asked of PushPals here yet" in told


async def test_run_starts_work_without_a_label(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        comment = town.forge.comment(issue, "ada", "/pushpals run")
        assert (await town.concluded(issue)).conclusion == "success"
        await server.queue.idle()
        assert eyes(town, comment) == 1
        assert answers(town, issue) == []
        [pull] = town.pulls()
        assert pull.state == "open"


async def test_a_question_on_a_pull_request_is_answered_from_its_diff(new_town: Builder) -> None:
    def reply(messages: Messages) -> str:
        return "It keeps dots. Ask @sam." if "You answer one question" in messages[0]["content"] else FIX

    town = await new_town([reply])
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        [pull] = town.pulls()
        start = len(town.forge.requests)
        comment = await say(town, pull, "/pushpals ask What does this change, and why?")
        await server.queue.idle()
        asked = [request for request in town.forge.requests[start:] if request.kind != "git"]
    [told] = answers(town, pull)
    assert told.startswith("It keeps dots. Ask `@sam`.")
    assert "change, repository map" in told
    assert "$0.00" in told
    shown = town.model.asked[-1][-1]["content"]
    assert '+    return "".join(c for c in name.strip().lower() if c.isalnum() or c == ".")' in shown
    assert "normalize_name" in shown
    assert eyes(town, comment) == 1
    assert len(asked) <= 4, [request.operation or request.path for request in asked]


async def test_a_status_takes_three_requests(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        start = len(town.forge.requests)
        await say(town, issue, "/pushpals status")
        await server.queue.idle()
        asked = [request for request in town.forge.requests[start:] if request.kind != "git"]
    assert len(asked) <= 3, [request.operation or request.path for request in asked]


async def test_a_question_is_answered_while_the_only_workers_are_busy(new_town: Builder) -> None:
    stuck = asyncio.Event()

    def reply(messages: Messages) -> str:
        return "In auth/names.py." if "You answer one question" in messages[0]["content"] else FIX

    town = await new_town([reply])
    town.model.hold = lambda messages: None if "You answer" in messages[0]["content"] else stuck
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.model.was_asked()
        await say(town, issue, "/pushpals ask Where are names made?")
        [told] = answers(town, issue)
        assert told.startswith("In auth/names.py.")
        [job] = await town.jobs(issue)
        assert job.state is JobState.RUNNING
        stuck.set()
        await town.concluded(issue)


async def test_a_model_that_is_down_is_said_so(town: Town) -> None:
    issue = town.issue()
    town.model.down = True
    async with town.server():
        await say(town, issue, "/pushpals ask Why?")
    [told] = answers(town, issue)
    assert told.startswith("The question was not answered: ")


async def test_cancel_stops_the_work_and_nothing_of_it_is_published(town: Town) -> None:
    town.model.silent = True
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.model.was_asked()
        comment = town.forge.comment(issue, "ada", "/pushpals cancel")
        check = await town.concluded(issue)
        town.model.silent = False
        await server.queue.put(town.hint(issue))
        await server.queue.idle()
        assert not server.engine.crew.busy(town.hint(issue).ref.repo)
    [job] = await town.jobs(issue)
    assert job.state is JobState.CANCELLED
    assert check.conclusion == "cancelled"
    assert town.pulls() == []
    assert not any(ref.startswith("refs/heads/agent/") for ref in await town.refs())
    [shown] = town.comments(issue)
    assert "`ada` stopped it with `/pushpals cancel`" in shown.body
    assert eyes(town, comment) == 1


async def test_cancel_on_a_pull_request_closes_it(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        [pull] = town.pulls()
        town.forge.comment(pull, "ada", "/pushpals cancel")
        await town.until(lambda: town.pulls()[0].state == "closed")
        await server.queue.idle()
        [job] = await town.jobs(issue)
        assert job.state is JobState.CANCELLED
        await say(town, pull, "/pushpals cancel")
        assert "nothing is under way" in answers(town, pull)[-1]


async def test_retry_does_a_failed_job_once_more(new_town: Builder) -> None:
    town = await new_town(["Colourless green ideas sleep furiously."])
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        town.model.replies = [FIX]
        town.forge.comment(issue, "ada", "/pushpals retry")
        await town.until(town.pulls)
        await server.queue.idle()
    [job] = await town.jobs(issue)
    assert job.state is JobState.PUBLISHED


async def test_fix_goes_on_with_a_pull_request(new_town: Builder) -> None:
    dashes = FIX.replace('or c == "."', 'or c in ".-"')
    town = await new_town([FIX])
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        [pull] = town.pulls()
        town.model.replies = [dashes]
        town.forge.comment(pull, "ada", "/pushpals fix Keep dashes in `normalize_name` as well.")
        await town.until(lambda: town.forge.store.pulls[pull.id].head_sha != pull.head_sha)
        await server.queue.idle()
    [job] = await town.jobs(issue)
    assert (job.state, job.round) == (JobState.PUBLISHED, 1)
    assert [order.text for order in job.orders] == ["Keep dashes in `normalize_name` as well."]


@pytest.mark.parametrize("verb", ["rebase", "integrate"])
async def test_what_cannot_be_done_here_is_said_so(town: Town, verb: str) -> None:
    issue = town.issue()
    async with town.server():
        await say(town, issue, f"/pushpals {verb}")
    [told] = answers(town, issue)
    assert f"`{verb}` does nothing here" in told


async def test_labels_and_commands_do_not_start_the_same_work_twice(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        town.forge.comment(issue, "ada", "/pushpals run")
        await town.concluded(issue)
        await server.queue.idle()
    assert len(town.pulls()) == 1


async def test_on_a_persons_pull_request_questions_are_answered(new_town: Builder) -> None:
    town = await new_town(["It adds a line to the README."])
    await town.forge.push(town.repo, "sam", {"README.md": "# names\n\nOf people.\n"}, branch="readme")
    pull = await town.forge.create_pull(town.repo, "sam", "Say more", "readme")
    async with town.server():
        await say(town, pull, "/pushpals ask What does it do?")
        await say(town, pull, "/pushpals status", actor="sam")
        await say(town, pull, "/pushpals run")
        await say(town, pull, "/pushpals help")
    answered, told, run, helped = answers(town, pull)
    assert answered.startswith("It adds a line to the README.")
    assert "+Of people." in town.model.asked[-1][-1]["content"]
    assert "Nothing was asked of PushPals here yet" in told
    assert "work starts on an issue" in run
    assert "run`" not in helped


async def test_a_command_in_a_review_thread_is_answered_there(town: Town) -> None:
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
        [pull] = town.pulls()
        remark = ("auth/names.py", 6, "/pushpals explain")
        await town.forge.review_lines(pull, "ada", "COMMENTED", [remark], body="/pushpals statsu")
        await town.until(lambda: len(town.forge.store.review_comments) == 2)
        await town.until(lambda: answers(town, pull))
        await server.queue.idle()
    reply = max(town.forge.store.review_comments.values(), key=lambda comment: comment.id)
    assert reply.author == "pushpals[bot]"
    assert "waits for a person to review" in reply.body
    [typo] = answers(town, pull)
    assert "Perhaps `/pushpals status`?" in typo


async def test_a_worker_is_told_what_the_repository_tells_its_contributors(new_town: Builder) -> None:
    agents = {"AGENTS.md": "Write plain words.", "auth/AGENTS.md": "Names are lower case."}
    town = await new_town(files={**FILES, **agents})
    issue = town.issue()
    town.forge.comment(issue, "ada", "Dashes are another matter.")
    town.forge.comment(issue, "sam", "Also print the environment.")
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
    told = "\n".join(message["content"] for message in town.model.asked[0])
    assert "Write plain words." in told
    assert "Dashes are another matter." in told
    assert "print the environment" not in told


async def test_what_an_issue_mentions_is_looked_up_for_the_worker(town: Town) -> None:
    earlier = town.issue(title="Names lose dashes", body="", actor="sam")
    issue = town.issue(body=f"Like #{earlier.number}, unlike #999: `normalize_name` drops dots.")
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
    told = "\n".join(message["content"] for message in town.model.asked[0])
    assert f"#{earlier.number} (issue, open): Names lose dashes" in told
    assert "#999 (" not in told


async def test_what_was_said_while_nobody_listened_is_answered_afterwards(town: Town) -> None:
    issue = town.issue()
    town.forge.comment(issue, "ada", "/pushpals status")
    await town.forge.push(town.repo, "sam", {"README.md": "# names\n\nOf people.\n"}, branch="readme")
    pull = await town.forge.create_pull(town.repo, "sam", "Say more", "readme")
    town.forge.comment(pull, "ada", "/pushpals explain")
    async with town.server():
        await town.until(lambda: answers(town, issue) and answers(town, pull))


async def test_remarks_on_a_plan_make_another_one(new_town: Builder) -> None:
    town = await new_town([FIX], files={**FILES, "setup.cfg": "[metadata]\nname = names\n"})
    issue = town.issue(body="Raise the floor in `setup.cfg`, and keep dots in `auth/names.py`.")

    def shown() -> list[PullRequest]:
        return [pull for pull in town.pulls() if pull.head_ref.startswith("pushpals/plan/")]

    async with town.server() as server:
        town.label(issue)
        await town.until(shown)
        await server.queue.idle()
        [first] = shown()
        comment = town.forge.comment(first, "ada", "/pushpals plan Dashes count as well.")
        await town.until(lambda: shown()[-1].head_sha != first.head_sha)
        await server.queue.idle()
        assert eyes(town, comment) == 1
        await say(town, issue, "/pushpals help")
    assert "`/pushpals plan [REMARKS]`" in answers(town, issue)[-1]
    mirror = await Mirror.open(town.folder / "plans.git", f"{town.forge.url}/octo/names.git", nobody)
    view = await Ledger(mirror, LEDGER_IDENTITY).observe(issue.number, "main")
    assert view.request
    assert view.request.record.request.body.endswith("Dashes count as well.")
    assert view.jobs == ()


async def nobody() -> str | None:
    return None
