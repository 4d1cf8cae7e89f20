"""One afternoon of a team: a plan of three tasks, and all that comes between it and the default branch.

Real forge, real git, real sandboxes, two workers; only the model is scripted. It is told by what a maintainer
reads at each point.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pushpals.local.forge.entities import Issue, PullRequest
from pushpals.model import JobRecord, JobState, OrderKind
from pushpals.server.app import Server
from tests.stories.conftest import Builder
from tests.stories.scripted import NO_FINDINGS, Messages, call
from tests.stories.town import Town

PRICE = 'def price(amount):\n    """Return what a thing costs."""\n    return amount\n'
TAX = 'def tax(amount):\n    """Return the tax."""\n    return amount\n'
FEE = 'def fee(amount):\n    """Return the fee."""\n    return amount\n'
TESTS = """import unittest

from shop.{name} import {name}


class Test(unittest.TestCase):
    def test_{name}(self):
        self.assertEqual({name}(10), {value})
"""
FILES = {
    "shop/__init__.py": "",
    "shop/price.py": PRICE,
    "shop/tax.py": TAX,
    "shop/fee.py": FEE,
    "tests/__init__.py": "",
    **{
        f"tests/test_{name}.py": TESTS.format(name=name, value=value)
        for name, value in (("price", 20), ("tax", 2), ("fee", 21))
    },
    ".github/pushpals.yml": "integration:\n  train: approval\n  required: [lint]\n",
}
TASKS: list[dict[str, object]] = [
    {"goal": "Let `price` double the amount", "scope": ["shop/price.py"]},
    {"goal": "Let `tax` be a fifth of the amount", "scope": ["shop/tax.py"]},
    {"goal": "Let `fee` be the price and one", "scope": ["shop/fee.py"], "depends_on": [1]},
]
PLAN = call("plan", tasks=TASKS, risk="medium")
MERGED = 'def price(amount):\n    """Return what a thing costs, in cents."""\n    return amount * 2\n'
BLOCKS = (
    '{"findings": [{"path": "shop/price.py", "line": 3, "severity": "blocking", '
    '"message": "Adding doubles floats twice as slowly."}]}'
)
SCRIPT = (
    # What a worker is told, and what it does then; the first that fits.
    ("Adding doubles floats", call("edit", path="shop/price.py", old="amount + amount", new="amount * 2")),
    ("Say whose tax it is", call("edit", path="shop/tax.py", old="the tax.", new="the state's tax.")),
    ("E501 line too long", call("edit", path="shop/tax.py", old="state's tax", new="state tax")),
    ("both sides between conflict markers", call("write", path="shop/price.py", content=MERGED)),
    ("(Task 1 of 3;", call("edit", path="shop/price.py", old="return amount", new="return amount + amount")),
    ("(Task 2 of 3;", call("edit", path="shop/tax.py", old="return amount", new="return amount // 5")),
    ("(Task 3 of 3;", call("edit", path="shop/fee.py", old="return amount", new="return amount * 2 + 1")),
)
DONE = call("done", summary="Done as asked.")


def worker(messages: Messages) -> dict[str, Any]:
    """Do one edit, then be done."""
    if any(message["role"] == "assistant" for message in messages):
        return DONE
    told = str(messages)
    return next(reply for needle, reply in SCRIPT if needle in told)


def reviewer(messages: Messages) -> str:
    return BLOCKS if "return amount + amount" in str(messages) else NO_FINDINGS


class Afternoon:
    """The town, its issue, and what is read in it."""

    def __init__(self, town: Town, issue: Issue) -> None:
        self.town, self.issue = town, issue

    @property
    def comment(self) -> str:
        """The progress comment."""
        return self.town.comments(self.issue)[0].body

    async def reads(self, *texts: str) -> None:
        """Wait until the progress comment has all of these."""
        await self.town.until(
            lambda: self.town.comments(self.issue) and all(text in self.comment for text in texts), 120.0
        )

    def pull(self, job: str) -> PullRequest:
        """Return the pull request of a job."""
        return next(pull for pull in self.town.pulls() if pull.head_ref.endswith(f"/{job}"))

    async def opened(self, *jobs: str) -> None:
        """Wait until jobs have a pull request with a check run on its head."""
        for job in jobs:
            await self.town.until(
                lambda job=job: any(  # type: ignore[misc]
                    run.name == f"PushPals / {job}" and run.head_sha == pull.head_sha
                    for pull in self.town.pulls()
                    if pull.head_ref.endswith(f"/{job}")
                    for run in self.town.checks()
                ),
                120.0,
            )

    async def job(self, name: str) -> JobRecord:
        """Return a job's record."""
        return next(job for job in await self.town.jobs(self.issue) if job.id == name)

    async def moved(self, job: str, old: str) -> None:
        """Wait until a pull request has a new head, with its check run."""
        await self.town.until(lambda: self.pull(job).head_sha != old, 120.0)
        await self.opened(job)


def both_at_once(town: Town) -> None:
    """Let neither of two workers go on before both have begun."""
    begun: set[str] = set()
    both = asyncio.Event()

    def hold(messages: Messages) -> asyncio.Event | None:
        told = str(messages)
        begun.update(name for name in ("(Task 1 of 3;", "(Task 2 of 3;") if name in told)
        if len(begun) == 2:
            both.set()
        return both if any(name in told for name in begun) else None

    town.model.hold = hold


async def is_planned_and_approved_by_a_review(day: Afternoon) -> None:
    town = day.town
    town.label(day.issue)
    await town.until(lambda: any(p.head_ref == "pushpals/plan/1" for p in town.pulls()))
    plan = town.pulls()[0]
    assert plan.draft
    for task in TASKS:
        assert str(task["goal"]) in plan.body
    assert "Somebody other than `ada` approves" in plan.body
    town.forge.review(plan, "ben", "APPROVED")


async def is_worked_on_by_two_and_one_is_sent_back(day: Afternoon) -> None:
    await day.opened("1-1", "1-2", "1-3")
    await day.reads("3 of 3 tasks done", "medium risk", "`ben` approved the plan.")
    assert (await day.job("1-1")).sent_back == 1
    assert (await day.job("1-2")).sent_back == 0
    assert (day.pull("1-1").base_ref, day.pull("1-3").base_ref) == ("main", day.pull("1-1").head_ref)
    assert "Part 1 of 3 of #1." in day.pull("1-1").body
    assert "`python -m unittest`" in day.pull("1-2").body


async def is_answered_where_a_person_remarked(day: Afternoon) -> None:
    forge, pull = day.town.forge, day.pull("1-2")
    remark = ("shop/tax.py", 3, "Say whose tax it is.")
    await forge.review_lines(pull, "ben", "COMMENTED", [remark], "One thing.")
    await day.moved("1-2", pull.head_sha)
    [thread] = forge.store.threads_of(day.pull("1-2"))
    await day.town.until(lambda: len(forge.store.comments_in(thread)) == 2)
    assert "Done in" in forge.store.comments_in(thread)[1].body


async def is_mended_where_ci_was_red(day: Afternoon) -> None:
    town, head = day.town, day.pull("1-2").head_sha
    log = "2026-01-01T00:00:00Z shop/tax.py:2 ERROR E501 line too long\n"
    await town.forge.ci(town.repo, head, "lint", "failure", log=log)
    await day.moved("1-2", head)
    await town.forge.ci(town.repo, day.pull("1-2").head_sha, "lint", "success")
    assert (await day.job("1-2")).round == 2


async def is_merged_with_what_somebody_changed_meanwhile(day: Afternoon, server: Server) -> str:
    head = day.pull("1-1").head_sha
    theirs = PRICE.replace("costs.", "costs, in cents.").replace("return amount", "return amount + 0")
    main = await day.town.forge.push(day.town.repo, "ada", {"shop/price.py": theirs})
    await server.engine.handle(day.town.hint(day.issue))
    await day.moved("1-1", head)
    assert [order.kind for order in (await day.job("1-1")).orders] == [OrderKind.CONFLICT]
    return main


async def another_request_is_cancelled(town: Town) -> Issue:
    never = asyncio.Event()
    begun = len(town.model.asked)
    town.model.hold = lambda _messages: never if len(town.model.asked) > begun else None
    town.model.plans = [call("plan", tasks=[{"goal": "Rename it all", "scope": ["**"]}], risk="low")]
    issue = town.issue("Rename it all", "Every name should be longer.")
    other = Afternoon(town, issue)
    town.label(issue)
    await other.reads("Working")
    await town.until(lambda: len(town.model.asked) > begun)
    town.forge.comment(issue, "ada", "/pushpals cancel")
    await other.reads("`ada` stopped it")
    assert not any(f"/{issue.number}-" in pull.head_ref for pull in town.pulls())
    return issue


async def ci_passes_what_the_train_tests(town: Town) -> None:
    """Play the repository's CI on the train's branch, for as long as this runs."""
    seen: set[str] = set()
    while True:
        revision = town.forge.store.revision
        refs = await town.forge.git.refs(town.repo, "refs/heads/")
        commit = refs.get("refs/heads/main_agents")
        if commit and commit not in seen:
            seen.add(commit)
            await town.forge.ci(town.repo, commit, "lint", "success")
        else:
            await town.until(lambda: town.forge.store.revision != revision)  # noqa: B023 - used at once


async def lands_by_the_train(day: Afternoon, main: str) -> None:
    town = day.town
    for job in ("1-1", "1-2", "1-3"):
        town.forge.review(day.pull(job), "ben", "APPROVED")
    await day.reads("Nothing more is asked of you.", "3 of 3 tasks done")
    tip = (await town.forge.git.refs(town.repo, "refs/heads/"))["refs/heads/main"]
    for name, text in (("price", "amount * 2"), ("tax", "amount // 5"), ("fee", "amount * 2 + 1")):
        assert text in await town.forge.git.run(town.repo, "show", f"{tip}:shop/{name}.py")
    assert "in cents" in await town.forge.git.run(town.repo, "show", f"{tip}:shop/price.py")
    assert main in (await town.forge.git.run(town.repo, "rev-list", tip)).split()


@pytest.mark.timeout(300)
@pytest.mark.thorough
async def test_an_afternoon(new_town: Builder) -> None:
    town = await new_town([worker], FILES)
    town.tools = True
    town.model.plans = [PLAN]
    town.model.reviews = [reviewer]
    town.forge.create_user("ben")
    town.forge.set_role(town.repo, "ben", "maintain")
    both_at_once(town)
    day = Afternoon(town, town.issue("Prices are wrong", "Everything costs what it is given."))

    async with town.server() as server:
        await is_planned_and_approved_by_a_review(day)
        await is_worked_on_by_two_and_one_is_sent_back(day)
        await is_answered_where_a_person_remarked(day)
        await is_mended_where_ci_was_red(day)
        main = await is_merged_with_what_somebody_changed_meanwhile(day, server)
        other = await another_request_is_cancelled(town)
        ci = asyncio.create_task(ci_passes_what_the_train_tests(town))
        await lands_by_the_train(day, main)
        ci.cancel()

    assert {job.state for job in await town.jobs(day.issue)} == {JobState.MERGED}
    assert [job.state for job in await town.jobs(other)] == [JobState.CANCELLED]
    assert town.forge.store.issues[day.issue.id].state == "closed"
    assert len(town.comments(day.issue)) == 1, "one comment, edited in place"


@pytest.mark.timeout(200)
@pytest.mark.thorough
async def test_one_task_is_stopped_and_tried_again_while_the_other_goes_on(new_town: Builder) -> None:
    town = await new_town([worker], FILES)
    town.tools = True
    town.model.plans = [call("plan", tasks=TASKS, risk="low")]
    never = asyncio.Event()
    town.model.hold = lambda messages: never if "(Task 1 of 3;" in str(messages) else None
    day = Afternoon(town, town.issue("Prices are wrong", "Everything costs what it is given."))

    async with town.server():
        town.label(day.issue)
        await day.opened("1-2")
        town.forge.comment(day.issue, "ada", "/pushpals cancel 1-1")
        await day.reads("`ada` stopped it", "`/pushpals retry 1-1` tries it again")
        assert {job.id: job.state for job in await town.jobs(day.issue)} == {
            "1-1": JobState.CANCELLED,
            "1-2": JobState.PUBLISHED,
        }
        town.model.hold = lambda _messages: None
        town.forge.comment(day.issue, "ada", "/pushpals retry 1-1")
        await day.opened("1-1", "1-3")
        assert day.pull("1-3").base_ref == day.pull("1-1").head_ref

        # The lower one of a stack is rejected: nobody is told to merge what was built on it.
        town.forge.close_issue(day.pull("1-1"), "ada")
        await day.reads("1-3 builds on 1-1, which did not succeed")
        number = day.pull("1-2").number
        assert f"Read #{number} and merge it" in day.comment
