"""Days of a repository without a server: several tasks, reviews, an App, runs that vanish."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pushpals.ledger import returned
from pushpals.model import JobRecord, JobState
from tests.action.hosted import BOT, Actions
from tests.stories.conftest import Builder
from tests.stories.scripted import NO_FINDINGS, Messages
from tests.stories.test_plans import MEDIUM, plan_pulls, town_of, work_pulls
from tests.stories.test_review import BETTER, DONE, EDIT, objection
from tests.stories.town import FILES, FIX, Town

pytestmark = pytest.mark.thorough


async def test_a_task_that_builds_on_another_is_done_by_the_next_run(new_town: Builder) -> None:
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
    actions = Actions(town)
    body = "## Tasks\n- [ ] Keep dots in `auth/names.py`\n- [ ] Put a space into `auth/greet.py` (after 1)\n"
    issue = town.issue(body=body)
    town.label(issue)
    runs = await actions.pump()
    assert [run.event for run in runs] == ["issues", "repository_dispatch"]
    first, second = work_pulls(town)
    assert (first.base_ref, second.base_ref) == ("main", first.head_ref)


async def test_what_the_model_s_review_objects_to_goes_back_once(new_town: Builder) -> None:
    """The check's job has no model: publish asks one, and the next run goes on from what is there."""
    town = await new_town([EDIT, DONE, BETTER, DONE])
    town.model.reviews = [objection(), NO_FINDINGS]
    actions = Actions(town)
    issue = town.issue()
    town.label(issue)
    runs = await actions.pump()
    assert [run.event for run in runs] == ["issues", "repository_dispatch"]
    [job] = await town.jobs(issue)
    assert (job.state, job.sent_back) == (JobState.PUBLISHED, 1), runs[-1].log()
    [pull] = town.pulls()
    assert "by rules and `scripted`" in pull.body


async def test_a_remark_on_the_pull_request_makes_another_round(town: Town) -> None:
    actions = Actions(town)
    issue = town.issue()
    town.label(issue)
    await actions.pump()
    [pull] = town.pulls()
    town.model.replies.append(FIX.replace('or c == "."', 'or c in "."'))
    town.forge.comment(pull, "ada", "/pushpals fix Say it with `in`.")
    runs = await actions.pump()
    assert runs[-1].results["publish"] == "success", runs[-1].log()
    [job] = await town.jobs(issue)
    assert (job.state, job.round) == (JobState.PUBLISHED, 1), runs[-1].log()
    assert town.forge.store.fresh(pull).head_sha == job.head


async def test_an_app_writes_where_one_is_given(town: Town) -> None:
    key = town.settings.private_key
    assert key
    secrets = {"app-private-key": key.get_secret_value()}
    actions = Actions(town, inputs={"app-id": str(town.app.id)}, secrets=secrets)
    town.label(town.issue())
    run, *others = await actions.pump()
    assert set(run.results.values()) == {"success"}, run.log()
    # What an App does starts runs, unlike what a GITHUB_TOKEN does; what it says starts no job.
    assert {other.results["observe"] for other in others if other.event == "issue_comment"} == {"skipped"}
    [pull] = town.pulls()
    assert pull.author == "pushpals[bot]"
    assert {check.app_id for check in town.checks()} == {town.app.id}
    assert key.get_secret_value().splitlines()[1] not in run.log()


async def test_a_job_whose_run_vanished_is_done_by_a_later_one(town: Town) -> None:
    actions = Actions(town)
    issue = town.issue()
    town.label(issue)
    jobs = actions.workflow["jobs"]
    actions.workflow["jobs"] = {"observe": jobs["observe"]}  # and the runner's host burns down
    await actions.pump()
    actions.workflow["jobs"] = jobs
    [held] = await town.jobs(issue)
    assert held.state is JobState.CLAIMED

    quiet = await actions.run("schedule", {"schedule": "*/30 * * * *"})
    assert quiet.results["agent"] == "skipped", quiet.log()

    await over(town, issue.number)
    late = await actions.run("schedule", {"schedule": "*/30 * * * *"})
    assert set(late.results.values()) == {"success"}, late.log()
    [done] = await town.jobs(issue)
    assert (done.state, done.attempt) == (JobState.PUBLISHED, 2)
    assert [pull.head_ref for pull in town.pulls()] == [done.branch]


async def test_a_publication_that_broke_off_is_finished_by_a_later_run(town: Town) -> None:
    """The verdict is in the ledger, and nothing else of the run is left: not even the tree it is about."""
    actions = Actions(town)
    issue = town.issue()
    town.label(issue)
    jobs = actions.workflow["jobs"]
    actions.workflow["jobs"] = {name: job for name, job in jobs.items() if name != "publish"}
    [run] = await actions.pump()
    actions.workflow["jobs"] = jobs
    assert set(run.results.values()) == {"success"}, run.log()
    await take_in(town, issue.number, town.folder / "run-7001/artifacts/pushpals-check-1-1/job.bundle")
    [gated] = await town.jobs(issue)
    assert gated.state is JobState.GATED

    await over(town, issue.number)
    late = await actions.run("schedule", {"schedule": "*/30 * * * *"})
    assert late.results["observe"] == "success", late.log()
    [done] = await town.jobs(issue)
    assert done.state is JobState.PUBLISHED
    assert [pull.head_ref for pull in town.pulls()] == [done.branch]


async def take_in(town: Town, number: int, bundle: Path) -> None:
    """Make what was brought back the record, as a publication does before it breaks off."""
    ledger = await town.ledger(town.forge.job_token(town.repo, {"contents": "write"}))
    [held] = (await ledger.observe(number, "main")).jobs
    tip = await ledger._mirror.unpack(bundle, held.ref, "refs/pushpals-home/1-1")
    await ledger.adopt(held, await returned(ledger._mirror, held, tip, datetime.now(UTC)))


async def over(town: Town, number: int) -> None:
    """Let the time be over that a claim may be silent for: as if three hours had passed."""
    token = town.forge.job_token(town.repo, {"contents": "write"})
    ledger = await town.ledger(token)
    [entry] = (await ledger.observe(number, "main")).jobs
    passed = {"away_until": datetime.now(UTC) - timedelta(seconds=1), "nonce": "later"}
    record: JobRecord = entry.record.model_copy(update=passed)
    await ledger.advance(entry, record, message="Three hours pass.", when=datetime.now(UTC))


async def test_a_plan_waits_for_somebody_s_review_of_it(new_town: Builder) -> None:
    town = await town_of(new_town)
    actions = Actions(town)
    issue = town.issue(body=MEDIUM)
    town.label(issue)
    [asked] = await actions.pump()
    assert asked.results["agent"] == "skipped", asked.log()
    [plan] = plan_pulls(town)
    [check] = [run for run in town.checks() if run.external_id == f"plan-{issue.number}"]
    assert (check.conclusion, check.actions) == ("action_required", ())  # nobody would hear of a button

    town.forge.review(plan, "ada", "APPROVED")  # whoever asked, alone
    await actions.pump()
    assert await town.jobs(issue) == []

    town.forge.review(plan, "mia", "APPROVED")
    ran = await actions.pump()
    [job] = await town.jobs(issue)
    assert job.state is JobState.PUBLISHED, ran[-1].log()
    assert "`mia` approved the plan." in town.comments_of(issue, BOT)


async def test_the_default_branch_is_merged_in_where_somebody_asks_for_it(town: Town) -> None:
    """The history that a merge needs is taken along, though a first look fetches one commit alone."""
    for n in range(3):
        await town.forge.push(town.repo, "ada", {"NEWS.md": f"{n}\n"}, message=f"News {n}")
    actions = Actions(town)
    issue = town.issue()
    town.label(issue)
    await actions.pump()
    [pull] = town.pulls()
    await town.forge.push(town.repo, "ada", {"README.md": "# Names\n"}, message="Say it with a capital")
    town.forge.comment(pull, "ada", "/pushpals rebase")
    runs = await actions.pump()
    [job] = await town.jobs(issue)
    assert (job.state, job.round, job.setback) == (JobState.PUBLISHED, 1, None), runs[-1].log()
    readme = await town.forge.git.run(town.repo, "show", f"{job.head}:README.md")
    assert readme.strip() == "# Names"
