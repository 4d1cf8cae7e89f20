"""What `gc` takes for litter, and above all what it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pushpals.git import LeaseLost, PushRefused
from pushpals.github import LinkedView, PullOutcome
from pushpals.ledger.reading import AllRecords, JobFile, RequestFile
from pushpals.model import JobState, Person, Plan, Request, RequestRecord, Risk, Task
from pushpals.server import tidy
from pushpals.server.tidy import Old
from tests.server.test_status import job

NOW = datetime.now(UTC)
HEAD, PLAN, OTHER = "b" * 40, "c" * 40, "d" * 40
BRANCH = "refs/heads/agent/bug-fixer/1-1"
LONG_AGO = NOW - timedelta(days=400)


def records(state: JobState, *more: JobFile, **changes: Any) -> AllRecords:
    facts = {"head": HEAD, "updated_at": LONG_AGO, "created_at": LONG_AGO} | changes
    asked = Request(
        number=1,
        title="t",
        body="b",
        digest="d",
        asker=Person(id=1, login="ada"),
        cause="c",
        asked_at=LONG_AGO,
    )
    request = RequestRecord(
        request=asked,
        plan=Plan(tasks=(Task(goal="g"),), risk=Risk.LOW),
        policy_digest="p",
        base="a" * 40,
        created_at=LONG_AGO,
        plan_commit=PLAN,
    )
    first = JobFile("refs/pushpals/jobs/1-1", OTHER, job("1-1", state, **facts), "")
    return AllRecords((RequestFile("refs/pushpals/requests/1", HEAD, request),), (first, *more))


def pull(state: str) -> PullOutcome:
    return PullOutcome(5, "url", state, HEAD, NOW, None)  # type: ignore[arg-type]


def branches(found: AllRecords, tip: str = HEAD, pull: PullOutcome | None = None) -> list[str]:
    named = {"agent/bug-fixer/1-1": pull} if pull else {}
    return [litter.name for litter in tidy._branches(found, {BRANCH: tip}, named, Old(), NOW)]


@pytest.mark.parametrize("state", list(JobState))
def test_only_branches_of_ended_work_go(state: JobState) -> None:
    ended = state in {JobState.MERGED, JobState.FAILED, JobState.CANCELLED, JobState.SUPERSEDED}
    assert branches(records(state)) == (["agent/bug-fixer/1-1"] if ended else [])


def test_a_branch_stays_that_anybody_may_still_want() -> None:
    ended = records(JobState.CANCELLED)
    assert branches(ended, tip=OTHER) == [], "somebody pushed to it"
    assert branches(ended, pull=pull("OPEN")) == []
    assert branches(ended, pull=pull("CLOSED")) != []
    assert branches(records(JobState.CANCELLED, head=None)) == []
    lately = NOW - timedelta(days=29)
    assert branches(records(JobState.CANCELLED, updated_at=lately)) == []
    assert branches(records(JobState.MERGED, updated_at=lately)) != []
    on_it = job("2-1", JobState.RUNNING, onto="agent/bug-fixer/1-1")
    assert branches(records(JobState.MERGED, JobFile("r", OTHER, on_it, ""))) == []


def test_a_plan_goes_when_all_its_jobs_are_over() -> None:
    heads = {"refs/heads/pushpals/plan/1": PLAN}

    def plans(found: AllRecords, tips: dict[str, str] = heads, pull: PullOutcome | None = None) -> list[str]:
        named = {"pushpals/plan/1": pull} if pull else {}
        return [litter.name for litter in tidy._plans(found, tips, named, Old(), NOW)]

    assert plans(records(JobState.MERGED)) == ["pushpals/plan/1"]
    assert plans(records(JobState.MERGED), {"refs/heads/pushpals/plan/1": OTHER}) == []
    assert plans(records(JobState.MERGED), pull=pull("OPEN")) == []
    running = JobFile("r", OTHER, job("1-2", JobState.WAITING), "")
    assert plans(records(JobState.MERGED, running)) == []
    nothing_yet = AllRecords(records(JobState.MERGED).requests, ())
    assert plans(nothing_yet) == [], "it waits for a yes"


class Issues:
    """GitHub, as far as it says which issues are open."""

    def __init__(self, state: str) -> None:
        self.state = state

    async def linked(self, numbers: list[int]) -> tuple[LinkedView, ...]:
        return tuple(LinkedView("issue", number, "t", self.state) for number in numbers)  # type: ignore[arg-type]


async def old_records(found: AllRecords, state: str, days: int = 365) -> list[tuple[str, list[str]]]:
    client: Any = Issues(state)
    listed = tidy._records(client, found, timedelta(days=days), NOW)
    return [(litter.name, [update.ref for update in litter.refs]) async for litter in listed]


async def test_records_go_together_when_their_issue_is_closed_and_old() -> None:
    refs = ["refs/pushpals/requests/1", "refs/pushpals/jobs/1-1"]
    assert await old_records(records(JobState.MERGED), "CLOSED") == [("#1", refs)]
    assert await old_records(records(JobState.MERGED), "OPEN") == []
    assert await old_records(records(JobState.MERGED), "CLOSED", days=500) == []
    assert await old_records(records(JobState.PUBLISHED), "CLOSED") == []


class Remote:
    """A remote that says no."""

    def __init__(self, says: Exception) -> None:
        self.says = says

    async def push(self, _refs: object) -> None:
        raise self.says


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (LeaseLost(BRANCH, None), "moved meanwhile"),
        (PushRefused("a rule"), "GitHub refused (a rule)"),
    ],
)
async def test_what_cannot_go_stays_and_is_told(says: Exception, told: str) -> None:
    said: list[str] = []
    remote: Any = Remote(says)
    assert not await tidy._deleted(remote, tidy.Litter("x", "y", ()), said.append)
    assert told in said[0]
    assert tidy._verdict(3, 1, really=True) == "2 deleted. 1 stay; see above."
