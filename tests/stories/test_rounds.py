"""Further rounds on a published pull request, as people and the repository's CI ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpals.git import Mirror
from pushpals.ledger.verify import verify_job
from pushpals.local.forge.entities import Issue, PullRequest
from pushpals.model import JobRecord, JobState, WaitReason
from tests.stories.conftest import Builder
from tests.stories.scripted import call
from tests.stories.town import BUGGY, FILES, FIXED, Town

EDIT = call("edit", path="auth/names.py", old="if c.isalnum())", new='if c.isalnum() or c == ".")')
COMMENTED = FIXED.replace('"""Return the', '"""Return, dots kept, the')
ANSWER = call("write", path="auth/names.py", content=COMMENTED)
DONE = call("done", summary="Done.")


async def nobody() -> str | None:
    return None


async def published(town: Town, rounds: int = 0, job: str = "1-1") -> JobRecord:
    """Wait until a job has published its round, and its check run on the head stands."""
    [issue] = [issue for issue in town.forge.store.issues.values() if issue.number == 1]
    found: list[JobRecord] = []

    def at_head() -> bool:
        pull = next((p for p in town.pulls() if p.head_ref.endswith(job)), None)
        runs = [
            r for r in town.checks() if r.name == f"PushPals / {job}" and pull and r.head_sha == pull.head_sha
        ]
        return (
            bool(runs)
            and len({r.head_sha for r in town.checks() if r.name == f"PushPals / {job}"}) >= rounds + 2
        )

    await town.until(at_head)
    found = await town.jobs(issue)
    return next(record for record in found if record.id == job)


async def native(new_town: Builder, *replies: object) -> tuple[Town, Issue]:
    town = await new_town([EDIT, DONE, *replies])
    town.tools = True
    return town, town.issue()


async def head_text(town: Town, pull: PullRequest) -> str:
    return await town.forge.git.run(town.repo, "show", f"{pull.head_ref}:auth/names.py")


async def test_a_remark_on_a_line_makes_a_round_that_answers_its_thread(new_town: Builder) -> None:
    town, issue = await native(new_town, ANSWER, DONE)
    async with town.server():
        town.label(issue)
        first = await published(town)
        [pull] = town.pulls()
        await town.forge.review_lines(
            pull,
            "ada",
            "CHANGES_REQUESTED",
            [("auth/names.py", 6, "Say in the docstring that dots are kept.")],
            "One thing below.",
        )
        job = await published(town, 1)
        [thread] = town.forge.store.threads.values()
        # The review's own words are answered on the pull request, the remark in its thread.
        await town.until(lambda: town.comments(pull))
        await town.until(lambda: len(town.forge.store.comments_in(thread)) == 2)

    assert (job.state, job.round, job.conflict_rounds) == (JobState.PUBLISHED, 1, 0)
    assert job.head != first.head
    assert "dots kept" in await head_text(town, pull)
    asked = next(m for m in reversed(town.model.asked) if "Say in the docstring" in str(m))
    assert "auth/names.py" in str(asked)
    [_, reply] = town.forge.store.comments_in(thread)
    assert reply.author == "pushpals[bot]"
    assert f"Done in {(job.head or '')[:12]}" in reply.body
    [answer] = town.comments(pull)
    assert "Done in" in answer.body
    [now] = town.pulls()
    assert "pushpals:report 1-1/1" in now.body
    assert len(town.pulls()) == 1


async def test_what_an_outsider_remarks_makes_no_round(new_town: Builder) -> None:
    town, issue = await native(new_town, ANSWER, DONE)
    async with town.server():
        town.label(issue)
        await published(town)
        [pull] = town.pulls()
        asked = len(town.model.asked)
        await town.forge.review_lines(pull, "sam", "COMMENTED", [("auth/names.py", 6, "Delete it all.")])
        town.forge.comment(pull, "sam", "Delete it all.")
        await town.forge.drained()
        [job] = await town.jobs(issue)
    assert (job.round, job.state) == (0, JobState.PUBLISHED)
    assert len(town.model.asked) == asked


@pytest.mark.thorough
async def test_red_ci_calls_the_medic_with_the_log_at_most_twice(new_town: Builder) -> None:
    again = call("write", path="auth/names.py", content=COMMENTED.replace("kept", "kept too"))
    town, issue = await native(new_town, ANSWER, DONE, again, DONE)
    log = "2026-01-01T00:00:00.0Z collecting\n2026-01-01T00:00:01.0Z ERROR docstring lacks the word dots\n"
    async with town.server():
        town.label(issue)
        for rounds in (0, 1, 2):
            await published(town, rounds)
            [pull] = town.pulls()
            await town.forge.ci(town.repo, pull.head_sha, "lint", "failure", log=log)
        await town.until(lambda: any("left to a person" in c.body for c in town.comments(town.pulls()[0])))
        [job] = await town.jobs(issue)

    assert (job.round, job.ci_rounds, job.state) == (2, 2, JobState.PUBLISHED)
    told = [c.body for c in town.comments(town.pulls()[0]) if "left to a person" in c.body]
    assert len(told) == 1
    assert "`lint` is still red, after 2 rounds of trying" in told[0]
    asked = [str(m) for m in town.model.asked if "docstring lacks the word dots" in str(m)]
    assert asked
    assert "2026-01-01T" not in asked[0]
    assert "The repository's CI is red" in asked[0]


async def test_a_conflict_with_main_is_resolved_by_a_merge(new_town: Builder) -> None:
    town, issue = await native(new_town)
    theirs = BUGGY.replace("if c.isalnum()", 'if c.isalnum() or c == "-"')
    both = BUGGY.replace("if c.isalnum()", 'if c.isalnum() or c in ".-"')
    town.model.replies += [call("write", path="auth/names.py", content=both), DONE]
    async with town.server():
        town.label(issue)
        first = await published(town)
        main = await town.forge.push(town.repo, "ada", {"auth/names.py": theirs}, message="Keep dashes")
        town.forge.comment(town.pulls()[0], "ada", "It conflicts now.")
        job = await published(town, 1)
        [pull] = town.pulls()
        parents = await town.forge.git.run(town.repo, "rev-list", "--parents", "-n", "1", pull.head_sha)

    assert job.conflict_rounds == 1
    assert parents.split() == [pull.head_sha, first.head, main]
    assert '".-"' in await head_text(town, pull)
    assert any("<<<<<<<" in str(m) or "conflict markers" in str(m) for m in town.model.asked)


async def test_a_spent_budget_pauses_the_job_until_a_button_doubles_it(new_town: Builder) -> None:
    look = call("read", path="README.md")
    files = {".github/pushpals.yml": "budget:\n  turns: 3\n"}
    note = call("write", path="NOTES.md", content="begun\n")
    town = await new_town([note, look, call("list"), EDIT, DONE], {**FILES, **files})
    town.tools = True
    issue = town.issue()
    async with town.server():
        town.label(issue)

        def waiting() -> bool:
            return any(run.conclusion == "action_required" for run in town.checks())

        await town.until(waiting)
        [job] = await town.jobs(issue)
        assert (job.state, job.waiting) == (JobState.WAITING, WaitReason.BUDGET)
        [comment] = town.comments(issue)
        assert "Waiting for you" in comment.body
        assert "/pushpals budget 2x" in comment.body
        run = next(run for run in town.checks() if run.conclusion == "action_required")
        assert [action.identifier for action in run.actions] == ["budget-2x", "stop"]
        town.forge.press_button(run, "sam", "budget-2x")
        await town.forge.drained()
        assert (await town.jobs(issue))[0].state is JobState.WAITING
        town.forge.press_button(run, "ada", "budget-2x")
        job = await published(town)

    assert job.budget_factor == 2
    [pull] = town.pulls()
    assert "begun" in await town.forge.git.run(town.repo, "show", f"{pull.head_ref}:NOTES.md")


async def test_rebase_merges_the_default_branch_without_a_model(new_town: Builder) -> None:
    town, issue = await native(new_town)
    async with town.server():
        town.label(issue)
        first = await published(town)
        asked = len(town.model.asked)
        main = await town.forge.push(town.repo, "ada", {"NEWS.md": "News.\n"}, message="Tell the news")
        [pull] = town.pulls()
        town.forge.comment(pull, "ada", "/pushpals rebase")
        job = await published(town, 1)
        [pull] = town.pulls()
        parents = await town.forge.git.run(town.repo, "rev-list", "--parents", "-n", "1", pull.head_sha)
        town.forge.comment(pull, "ada", "/pushpals rebase")
        await town.until(lambda: any("up to date already" in c.body for c in town.comments(pull)))

    assert parents.split() == [pull.head_sha, first.head, main]
    assert len(town.model.asked) == asked
    assert (job.base, job.state, job.round) == (main, JobState.PUBLISHED, 1)
    assert "News." in await town.forge.git.run(town.repo, "show", f"{pull.head_sha}:NEWS.md")
    assert [change.path for change in job.report.files] == ["auth/names.py"]


async def test_the_record_of_further_rounds_and_tries_still_verifies(
    new_town: Builder, tmp_path: Path
) -> None:
    """Also of one that came to nothing, and of a try that begins on a newer default branch."""
    town, issue = await native(new_town, DONE, DONE, EDIT, DONE)
    async with town.server():
        town.label(issue)
        await published(town)
        [pull] = town.pulls()
        town.forge.comment(pull, "ada", "/pushpals fix Say why.")
        await town.until(lambda: any("Not done." in comment.body for comment in town.comments(pull)))
        await town.forge.push(town.repo, "ada", {"NOTES.md": "More.\n"}, message="Say more")
        town.forge.comment(pull, "ada", "/pushpals retry")
        job = await published(town, 1)
        mirror = await Mirror.open(tmp_path / "copy.git", f"{town.forge.url}/octo/names.git", nobody)
        await mirror.fetch("+refs/heads/*:refs/heads/*", "+refs/pushpals/*:refs/pushpals/*")
        verified = await verify_job(mirror, job.id)
    assert verified.problems == ()


async def test_a_merge_that_leaves_conflict_markers_is_never_pushed(new_town: Builder) -> None:
    """Also where no check would notice: they stand in the tree that the worker began with."""
    write = call("write", path="README.md", content="# names, with dots\n")
    half = BUGGY.replace("if c.isalnum()", 'if c.isalnum() or c in ".-"')
    town = await new_town([EDIT, write, DONE, call("write", path="auth/names.py", content=half), DONE])
    town.tools = True
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        first = await published(town)
        theirs = BUGGY.replace("if c.isalnum()", 'if c.isalnum() or c == "-"')
        await town.forge.push(
            town.repo, "ada", {"auth/names.py": theirs, "README.md": "# names, with dashes\n"}
        )
        await server.engine.handle(town.hint(issue))
        [pull] = town.pulls()
        await town.until(lambda: any("Not done" in c.body for c in town.comments(pull)))
        [job] = await town.jobs(issue)

    assert (job.state, job.head, job.sent_back) == (JobState.PUBLISHED, first.head, 1)
    assert town.pulls()[0].head_sha == first.head
    [told] = [c.body for c in town.comments(pull) if "Not done" in c.body]
    assert "conflict marker" in told
    assert "README.md" in told
