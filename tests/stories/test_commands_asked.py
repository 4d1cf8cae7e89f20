"""A command off the list: the work waits for a person's word, and goes on from where it stopped."""

from __future__ import annotations

import json

import pytest

from pushpals.local.forge.app_entities import CheckRun
from pushpals.local.forge.entities import Issue
from tests.stories.conftest import Builder
from tests.stories.scripted import Reply, call
from tests.stories.town import FILES, Town

EDIT = call("edit", path="auth/names.py", old="if c.isalnum()", new='if c.isalnum() or c == "."')
COMMAND = "sh -c 'echo names >> names.txt'"
ASK = call("run", command=COMMAND, reason="The list of names belongs to the change.")
DONE = call("done", summary="Dots are kept.")
POLICY = "commands:\n  # by hand\n  allow:\n    - make docs *\n"


async def asking(new_town: Builder, after: list[Reply]) -> Town:
    """Build a town whose worker edits, then asks for a command."""
    town = await new_town([EDIT, ASK, *after])
    town.tools = True
    return town


async def paused(town: Town, issue: Issue) -> CheckRun:
    """Wait until the job waits with its buttons; return its check run."""
    town.label(issue)

    def waits() -> CheckRun | None:
        runs = [run for run in town.checks() if run.conclusion == "action_required"]
        return runs[-1] if runs else None

    found = await town.forge.until(waits, timeout=30.0)
    assert found
    return found


def press(town: Town, run: CheckRun, label: str, actor: str = "ada") -> None:
    [action] = [action for action in run.actions if action.label == label]
    town.forge.press_button(run, actor, action.identifier)


async def test_a_yes_by_button_lets_the_work_go_on_and_be_published(new_town: Builder) -> None:
    town = await asking(new_town, [call("run", command=COMMAND), DONE])
    async with town.server():
        issue = town.issue()
        run = await paused(town, issue)
        assert town.pulls() == []
        [waiting] = await town.jobs(issue)
        assert (waiting.state, waiting.asks, waiting.holder) == ("waiting", COMMAND, None)
        assert run.title == f"Asks to run: {COMMAND}"
        assert run.summary
        assert f"\n{COMMAND}\n" in run.summary
        assert "in its own words: The list of names belongs to the change." in run.summary
        assert [action.label for action in run.actions] == ["Allow once", "Allow for this repo", "Deny"]
        press(town, run, "Allow once", actor="sam")
        press(town, run, "Allow once")
        press(town, run, "Allow once")
        await town.until(town.pulls)
        check = await town.concluded(issue)

    [pull] = town.pulls()
    [job] = await town.jobs(issue)
    assert check.conclusion == "success"
    assert (job.allowed, job.denied) == ((COMMAND,), ())
    assert {change.path for change in job.report.files} == {"auth/names.py", "names.txt"}
    told = json.dumps(town.model.asked[2])
    assert "auth/names.py are changed. Go on from what is there." in told
    assert "A person allowed this command" in told
    log = await town.forge.git.run(town.repo, "log", "--format=%s", f"refs/pushpals/jobs/{job.id}")
    assert "Waits for a person's word" in log
    assert "ada lets it go on." in log
    assert pull.draft is False


async def test_a_no_lets_the_work_go_on_without_it_and_is_not_green(new_town: Builder) -> None:
    town = await asking(new_town, [ASK, DONE])
    async with town.server():
        issue = town.issue()
        run = await paused(town, issue)
        press(town, run, "Deny")
        await town.until(town.pulls)
        check = await town.concluded(issue)

    [pull] = town.pulls()
    [job] = await town.jobs(issue)
    assert (job.allowed, job.denied, check.conclusion) == ((), (COMMAND,), "neutral")
    assert [change.path for change in job.report.files] == ["auth/names.py"]
    assert "was refused: a person said no to it." in pull.body


@pytest.mark.parametrize("with_policy", [True, False])
async def test_a_yes_for_good_opens_a_small_pull_request_that_a_person_merges(
    new_town: Builder, *, with_policy: bool
) -> None:
    listed = {".github/pushpals.yml": POLICY} if with_policy else {}
    town = await new_town([EDIT, ASK, call("run", command=COMMAND), DONE], {**FILES, **listed})
    town.tools = True
    async with town.server():
        issue = town.issue()
        run = await paused(town, issue)
        press(town, run, "Allow for this repo")
        await town.until(lambda: len(town.pulls()) > 1)
        await town.concluded(issue)

    [proposal, pull] = town.pulls()
    assert (proposal.title, proposal.state) == (f"Allow PushPals to run {COMMAND}", "open")
    changed = await town.forge.git.run(town.repo, "diff", "main", proposal.head_sha)
    added = [line for line in changed.splitlines() if line.startswith(("+", "-"))][2:]
    entry = "+    - 'sh -c ''echo names >> names.txt'''"
    assert added == ([entry] if with_policy else ["+commands:", "+  allow:", entry])
    assert "`ada` allowed it" in proposal.body
    assert pull.head_ref.startswith("agent/")


async def test_a_yes_in_a_comment_does_too(new_town: Builder) -> None:
    town = await asking(new_town, [call("run", command=COMMAND), DONE])
    async with town.server():
        issue = town.issue()
        await paused(town, issue)
        town.forge.comment(issue, "sam", "/pushpals approve command")
        town.forge.comment(issue, "ada", "/pushpals approve command")
        await town.until(town.pulls)
        await town.concluded(issue)

    [job] = await town.jobs(issue)
    assert job.allowed == (COMMAND,)


async def test_a_no_in_a_comment_does_too(new_town: Builder) -> None:
    town = await asking(new_town, [DONE])
    async with town.server():
        issue = town.issue()
        await paused(town, issue)
        town.forge.comment(issue, "ada", "/pushpals reject command")
        await town.until(town.pulls)
        check = await town.concluded(issue)
        town.forge.comment(issue, "ada", "/pushpals approve command")
        await town.until(lambda: "nothing waits for a yes" in "".join(c.body for c in town.comments(issue)))

    assert check.conclusion == "neutral"


async def test_where_the_policy_says_so_nobody_is_asked(new_town: Builder) -> None:
    files = {**FILES, ".github/pushpals.yml": "commands:\n  ask: false\n"}
    town = await new_town([EDIT, call("run", command=COMMAND), DONE], files)
    town.tools = True
    async with town.server():
        issue = town.issue()
        town.label(issue)
        check = await town.concluded(issue)

    [pull] = town.pulls()
    assert check.conclusion == "neutral"
    assert "`sh` is not on the list of commands for this repository" in pull.body
