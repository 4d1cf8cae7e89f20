"""The merge train: approved pull requests land together, a culprit goes back, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from pushpals.ledger import TRAIN
from pushpals.local.forge.entities import Issue, PullRequest
from pushpals.model import JobRecord, JobState, TrainRecord
from pushpals.sandbox import Limits, Sandbox, SandboxProvider
from tests.stories.conftest import Builder
from tests.stories.scripted import Reply, call
from tests.stories.town import Town

SHOP = '''def {name}(amount):
    """Return the {name} for an amount."""
    return amount
'''
TESTS = """import unittest

from shop.fee import fee
from shop.price import price
from shop.tax import tax


class Shop(unittest.TestCase):
    def test_price(self):
        self.assertEqual(price(1), 2)

    def test_tax(self):
        self.assertEqual(tax(1), 3)

    def test_fee(self):
        self.assertEqual(fee(1), 4)

    def test_price_and_tax_together_stay_affordable(self):
        self.assertLess(price(1) + tax(1), 5)
"""
POLICY = "version: 1\nintegration:\n  train: approval\n"
NAMES = ("price", "fee", "tax")
FILES = {
    "shop/__init__.py": "",
    **{f"shop/{name}.py": SHOP.format(name=name) for name in NAMES},
    "tests/__init__.py": "",
    "tests/test_shop.py": TESTS,
    ".github/pushpals.yml": POLICY,
}
FACTOR = {"price": 2, "fee": 4, "tax": 3}


def fix(name: str) -> list[Reply]:
    """What the model does for one function."""
    new = f"return amount * {FACTOR[name]}"
    return [call("edit", path=f"shop/{name}.py", old="return amount", new=new), call("done", summary="Done.")]


@dataclass
class Meanwhile:
    """Real sandboxes; when a batch of the train is tested, something happens first, once for each in turn."""

    inner: SandboxProvider
    happens: list[Callable[[], object]] = field(default_factory=list)
    armed: bool = False
    name: Literal["bubblewrap", "docker"] = "bubblewrap"

    def describe(self) -> str:
        """As the real ones."""
        return self.inner.describe()

    async def check(self) -> None:
        """As the real ones."""
        await self.inner.check()

    async def open(self, workspace: Path, limits: Limits) -> Sandbox:
        """Open a real one, after what happens."""
        if self.armed and self.happens:
            result = self.happens.pop(0)()
            if asyncio.iscoroutine(result):
                await result
        return await self.inner.open(workspace, limits)


async def three_pulls(town: Town) -> dict[str, Issue]:
    """Have one job for each function published, one after the other."""
    issues = {}
    async with town.server():
        for name in NAMES:
            town.model.asked.clear()
            town.model.replies = fix(name)
            issue = town.issue(
                f"`{name}` returns the bare amount", f"`{name}(1)` should be {FACTOR[name]}, see test_{name}."
            )
            town.label(issue)
            assert (await town.concluded(issue)).conclusion != "failure", town.comments(issue)[0].body
            issues[name] = issue
            await town.until(lambda: len(town.pulls()) == len(issues))
    return issues


def approve(town: Town, issue: Issue) -> PullRequest:
    """Approve the pull request of an issue."""
    pull = next(p for p in town.pulls() if f"/{issue.number}-1" in p.head_ref)
    town.forge.review(pull, "ada", "APPROVED")
    return pull


async def train_of(town: Town) -> TrainRecord:
    entry = await (await town.ledger()).read(TrainRecord, TRAIN)
    assert entry
    return entry.record


async def state(town: Town, issue: Issue) -> JobRecord:
    [job] = await town.jobs(issue)
    return job


async def settled(town: Town, issues: dict[str, Issue]) -> dict[str, JobRecord]:
    """Wait until nobody rides; return the jobs by name."""
    riding = {JobState.APPROVED, JobState.INTEGRATING}
    async with asyncio.timeout(60):
        while True:
            jobs = {name: await state(town, issue) for name, issue in issues.items()}
            if not any(job.state in riding for job in jobs.values()):
                return jobs
            await asyncio.sleep(0.1)


@pytest.mark.thorough
async def test_good_ones_land_and_the_culprit_goes_back(new_town: Builder) -> None:
    town = await new_town(files=FILES)
    town.tools = True
    provider = Meanwhile(town.sandboxes)
    town.sandboxes = provider
    issues = await three_pulls(town)
    pulls = {"price": approve(town, issues["price"])}

    # The base moves while the first batch is tested, and the server is stopped during another test.
    stopped = asyncio.Event()
    provider.happens = [
        lambda: town.forge.push(town.repo, "ada", {"NOTES": "mine"}),
        lambda: stopped.set(),  # noqa: PLW0108 - the event comes later
    ]
    provider.armed = True
    async with town.server():
        await asyncio.wait_for(stopped.wait(), 60)
    pulls |= {name: approve(town, issues[name]) for name in ("fee", "tax")}
    async with town.server():
        jobs = await settled(town, issues)

    assert {name: job.state for name, job in jobs.items()} == {
        "price": JobState.MERGED,
        "fee": JobState.MERGED,
        "tax": JobState.PUBLISHED,
    }
    merged = {name: town.forge.store.pulls[pull.id].merged_at is not None for name, pull in pulls.items()}
    assert merged == {"price": True, "fee": True, "tax": False}
    refs = await town.forge.git.refs(town.repo, "refs/heads/")
    train = await train_of(town)
    assert refs["refs/heads/main"] in {each.commit for each in train.arrived}
    assert train.cars == ()
    back = jobs["tax"].returned
    assert back
    assert "do not pass" in back.failure.cause
    [comment] = town.comments(issues["tax"])
    assert back.failure.cause in comment.body
    assert "/pushpals fix" in comment.body


async def test_a_person_puts_a_pull_request_on_the_train(new_town: Builder) -> None:
    files = {path: text for path, text in FILES.items() if not path.startswith(".github")}
    town = await new_town(fix("price"), files)
    town.tools = True
    issue = town.issue("`price` returns the bare amount", "`price(1)` should be 2, see test_price.")
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
        await town.until(town.pulls)
        [pull] = town.pulls()
        town.forge.comment(pull, "ada", "/pushpals integrate")
        await town.until(lambda: any("approved" in c.body for c in town.comments(pull)))
        approve(town, issue)
        town.forge.comment(pull, "ada", "/pushpals integrate")
        await town.until(lambda: town.forge.store.pulls[pull.id].merged_at)
        await town.until(lambda: "Merged" in town.comments(issue)[0].body)
    [answer] = town.comments(pull)
    assert (
        "`integrate` does nothing here: Nobody who may has approved what is on the branch now." in answer.body
    )
    job = await state(town, issue)
    assert job.state is JobState.MERGED


async def test_where_there_is_a_ci_it_decides(new_town: Builder) -> None:
    policy = f"{POLICY}  required: [test]\n"
    town = await new_town(fix("price"), {**FILES, ".github/pushpals.yml": policy})
    town.tools = True
    main = await town.forge.git.sha(town.repo, "main")
    await town.forge.ci(town.repo, main, "test", "success")
    issue = town.issue("`price` returns the bare amount", "`price(1)` should be 2, see test_price.")

    async def under_test(run: int) -> str:
        """Wait for a test of the train, from 1; return the commit on the integration branch."""
        async with asyncio.timeout(60):
            while True:
                refs = await town.forge.git.refs(town.repo, "refs/heads/main_agents")
                train = await train_of(town) if refs else None
                if train and train.run and train.runs == run and {train.run.commit} == set(refs.values()):
                    return train.run.commit
                await asyncio.sleep(0.05)

    async with town.server():
        town.label(issue)
        await town.concluded(issue)
        await town.until(town.pulls)
        pull = approve(town, issue)
        first = await under_test(1)
        await town.forge.ci(town.repo, first, "test", None)
        await town.forge.ci(town.repo, first, "other", "failure")
        await town.forge.ci(town.repo, first, "test", "failure")
        # It is tested once more before anybody is blamed.
        again = await under_test(2)
        assert again != first
        await town.forge.ci(town.repo, again, "test", "success")
        await town.until(lambda: town.forge.store.pulls[pull.id].merged_at)
    assert await town.forge.git.sha(town.repo, "main") == again
    record = await train_of(town)
    assert (record.landed, record.left) == (1, ())


async def test_a_merged_change_is_taken_back_by_a_pull_request(new_town: Builder) -> None:
    head, *tests = TESTS.split("    def ")
    town = await new_town(fix("price"), {**FILES, "tests/test_shop.py": f"{head}    def {tests[-1]}"})
    town.tools = True
    issue = town.issue("`price` returns the bare amount", "`price(1)` should be 2.")
    before = await town.forge.git.run(town.repo, "rev-parse", "main:shop")
    async with town.server():
        town.label(issue)
        await town.until(town.pulls)
        [pull] = town.pulls()
        await town.forge.merge(pull, "ada")
        await town.until(lambda: "Merged" in town.comments(issue)[0].body)
        town.forge.comment(pull, "ada", "/pushpals revert")
        await town.until(lambda: len(town.pulls()) > 1)
        await town.concluded(issue, 2)
        town.forge.comment(pull, "ada", "/pushpals revert")
        await town.until(lambda: any("taken back already" in c.body for c in town.comments(pull)))
    [_, back] = town.pulls()
    assert back.head_ref == f"agent/revert/{issue.number}-2"
    assert await town.forge.git.run(town.repo, "rev-parse", f"{back.head_sha}:shop") == before
    assert back.title == f"Take back {issue.number}-1: `price` returns the bare amount"
    assert "Fixes" not in back.body
    assert back.body.startswith(f"Takes back {issue.number}-1, which was done for #{issue.number}.")
    assert await town.forge.git.run(town.repo, "rev-parse", "main:shop") != before
    [comment] = town.comments(issue)
    assert f"{issue.number}-2 Take back" in comment.body
