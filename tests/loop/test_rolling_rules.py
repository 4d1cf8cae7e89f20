"""The second delivery, by example: what is gathered, shown, merged, closed, and when nothing moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pushpals.audit.prose import rolling as prose
from pushpals.github import PullView
from pushpals.loop.rules.gathering import why_not_gathered
from pushpals.loop.rules.train import decide_train, riders
from pushpals.loop.train import snapshot as steps
from pushpals.loop.train.snapshot import RollingSeen, TrainSnapshot, Trunk
from pushpals.model import CarHeld, Failure, HeadApproval, JobRecord, JobState, Rolling, TrainRecord
from pushpals.policy.repo_policy import Integration, RepoPolicy
from pushpals.source_control import rolling, train
from tests.loop.snapshots import ADA, BASE, ME, NOON, job, pull, request, sha, snapshot
from tests.loop.test_train_rules import AT, WHY, seen

GATHERS = RepoPolicy(delivery="integration_branch")
NEVER = RepoPolicy(delivery="integration_branch", integration=Integration(train="never"))
TRUNK = Trunk("main", sha("main"))


def riding(number: int, **facts: object) -> JobRecord:
    """Return a job that the policy let onto the train."""
    head = sha(f"head {number}")
    let = HeadApproval(by=ADA, at=NOON, how="policy", head=head, cause="policy")
    record = job(JobState.PUBLISHED, f"{number}-1", request=number, head=head, approved=let)
    return record.model_copy(update={"state": JobState.APPROVED, **facts})


def holding(*numbers: int, shown: int | None = None, **facts: object) -> TrainRecord:
    """Return the record of a train that gathered jobs."""
    held = tuple(
        CarHeld(job=f"{n}-1", head=sha(f"head {n}"), commit=sha("made"), title=f"Job {n}", at=NOON)
        for n in numbers
    )
    blank = TrainRecord(branch="main_agents", base=BASE, by=ME, nonce="n", created_at=NOON, updated_at=NOON)
    return blank.model_copy(update={"rolling": Rolling(branch="main_agents", held=held, pull=shown), **facts})


def look(
    record: TrainRecord | None, *jobs: JobRecord, pulls: tuple[PullView, ...] = (), **facts: object
) -> TrainSnapshot:
    """Return a snapshot of a repository whose changes are gathered; no job has a pull request."""
    s = seen(jobs, record)
    shown = RollingSeen("R", pulls) if record and record.rolling else None
    s = replace(s, branch="main_agents", policy=GATHERS, trunk=TRUNK, pulls={}, rolling=shown)
    return replace(s, **facts)  # type: ignore[arg-type]


def rolling_pull(record: TrainRecord, **facts: object) -> PullView:
    """Return the pull request as it should be."""
    assert record.rolling
    shown = replace(pull("main_agents", 12), base_ref="main", title=prose.rolling_title(record.rolling))
    return replace(shown, body=prose.rolling_body(record.rolling, "main"), **facts)  # type: ignore[arg-type]


def test_a_job_rides_without_a_pull_request_only_where_changes_are_gathered() -> None:
    s = look(None, riding(1))
    assert list(riders(s)) == ["1-1"]
    assert riders(replace(s, trunk=None, branch="main", policy=RepoPolicy())) == {}


def test_it_boards_after_what_it_builds_on_is_gathered() -> None:
    below = riding(1)
    above = riding(2, onto=below.branch)
    assert list(riders(look(None, below, above))) == ["1-1"]
    assert "2-1" in riders(look(holding(1), below, above))


def test_the_branch_begins_before_anything_is_tested() -> None:
    one = riding(1)
    s = look(None, one)
    [board] = decide_train(s)
    assert isinstance(board, steps.Board)
    blank = holding().model_copy(update={"rolling": None})
    record = train.board(blank, board.cars, BASE, 16)
    assert decide_train(look(record, one)) == [steps.Begin()]
    assert decide_train(look(rolling.begun(record, "main_agents", BASE), one)) == [steps.Depart("sandbox")]


def test_what_is_gathered_is_shown_once_and_kept_in_step() -> None:
    record = holding(1)
    [step] = decide_train(look(record))
    assert isinstance(step, steps.ShowRolling)
    assert step.pull is None
    assert "| #1 | 1-1 | Job 1 |" in step.body
    there = rolling_pull(record)
    assert decide_train(look(record, pulls=(there,))) == [steps.NoteRolling(12)]
    noted = holding(1, shown=12)
    assert decide_train(look(noted, pulls=(there,))) == []
    [step] = decide_train(look(holding(1, 2, shown=12), pulls=(there,)))
    assert isinstance(step, steps.ShowRolling)
    assert step.pull == there


def test_a_closed_pull_request_stops_everything_until_it_is_open_again() -> None:
    record, one = holding(1, shown=12), riding(2)
    shut = rolling_pull(record, state="CLOSED")
    why = prose.closed(12, "main_agents")
    assert decide_train(look(record, one, pulls=(shut,))) == [steps.Halt(why)]
    stands = record.model_copy(update={"halt": why})
    assert decide_train(look(stands, one, pulls=(shut,))) == []
    assert decide_train(look(stands, one, pulls=(rolling_pull(record),))) == [steps.GoOn()]


def test_a_merged_one_settles_what_it_held() -> None:
    record = holding(1, 2, shown=12)
    done = rolling_pull(record, state="MERGED", merged=True)
    found = RollingSeen("R", (done,), taken=frozenset({"1-1"}))
    assert decide_train(look(record, rolling=found)) == [steps.Settle(frozenset({"1-1"}), over=True)]
    after = rolling.settled(record, {"1-1"}, (), WHY, AT, over=True)
    assert train.arrived(after, "1-1", sha("head 1"))
    assert after.rolling
    assert ([each.job for each in after.rolling.held], after.rolling.pull) == (["2-1"], None)
    assert rolling.settled(after, {"2-1"}, (), WHY, AT, over=True).rolling is None


def test_what_is_no_longer_on_the_branch_goes_back() -> None:
    record = holding(1, shown=12)
    found = RollingSeen("R", (rolling_pull(record, state="CLOSED"),), lost=frozenset({"1-1"}))
    assert decide_train(look(record, rolling=found)) == [steps.Settle(lost=frozenset({"1-1"}), over=True)]
    after = rolling.settled(record, (), {"1-1"}, WHY, AT, over=True)
    assert after.rolling is None
    out = train.left_with(after, "1-1", sha("head 1"))
    assert out
    assert out.failure == WHY


@pytest.mark.parametrize("state", ["OPEN", "CLOSED"])
def test_when_the_policy_gathers_no_more_what_is_gathered_is_merged_or_given_up(state: str) -> None:
    record = holding(1, shown=12)
    there = rolling_pull(record, state=state)
    s = replace(look(record, pulls=(there,)), branch="main", trunk=None, policy=RepoPolicy())
    why: Failure = prose.still_held(12, "main_agents")
    given_up = steps.Settle(lost=frozenset({"1-1"}), over=True)
    assert decide_train(s) == [steps.Halt(why) if state == "OPEN" else given_up]


def test_a_person_judges_what_may_not_be_gathered() -> None:
    published = job(JobState.PUBLISHED)
    s = snapshot(asked=request(), jobs=[published])
    assert why_not_gathered(s, GATHERS, published) is None
    assert "`delivery`" in (why_not_gathered(s, RepoPolicy(), published) or "")
    assert "`delivery`" in (why_not_gathered(s, NEVER, published) or "")
    assert why_not_gathered(s, GATHERS, published.model_copy(update={"reverts": "7-9"}))
