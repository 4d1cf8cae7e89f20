"""Plans that need a person's yes: shown, approved, voided by an edit, turned down; and questions."""

from __future__ import annotations

from typing import Any

from pushpals.local.forge.entities import Issue, PullRequest
from pushpals.model import JobState
from tests.stories.conftest import Builder
from tests.stories.scripted import Messages, Reply, call
from tests.stories.town import FILES, FIX, Town

MEDIUM = "Raise the floor in `setup.cfg`, and keep dots in `auth/names.py`."
HIGH = "Keep dots in `auth/session.py` as well as in `auth/names.py`."
TREE = {**FILES, "setup.cfg": "[metadata]\nname = names\n", "auth/session.py": "SECONDS = 60\n"}


async def town_of(new_town: Builder, replies: list[Reply] | None = None) -> Town:
    town = await new_town(replies or [FIX], TREE)
    town.forge.create_user("mia")
    town.forge.set_role(town.repo, "mia", "write")
    return town


def plan_pulls(town: Town) -> list[PullRequest]:
    return [pull for pull in town.pulls() if pull.head_ref.startswith("pushpals/plan/")]


def work_pulls(town: Town) -> list[PullRequest]:
    return [pull for pull in town.pulls() if pull.head_ref.startswith("agent/")]


async def file(town: Town, branch: str, path: str) -> str:
    return await town.forge.git.run(town.repo, "cat-file", "blob", f"refs/heads/{branch}:{path}")


def said(town: Town, issue: Issue) -> str:
    return "\n---\n".join(comment.body for comment in town.comments(issue))


async def shown_plan(town: Town, issue: Issue, plans: int = 1) -> PullRequest:
    """Wait until the plan is shown, its check included and named in the comment."""
    await town.until(lambda: len(plan_pulls(town)) == plans)
    pull = plan_pulls(town)[-1]
    await town.until(lambda: f"approves #{pull.number}" in said(town, issue))
    return pull


async def test_a_medium_plan_is_worked_on_after_somebody_else_s_review(new_town: Builder) -> None:
    town = await town_of(new_town)
    issue = town.issue(body=MEDIUM)
    async with town.server() as server:
        town.label(issue)
        plan = await shown_plan(town, issue)
        assert plan.draft
        assert "`setup.cfg` changes (rule: dependencies)" in plan.body
        assert "Somebody other than `ada` approves" in plan.body
        [check] = [run for run in town.checks() if run.external_id == f"plan-{issue.number}"]
        assert (check.conclusion, [action.identifier for action in check.actions]) == (
            "action_required",
            ["plan-approve", "plan-change", "plan-cancel"],
        )
        assert await town.jobs(issue) == []

        town.forge.review(plan, "ada", "APPROVED")  # whoever asked, alone
        town.forge.review(plan, "sam", "APPROVED")  # somebody without a role
        await server.queue.idle()
        await town.forge.drained()
        await server.queue.idle()
        assert await town.jobs(issue) == []

        town.forge.review(plan, "mia", "APPROVED")
        await town.concluded(issue)
        await town.until(lambda: plan_pulls(town)[0].state == "closed")
        await server.queue.idle()

    [job] = await town.jobs(issue)
    assert job.state is JobState.PUBLISHED
    [work] = work_pulls(town)
    assert not work.draft
    assert "`mia` approved the plan." in said(town, issue)
    [check] = [run for run in town.checks() if run.external_id == f"plan-{issue.number}"]
    assert check.conclusion == "success"


async def test_an_edit_voids_a_yes_and_says_so(new_town: Builder) -> None:
    town = await town_of(new_town)
    town.model.silent = True  # so that the work is still under way when the edit comes
    issue = town.issue(body=MEDIUM)
    async with town.server() as server:
        town.label(issue)
        first = await shown_plan(town, issue)
        town.forge.review(first, "mia", "APPROVED")
        await town.model.was_asked()
        town.forge.edit_issue(issue, "ada", body=f"{MEDIUM} And dashes.")
        await town.until(lambda: "so that yes is void" in said(town, issue))
        second = await shown_plan(town, issue, plans=2)
        await server.queue.idle()
        assert [job.state for job in await town.jobs(issue)] == [JobState.CANCELLED]
        assert "And dashes." in await file(town, second.head_ref, "docs/plans/1.md")

        town.model.silent = False
        town.forge.review(second, "mia", "APPROVED")
        await town.concluded(issue, job=2)
        await server.queue.idle()

    assert said(town, issue).count("so that yes is void. Nothing that was under way") == 1
    assert [job.state for job in await town.jobs(issue)] == [JobState.CANCELLED, JobState.PUBLISHED]


async def test_a_plan_is_turned_down_by_asking_for_changes(new_town: Builder) -> None:
    town = await town_of(new_town)
    issue = town.issue(body=MEDIUM)
    async with town.server() as server:
        town.label(issue)
        plan = await shown_plan(town, issue)
        town.forge.review(plan, "mia", "CHANGES_REQUESTED", "Leave setup.cfg alone.")
        await town.until(lambda: "turned the plan down" in said(town, issue))
        await town.until(lambda: plan_pulls(town)[0].state == "closed")
        await server.queue.idle()
    assert "`mia` turned the plan down: Leave setup.cfg alone." in said(town, issue)
    assert await town.jobs(issue) == []
    [check] = [run for run in town.checks() if run.external_id == f"plan-{issue.number}"]
    assert check.conclusion == "cancelled"


async def test_high_risk_begins_with_an_rfc_that_people_merge(new_town: Builder) -> None:
    town = await town_of(new_town)
    issue = town.issue(title="Keep sessions of names with dots", body=HIGH)
    async with town.server() as server:
        town.label(issue)
        rfc = await shown_plan(town, issue)
        path = "docs/rfcs/1-keep-sessions-of-names-with-dots.md"
        text = await file(town, rfc.head_ref, path)
        assert "# RFC for issue 1: Keep sessions of names with dots" in text
        assert "`auth/session.py` changes (rule: access control)" in text
        assert await town.jobs(issue) == []
        town.forge.review(rfc, "mia", "APPROVED")
        await town.concluded(issue)
        await server.queue.idle()
    assert plan_pulls(town)[0].state == "open"  # it is for people to merge
    assert len(work_pulls(town)) == 1


async def test_a_question_is_answered_and_the_same_request_goes_on(new_town: Builder) -> None:
    def work(messages: Messages) -> str | dict[str, Any]:
        told = str(messages)
        assert "ada answered: Keep them." in told
        if "is changed" in told:
            return call("done", summary="Dots stay.")
        old, new = "if c.isalnum()", 'if c.isalnum() or c == "."'
        return call("edit", path="auth/names.py", old=old, new=new)

    ask = call("plan", tasks=[], risk="low", question="Keep dots, or refuse such names?")
    plan = call("plan", tasks=[{"goal": "Keep dots", "scope": ["auth/names.py"]}], risk="low")
    town = await town_of(new_town, [work])
    town.model.plans = [ask, plan]
    town.tools = True
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await town.until(lambda: "Keep dots, or refuse such names?" in said(town, issue))
        await server.queue.idle()
        await town.forge.drained()
        town.forge.comment(issue, "sam", "Refuse them.")  # may not start PushPals, so this is no answer
        town.forge.comment(issue, "ada", "Keep them.")
        await town.concluded(issue)
        await server.queue.idle()
    [job] = await town.jobs(issue)
    assert job.state is JobState.PUBLISHED
    assert job.task.scope == ("auth/names.py",)
    assert said(town, issue).count("A question before this starts") == 1


async def test_buttons_change_and_approve_a_plan(new_town: Builder) -> None:
    town = await town_of(new_town)
    town.forge.create_user("noa")
    town.forge.set_role(town.repo, "noa", "write")
    issue = town.issue(body=MEDIUM)
    async with town.server() as server:
        town.label(issue)
        await shown_plan(town, issue)
        [check] = [run for run in town.checks() if run.external_id == f"plan-{issue.number}"]
        town.forge.press_button(check, "sam", "plan-cancel")  # has no role
        town.forge.press_button(check, "mia", "plan-change")
        await town.until(lambda: "What should the plan do differently?" in said(town, issue))
        town.forge.comment(issue, "mia", "Keep dashes too.")
        await town.until(lambda: len([r for r in town.checks() if r.external_id == "plan-1"]) == 2)
        assert "mia answered: Keep dashes too." in await file(town, "pushpals/plan/1", "docs/plans/1.md")
        town.forge.press_button(check, "noa", "plan-approve")  # on the plan as it was before
        await town.forge.drained()
        await server.queue.idle()
        assert await town.jobs(issue) == []

        check = [run for run in town.checks() if run.external_id == "plan-1"][-1]
        assert "Somebody other than `ada` or `mia` approves" in (check.summary or "")
        town.forge.press_button(check, "mia", "plan-approve")  # whose words are in it
        await town.forge.drained()
        await server.queue.idle()
        assert await town.jobs(issue) == []
        town.forge.press_button(check, "noa", "plan-approve")
        await town.concluded(issue)
        await server.queue.idle()
    [job] = await town.jobs(issue)
    assert job.state is JobState.PUBLISHED


async def test_two_listed_tasks_become_two_pull_requests_in_turn(new_town: Builder) -> None:
    files = {
        **FILES,
        "auth/greet.py": 'def greet(name):\n    """Return a greeting."""\n    return "Hello" + name\n',
        "tests/test_greet.py": (
            "import unittest\n\nfrom auth.greet import greet\n\n\nclass Greet(unittest.TestCase):\n"
            '    def test_greet(self):\n        self.assertEqual(greet("Ada"), "Hello Ada")\n'
        ),
    }

    def reply(messages: Messages) -> str:
        if "greet(name)" in str(messages[-1]):
            return (
                '```python\ndef greet(name):\n    """Return a greeting."""\n    return "Hello " + name\n```\n'
            )
        return FIX

    town = await new_town([reply], files)
    body = "## Tasks\n- [ ] Keep dots in `auth/names.py`\n- [ ] Put a space into `auth/greet.py` (after 1)\n"
    issue = town.issue(body=body)
    async with town.server() as server:
        town.label(issue)
        await town.until(lambda: len(work_pulls(town)) == 2)
        await server.queue.idle()
    first, second = work_pulls(town)
    assert (first.base_ref, second.base_ref) == ("main", first.head_ref)
    assert [job.task.scope[0] for job in await town.jobs(issue)] == ["/auth/names.py", "/auth/greet.py"]
    assert "2 of 2 tasks done" in said(town, issue)


async def test_a_role_of_the_repository_does_the_task_and_a_broken_one_is_told(new_town: Builder) -> None:
    folder = ".github/pushpals/roles"
    namer = "---\ntitle: Namer\nscope: [auth/**]\nlimits: {files: 1}\n---\nKnow your names.\n"
    town = await new_town([FIX], {**FILES, f"{folder}/namer.md": namer, f"{folder}/wide.md": "Do all.\n"})
    issue = town.issue()
    town.forge.add_label(issue, "ada", "namer")
    async with town.server() as server:
        town.label(issue)
        await town.concluded(issue)
        await server.queue.idle()
    [job] = await town.jobs(issue)
    assert (job.state, job.task.role, job.branch) == (JobState.PUBLISHED, "namer", "agent/namer/1-1")
    assert job.task.bounds.within == ("auth/**",)
    assert "Know your names." in str(town.model.asked[0])
    [check] = [run for run in town.checks() if run.external_id == "roles"]
    assert check.conclusion == "failure"
    assert f"{folder}/wide.md line 1: the file begins with" in (check.summary or "")


async def test_a_command_approves_and_the_asker_is_told_why_theirs_does_not(new_town: Builder) -> None:
    town = await town_of(new_town)
    issue = town.issue(body=MEDIUM)
    async with town.server() as server:
        town.label(issue)
        await shown_plan(town, issue)
        town.forge.comment(issue, "ada", "/pushpals approve")
        await town.until(lambda: "does not approve its plan alone" in said(town, issue))
        assert await town.jobs(issue) == []
        town.forge.comment(issue, "mia", "/pushpals approve")
        await town.concluded(issue)
        await server.queue.idle()
    assert "`mia` approved the plan." in said(town, issue)
