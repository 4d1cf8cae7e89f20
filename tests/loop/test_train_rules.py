"""What is owed to a merge train, by example and as properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.ledger import TRAIN, Entry, TrainView, job_ref
from pushpals.loop.rules.ci import ci_verdict
from pushpals.loop.rules.train import decide_train
from pushpals.loop.train import snapshot as steps
from pushpals.loop.train.snapshot import TrainSnapshot
from pushpals.model import (
    Failure,
    FailureKind,
    HeadApproval,
    JobRecord,
    JobState,
    RepoRef,
    TrainRecord,
)
from pushpals.policy.repo_policy import Integration, RepoPolicy
from pushpals.source_control import train
from tests.loop.snapshots import ADA, BASE, ME, NOON, OTHER, job, pull, sha

POLICY = RepoPolicy(integration=Integration(train="approval"))
WHY = Failure(kind=FailureKind.POLICY, cause="Refused.", next_step="Look.")
AT = NOON + timedelta(hours=1)


@dataclass(frozen=True)
class Check:
    """A check, as far as the rules look at it."""

    name: str
    state: str
    mine: bool = False


def riding(number: int, *, minutes: int = 0, **facts: object) -> JobRecord:
    """Return an approved job with the branch `agent/bug-fixer/<n>-1`."""
    head = sha(f"head {number}")
    at = NOON + timedelta(minutes=minutes)
    approval = HeadApproval(by=ADA, at=at, how="review", head=head, cause="r")
    record = job(JobState.PUBLISHED, f"{number}-1", request=number, head=head, approved=approval)
    return record.model_copy(update={"state": JobState.APPROVED, **facts})


def seen(
    jobs: Sequence[JobRecord] = (),
    record: TrainRecord | None = None,
    *,
    base: str = BASE,
    heads: Mapping[str, str | None] | None = None,
    ci: Mapping[str, Sequence[Check]] | None = None,
    now: datetime = AT,
    **facts: object,
) -> TrainSnapshot:
    """Return a snapshot in which every job's branch and pull request are as approved, but for `heads`."""
    entries = tuple(Entry(job_ref(each.id), sha(each.id), sha(each.id), each) for each in jobs)
    tips = {each.branch: each.head for each in jobs if each.head} | dict(heads or {})
    pulls = {
        each.branch: replace(pull(each.branch, int(each.id.partition("-")[0]) + 100), head_sha=each.head)
        for each in jobs
        if each.head
    }
    standing = Entry(TRAIN, sha("train"), sha("train"), record) if record else None
    s = TrainSnapshot(
        repo=RepoRef(owner="octo", name="names"),
        now=now,
        holder=ME,
        branch="main",
        policy=POLICY,
        ledger=TrainView(base, standing, entries, {b: sha_ for b, sha_ in tips.items() if sha_}),
        pulls=pulls,
        ci=ci or {},
    )
    return replace(s, **facts)  # type: ignore[arg-type]


def boarded(*jobs: JobRecord, **facts: object) -> TrainRecord:
    """Return the record after these jobs boarded."""
    blank = TrainRecord(branch="main", base=BASE, by=ME, nonce="n", created_at=NOON, updated_at=NOON)
    [step] = decide_train(seen(jobs))
    assert isinstance(step, steps.Board)
    return train.board(blank, step.cars, BASE, 64).model_copy(update=facts)


TWO = (riding(1), riding(2, minutes=1))


def test_nobody_waits_and_nothing_is_owed() -> None:
    assert decide_train(seen()) == []
    assert decide_train(seen([job(JobState.PUBLISHED, "1-1")])) == []


def test_those_who_wait_board_in_the_order_of_their_approvals() -> None:
    [step] = decide_train(seen([riding(1, minutes=2), riding(2, minutes=1)]))
    assert isinstance(step, steps.Board)
    assert [car.job for car in step.cars] == ["2-1", "1-1"]


@pytest.mark.parametrize("state", ["failure", "pending"])
def test_only_what_is_green_alone_boards(state: str) -> None:
    one, two = TWO
    assert one.head
    [step] = decide_train(
        seen(TWO, ci={one.head: [Check("lint", state), Check("PushPals", "failure", mine=True)]})
    )
    assert isinstance(step, steps.Board)
    assert [car.job for car in step.cars] == [two.id]


def test_what_left_does_not_board_until_it_is_approved_again() -> None:
    one = riding(1)
    record = boarded(one)
    out = train.judged(red_twice(record), AT).record
    assert out.cars == ()
    assert decide_train(seen([one], out)) == []
    [step] = decide_train(seen([riding(1, minutes=90)], out))
    assert isinstance(step, steps.Board)


def red_twice(record: TrainRecord) -> TrainRecord:
    """Return the record after its lone car was found red, and red again, with the verdict not yet drawn."""
    once = train.judged(train.heard(train.departed(record, sha("1"), "sandbox", AT), green=False), AT).record
    return train.heard(train.departed(once, sha("1"), "sandbox", AT), green=False)


def test_a_train_departs_and_tests_here() -> None:
    record = boarded(*TWO)
    assert decide_train(seen(TWO, record)) == [steps.Depart("sandbox")]
    record = train.departed(record, sha("made"), "sandbox", AT)
    assert decide_train(seen(TWO, record)) == [steps.TestHere()]
    assert decide_train(seen(TWO, record, testing=True)) == []
    theirs = record.model_copy(update={"by": OTHER})
    assert decide_train(seen(TWO, theirs)) == []
    assert decide_train(seen(TWO, theirs, abandoned=True)) == [steps.TestHere()]
    heard = train.heard(record, green=True)
    assert decide_train(seen(TWO, heard)) == [steps.Conclude()]


def test_where_there_is_a_ci_it_tests() -> None:
    record = boarded(*TWO)
    assert decide_train(seen(TWO, record, ci={BASE: [Check("test", "success")]})) == [steps.Depart("github")]
    ours = {BASE: [Check("PushPals", "success", mine=True)]}
    assert decide_train(seen(TWO, record, ci=ours)) == [steps.Depart("sandbox")]


GONE = {
    "its branch moved": {"heads": {TWO[0].branch: sha("pushed")}},
    "its branch is gone": {"heads": {TWO[0].branch: None}},
    "its pull request changed": {"pulls": {TWO[1].branch: seen(TWO).pulls[TWO[1].branch]}},
}


@pytest.mark.parametrize("why", GONE)
def test_a_car_that_may_not_ride_any_more_leaves(why: str) -> None:
    record = boarded(*TWO)
    assert decide_train(seen(TWO, record, **GONE[why])) == [steps.LetGo({"1-1": why})]  # type: ignore[arg-type]


def test_a_new_title_of_a_pull_request_stops_nobody() -> None:
    record = boarded(*TWO)
    renamed = {branch: replace(shown, title="Better") for branch, shown in seen(TWO).pulls.items()}
    assert decide_train(seen(TWO, record, pulls=renamed)) == decide_train(seen(TWO, record))


def test_a_car_leaves_whose_job_ended_or_is_not_approved_any_more() -> None:
    record = boarded(*TWO)
    assert decide_train(seen(TWO[1:], record)) == [steps.LetGo({"1-1": "its job ended"})]
    back = TWO[0].model_copy(update={"state": JobState.PUBLISHED, "approved": None})
    [step] = decide_train(seen([back, TWO[1]], record))
    assert step == steps.LetGo({"1-1": "it is not approved any more"})


def test_a_moved_base_comes_before_any_verdict() -> None:
    record = train.heard(train.departed(boarded(*TWO), sha("made"), "sandbox", AT), green=False)
    assert decide_train(seen(TWO, record, base=sha("theirs"))) == [steps.OntoNewBase()]
    again = train.base_moved(record, sha("theirs"))
    assert (again.run, again.base, len(again.cars)) == (None, sha("theirs"), 2)
    assert again.left == ()


def test_a_train_that_halted_waits_an_hour_or_for_the_base_to_move() -> None:
    record = train.halted(boarded(*TWO), WHY).model_copy(update={"updated_at": AT})
    assert decide_train(seen(TWO, record)) == [steps.LookAgain(AT + timedelta(hours=1))]
    assert decide_train(seen(TWO, record, now=AT + timedelta(hours=1))) == [steps.Depart("sandbox")]
    assert decide_train(seen(TWO, record, base=sha("theirs"))) == [steps.OntoNewBase()]


def test_the_branch_it_lands_on_is_never_the_one_it_tests_on() -> None:
    same = RepoPolicy(
        integration=Integration.model_construct(**{**POLICY.integration.model_dump(), "branch": "main"})
    )
    record = boarded(*TWO)
    [step] = decide_train(seen(TWO, record, policy=same))
    assert isinstance(step, steps.Halt)
    assert decide_train(seen(TWO, train.halted(record, step.why), policy=same)) == []


def test_without_a_train_all_get_off() -> None:
    never = RepoPolicy(integration=Integration(train="never"))
    [step] = decide_train(seen(TWO, boarded(*TWO), policy=never))
    assert isinstance(step, steps.LetGo)
    assert set(step.jobs) == {"1-1", "2-1"}


# What the CI says

MADE = sha("made")


def by_ci(
    *checks: Check, base: Sequence[Check] = (), minutes: float = 5, **facts: object
) -> list[steps.TrainStep]:
    record = train.departed(boarded(*TWO), MADE, "github", AT)
    now = AT + timedelta(minutes=minutes)
    return decide_train(seen(TWO, record, ci={MADE: checks, BASE: base}, now=now, **facts))  # type: ignore[arg-type]


def test_the_ci_is_heard_when_all_of_it_has_ended() -> None:
    base = [Check("test", "success")]
    [step] = by_ci(Check("test", "success"), Check("docs", "neutral"), base=base)
    assert isinstance(step, steps.Hear)
    assert step.green
    [step] = by_ci(Check("test", "failure"), Check("lint", "success"), base=base)
    assert isinstance(step, steps.Hear)
    assert not step.green
    assert [result.command for result in step.results if not result.ok] == ["test"]


@pytest.mark.parametrize(
    "checks",
    [
        [],
        [Check("test", "pending")],
        [Check("lint", "success")],
        [Check("test", "success"), Check("lint", "pending")],
        [Check("PushPals", "success", mine=True)],
    ],
)
def test_what_is_under_way_or_missing_is_waited_for_and_then_told(checks: list[Check]) -> None:
    base = [Check("test", "success")]
    [step] = by_ci(*checks, base=base)
    assert isinstance(step, steps.LookAgain)
    [step] = by_ci(*checks, base=base, minutes=61)
    assert isinstance(step, steps.Halt)
    assert "main_agents" in step.why.next_step


def test_checks_that_nobody_named_count_only_after_a_while() -> None:
    [step] = by_ci(Check("test", "success"), minutes=0.5)
    assert isinstance(step, steps.LookAgain)
    [step] = by_ci(Check("test", "success"), minutes=3)
    assert isinstance(step, steps.Hear)


def test_only_required_checks_count_where_some_are_named() -> None:
    policy = RepoPolicy(integration=Integration(train="approval", required=("test",)))
    checks = [Check("test", "success"), Check("flaky", "failure"), Check("slow", "pending")]
    [step] = by_ci(*checks, minutes=0.5, policy=policy)
    assert isinstance(step, steps.Hear)
    assert step.green


def test_what_is_red_on_the_base_too_blames_nobody() -> None:
    base = [Check("test", "failure"), Check("lint", "success")]
    [step] = by_ci(Check("test", "failure"), Check("lint", "success"), base=base)
    assert isinstance(step, steps.Halt)
    assert "`main` itself is red" in step.why.cause
    [step] = by_ci(Check("test", "failure"), Check("lint", "failure"), base=base)
    assert isinstance(step, steps.Hear)


CHECKS = st.lists(
    st.builds(
        Check,
        st.sampled_from("abc"),
        st.sampled_from(["success", "failure", "neutral", "pending"]),
        st.booleans(),
    ),
    max_size=5,
)


@given(CHECKS, CHECKS, st.lists(st.sampled_from("abc"), unique=True), st.booleans())
def test_green_means_that_nothing_that_counts_is_missing_pending_or_red(
    ci: list[Check], base: list[Check], required: list[str], settled: bool
) -> None:
    verdict = ci_verdict(ci, base, required, settled=settled)
    theirs = [check for check in ci if not check.mine and (not required or check.name in required)]
    wanted = set(required) or {check.name for check in base if not check.mine}
    if verdict.green:
        assert all(check.state in {"success", "neutral"} for check in theirs)
        assert wanted <= {check.name for check in theirs}
        assert any(check.state == "success" for check in theirs)
    if any(check.state == "failure" for check in theirs):
        assert verdict.green is False


@given(st.sets(st.integers(1, 9), min_size=1), st.sets(st.integers(1, 9)), st.data())
def test_a_train_comes_to_rest_and_lands_just_the_good_ones(
    numbers: set[int], bad: set[int], data: st.DataObject
) -> None:
    """Driven by its own decisions while the base moves: every good car lands, no bad one does."""
    jobs = [riding(n, minutes=n) for n in sorted(numbers)]
    base, moves = BASE, 3
    record: TrainRecord | None = None
    for _ in range(400):
        if moves and record and record.cars and data.draw(st.booleans()):
            moves, base = moves - 1, sha(f"theirs {moves}")
        [*owed] = decide_train(seen(jobs, record, base=base))
        if not owed:
            break
        blank = TrainRecord(branch="main", base=base, by=ME, nonce="n", created_at=NOON, updated_at=NOON)
        record = record or blank
        match owed[0]:
            case steps.Board(cars):
                record = train.board(record, cars, base, 64)
            case steps.OntoNewBase():
                record = train.base_moved(record, base)
            case steps.Depart(checks):
                record = train.departed(record, sha(f"{base} {record.groups}"), checks, AT)
            case steps.TestHere():
                assert record.run
                record = train.heard(record, green=not any(f"{n}-1" in record.run.cars for n in bad))
            case steps.Conclude():
                after = train.judged(record, AT)
                record, base = after.record, after.record.base
            case other:
                raise AssertionError(other)
    assert record
    assert record.cars == ()
    assert sorted(each.job for each in record.arrived) == [f"{n}-1" for n in sorted(numbers - bad)]
    assert sorted(out.job for out in record.left) == [f"{n}-1" for n in sorted(numbers & bad)]
