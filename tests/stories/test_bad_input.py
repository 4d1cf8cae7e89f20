"""What bad input gets: a plain word about what happened and what to do, and nothing that is not true."""

from __future__ import annotations

import pytest

from pushpals.local.forge.entities import Issue
from pushpals.local.model import ChosenModel
from tests.stories.conftest import Builder
from tests.stories.town import FILES, FIX, Town

POLICY = ".github/pushpals.yml"


async def test_a_broken_policy_file_is_quoted_and_nothing_runs(new_town: Builder) -> None:
    town = await new_town(files={**FILES, POLICY: "version: 1\ncheks:\n  - python -m unittest\n"})
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.until(lambda: town.comments(issue))
        await server.queue.put(town.hint(issue))
        await server.queue.idle()
        [check] = town.checks()
        assert check.conclusion == "failure"
        assert check.summary
        assert "2: cheks:" in check.summary
        assert "did you mean 'checks'" in check.summary
        [comment] = town.comments(issue)
        assert "line 2" in comment.body
        assert town.model.asked == []

        await town.forge.push(town.repo, "ada", {POLICY: "version: 1\nchecks:\n  - python -m unittest\n"})
        await server.queue.put(town.hint(issue))
        assert (await town.concluded(issue)).conclusion == "success"


async def test_a_model_that_is_down_fails_as_such(town: Town) -> None:
    issue = town.issue()
    town.model.down = True
    async with town.server():
        town.label(issue)
        check = await town.concluded(issue)

    assert check.conclusion == "failure"
    assert (check.title or "").startswith("Failed (model): ")
    [job] = await town.jobs(issue)
    assert job.failure
    assert job.failure.kind == "model"
    assert job.attempt == 3
    assert [kind.value for kind in job.failures] == ["model", "model"]
    assert town.pulls() == []


async def test_a_model_that_takes_too_long_fails_as_such(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = ChosenModel.connect
    monkeypatch.setattr(ChosenModel, "connect", lambda chosen: connect(chosen, timeout=0.1))
    issue = town.issue()
    town.model.silent = True
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
    await failed_with_the_model(town, issue, "gave no full answer within 0.1 s.", "allow it more time.")


async def test_a_model_that_is_cut_off_fails_as_such(town: Town) -> None:
    issue = town.issue()
    town.model.cut = True
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
    assert town.model.asked
    await failed_with_the_model(town, issue, "was cut inside its answer.", "look at the model server's log.")


async def failed_with_the_model(town: Town, issue: Issue, cause: str, next_step: str) -> None:
    """Assert that people are told what the model did, and what they can do."""
    [job] = await town.jobs(issue)
    assert job.failure
    assert (job.failure.kind, job.attempt) == ("model", 3)
    assert job.failure.cause.endswith(cause)
    assert job.failure.next_step.endswith(next_step)
    [comment] = town.comments(issue)
    assert cause in comment.body
    assert next_step in comment.body
    assert [check.conclusion for check in town.checks()] == ["failure"]
    assert town.pulls() == []


async def test_a_model_that_talks_nonsense_fails_as_such(town: Town) -> None:
    issue = town.issue()
    town.model.replies = ["Colourless green ideas sleep furiously."]
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert job.failure
    assert job.failure.kind == "model"
    assert job.failure.next_step
    assert town.pulls() == []


async def test_an_agent_that_changes_nothing_opens_no_empty_pull_request(town: Town) -> None:
    issue = town.issue()
    same = FIX.replace(' or c == "."', "")
    town.model.replies = [same]
    async with town.server():
        town.label(issue)
        check = await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert job.failure
    assert job.failure.kind == "no_change"
    assert check.conclusion == "failure"
    assert town.pulls() == []


async def test_without_checks_the_evidence_is_thin_and_the_conclusion_neutral(new_town: Builder) -> None:
    files = {path: text for path, text in FILES.items() if not path.startswith("tests/")}
    town = await new_town(files=files)
    issue = town.issue(title="normalize_name loses dots", body="`normalize_name` drops dots from names.")
    async with town.server():
        town.label(issue)
        check = await town.concluded(issue)
    [pull] = town.pulls()
    assert check.conclusion == "neutral"
    assert "evidence is thin" in pull.body


async def test_a_secret_in_the_patch_is_not_published(town: Town) -> None:
    token = "ghp_" + "a1B2c3D4" * 5
    issue = town.issue()
    town.model.replies = [FIX.replace("    return", f'    token = "{token}"\n    return', 1)]
    async with town.server():
        town.label(issue)
        check = await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert job.failure
    assert job.failure.kind == "secret"
    assert check.conclusion == "failure"
    assert town.pulls() == []
    said = "\n".join([*(c.body for c in town.comments(issue)), *(str(c.summary) for c in town.checks())])
    assert token not in said
    assert not any(ref.startswith("refs/heads/agent/") for ref in await town.refs())


async def test_a_person_loses_the_right_while_work_goes_on(town: Town) -> None:
    issue = town.issue()

    def demoted(_messages: object) -> str:
        town.forge.set_role(town.repo, "ada", "read")
        return FIX

    town.model.replies = [demoted]
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert job.failure
    assert job.failure.kind == "access"
    assert town.pulls() == []
