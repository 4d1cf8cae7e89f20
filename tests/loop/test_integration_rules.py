"""Whose approval lets a job land, and what the merge train's news mean for it, by example."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pushpals.github import CiCheck, PullView, ReviewView
from pushpals.ledger import TRAIN, Entry
from pushpals.loop import steps
from pushpals.loop.decide import decide, people_to_check
from pushpals.loop.rules.integration import integrate_steps, integration_steps, why_not_land
from pushpals.loop.snapshot import Snapshot
from pushpals.model import (
    Car,
    CarArrived,
    CarLeft,
    CheckResult,
    Evidence,
    Failure,
    FailureKind,
    HeadApproval,
    JobState,
    Person,
    Report,
    Risk,
    TrainRecord,
)
from pushpals.policy.repo_policy import Integration, RepoPolicy
from tests.loop.snapshots import (
    ADA,
    BASE,
    BEN,
    BRANCH,
    HEAD,
    NOON,
    ROBOT,
    STRANGER,
    TREE,
    job,
    pull,
    request,
    sha,
    snapshot,
    view,
)

ON_APPROVAL = RepoPolicy(integration=Integration(train="approval"))
ON_COMMAND = RepoPolicy()
GREEN = CheckResult(command="pytest -q", exit_code=0)
RED = CheckResult(command="pytest -q", exit_code=1, failing=("test_dot",))
WHY = Failure(kind=FailureKind.CHECKS, cause="Red.", next_step="Look.")
BY_ADA = HeadApproval(by=ADA, at=NOON, how="review", head=HEAD, cause="review-1")
CLEAN = Report(evidence=Evidence(tree=TREE, base=(RED,), head=(GREEN,)))


def review(
    state: str = "APPROVED", by: Person = ADA, commit: str = HEAD, name: str = "review-1", minutes: int = 0
) -> ReviewView:
    at = NOON + timedelta(minutes=minutes)
    return ReviewView(name, 8, by, state, "", at, None, None, commit, False, "")  # type: ignore[arg-type]


def check(state: str, *, mine: bool = False) -> CiCheck:
    return CiCheck("lint", state, state.upper(), "", "", mine, 5, "github-actions")  # type: ignore[arg-type]


def seen(
    *reviews: ReviewView,
    state: JobState = JobState.PUBLISHED,
    shown: PullView | None = None,
    train: TrainRecord | None = None,
    policy: RepoPolicy = ON_APPROVAL,
    **facts: object,
) -> Snapshot:
    """Return a snapshot with one job on a branch and its pull request, reviewed by `reviews`."""
    record = job(JobState.PUBLISHED).model_copy(update={"state": state, **facts})
    shown = replace(shown or pull(), reviews=reviews)
    s = snapshot(
        view(pulls={BRANCH: (shown,)}),
        request(),
        [record],
        policy=policy,
        roles={ADA.id: "write", BEN.id: "write", STRANGER.id: "read", ROBOT.id: "write"},
    )
    entry = Entry(TRAIN, sha("train"), sha("train root"), train) if train else None
    return replace(s, ledger=replace(s.ledger, train=entry))


def owed(s: Snapshot) -> list[steps.Step]:
    assert isinstance(s.policy, RepoPolicy)
    return integration_steps(s, s.policy)


def a_train(**facts: object) -> TrainRecord:
    record = TrainRecord(branch="main", base=BASE, nonce="n", created_at=NOON, updated_at=NOON)
    return record.model_copy(update=facts)


CAR = Car(job="42-1", branch=BRANCH, head=HEAD, pull=43)
LEFT = CarLeft(job="42-1", head=HEAD, failure=WHY, at=NOON + timedelta(minutes=5))


def test_an_approval_of_what_is_on_the_branch_lets_it_land() -> None:
    [step] = owed(seen(review()))
    assert isinstance(step, steps.ApproveJob)
    assert (step.approval.by, step.approval.how, step.approval.head) == (ADA, "review", HEAD)
    assert decide(seen(review()))[0] == step


def test_where_the_policy_waits_for_the_command_an_approval_alone_starts_nothing() -> None:
    s = seen(review(), policy=ON_COMMAND)
    assert owed(s) == []
    [step] = integrate_steps(s, ON_COMMAND, s.ledger.jobs[0].record, BEN, "comment:1:abc")
    assert isinstance(step, steps.ApproveJob)
    assert (step.approval.by, step.approval.how, step.approval.cause) == (BEN, "command", "comment:1:abc")


NOT_ENOUGH = {
    "of an older commit": ([review(commit=sha("older"))], "Nobody who may"),
    "by a stranger": ([review(by=STRANGER)], "Nobody who may"),
    "by a bot": ([review(by=ROBOT)], "Nobody who may"),
    "dismissed": ([review(), review("DISMISSED")], "Nobody who may"),
    "only a comment": ([review("COMMENTED")], "Nobody who may"),
    "taken back": ([review(), review("CHANGES_REQUESTED")], "`ada` has asked for changes"),
    "against another's wish": (
        [review(), review("CHANGES_REQUESTED", by=BEN)],
        "`ben` has asked for changes",
    ),
}


@pytest.mark.parametrize("case", NOT_ENOUGH)
def test_what_does_not_count_as_an_approval(case: str) -> None:
    reviews, said = NOT_ENOUGH[case]
    s = seen(*reviews)
    assert owed(s) == []
    why = why_not_land(s, ON_APPROVAL, s.ledger.jobs[0].record)
    assert why
    assert said in why


@pytest.mark.parametrize("case", ["by a stranger", "by a bot"])
def test_a_wish_for_changes_by_those_who_may_not_stops_nothing(case: str) -> None:
    who = STRANGER if case == "by a stranger" else ROBOT
    assert owed(seen(review(), review("CHANGES_REQUESTED", by=who)))


def test_an_approval_of_the_last_word_counts_again() -> None:
    assert owed(seen(review("CHANGES_REQUESTED"), review()))


SHOWN = {
    "a draft": (replace(pull(), draft=True), "draft"),
    "moved by somebody else": (replace(pull(), head_sha=sha("theirs")), "Somebody else pushed"),
    "on another branch": (replace(pull(), base_ref="agent/bug-fixer/42-0"), "until what it builds on"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_what_may_not_land_though_it_is_approved(case: str) -> None:
    shown, said = SHOWN[case]
    s = seen(review(), shown=shown)
    assert owed(s) == []
    assert said in (why_not_land(s, ON_APPROVAL, s.ledger.jobs[0].record) or "")


def test_whoever_asked_does_not_alone_let_a_riskier_change_land() -> None:
    risky = CLEAN.model_copy(update={"risk": Risk.MEDIUM})
    assert owed(seen(review(by=ADA), report=risky)) == []
    assert owed(seen(review(by=BEN), report=risky))


def test_without_a_train_nothing_moves_and_no_role_is_read() -> None:
    never = RepoPolicy(integration=Integration(train="never", auto_merge="low"))
    s = seen(review(), policy=never)
    assert owed(s) == []
    assert BEN not in people_to_check(s.view, s.ledger, never, s.now)


def test_the_role_of_whoever_approves_or_objects_is_read() -> None:
    s = seen(review(by=BEN))
    assert BEN in people_to_check(s.view, s.ledger, ON_APPROVAL, s.now)
    assert BEN not in people_to_check(seen().view, s.ledger, ON_APPROVAL, s.now)


VOID = {
    "a new push": seen(
        review(), state=JobState.INTEGRATING, approved=BY_ADA, shown=replace(pull(), head_sha=sha("new"))
    ),
    "a dismissed review": seen(review(), review("DISMISSED"), state=JobState.APPROVED, approved=BY_ADA),
    "a lost role": replace(seen(review(), state=JobState.APPROVED, approved=BY_ADA), roles={ADA.id: "read"}),
}


@pytest.mark.parametrize("case", VOID)
def test_what_makes_an_approval_void(case: str) -> None:
    [step] = owed(VOID[case])
    assert isinstance(step, steps.VoidApproval)


def test_a_job_notes_that_it_rides_and_that_the_train_stands_still() -> None:
    on_board = a_train(cars=(CAR,))
    s = seen(review(), state=JobState.APPROVED, approved=BY_ADA, train=on_board)
    assert owed(s) == [steps.NoteRide("42-1", on_board=True)]
    s = seen(review(), state=JobState.INTEGRATING, approved=BY_ADA, train=on_board)
    assert owed(s) == []
    stands = a_train(cars=(CAR,), halt=WHY)
    s = seen(review(), state=JobState.INTEGRATING, approved=BY_ADA, train=stands)
    assert owed(s) == [steps.NoteRide("42-1", on_board=True, halt=WHY)]
    s = seen(review(), state=JobState.INTEGRATING, approved=BY_ADA, train=a_train())
    assert owed(s) == [steps.NoteRide("42-1", on_board=False)]


@pytest.mark.parametrize("state", [JobState.PUBLISHED, JobState.APPROVED, JobState.INTEGRATING])
def test_what_landed_is_merged_also_before_github_says_so(state: JobState) -> None:
    landed = a_train(arrived=(CarArrived(job="42-1", head=HEAD, commit=sha("landed"), at=NOON),))
    assert owed(seen(review(), state=state, approved=BY_ADA, train=landed)) == [steps.MarkMerged("42-1")]


def test_a_job_that_the_train_sent_back_waits_for_a_new_word() -> None:
    s = seen(review(), state=JobState.INTEGRATING, approved=BY_ADA, train=a_train(left=(LEFT,)))
    assert owed(s) == [steps.TakeBack("42-1", LEFT)]
    back: dict[str, object] = {"returned": LEFT, "train": a_train(left=(LEFT,))}
    assert owed(seen(review(), **back)) == []  # type: ignore[arg-type]
    [again] = owed(seen(review(minutes=6), **back))  # type: ignore[arg-type]
    assert isinstance(again, steps.ApproveJob)


BY_ITSELF = RepoPolicy(integration=Integration(auto_merge="low"))


def test_a_change_that_leaves_nothing_to_judge_lands_by_itself_where_the_policy_says_so() -> None:
    [step] = owed(seen(policy=BY_ITSELF, report=CLEAN))
    assert isinstance(step, steps.ApproveJob)
    assert step.approval.how == "policy"
    riding = HeadApproval(by=ADA, at=NOON, how="policy", head=HEAD, cause="policy")
    train = a_train(cars=(CAR,))
    s = seen(policy=BY_ITSELF, report=CLEAN, state=JobState.INTEGRATING, approved=riding, train=train)
    assert owed(s) == []
    objected = seen(
        review("CHANGES_REQUESTED"),
        policy=BY_ITSELF,
        report=CLEAN,
        state=JobState.INTEGRATING,
        approved=riding,
    )
    assert isinstance(owed(objected)[0], steps.VoidApproval)
    assert ADA in people_to_check(objected.view, objected.ledger, BY_ITSELF, objected.now)


def thin(record: Report) -> Report:
    assert record.evidence
    return record.model_copy(update={"evidence": record.evidence.model_copy(update={"thin": "No proof."})})


NOT_BY_ITSELF: dict[str, dict[str, object]] = {
    "thin evidence": {"report": thin(CLEAN)},
    "no evidence": {"report": Report()},
    "more risk": {"report": CLEAN.model_copy(update={"risk": Risk.MEDIUM})},
    "something refused": {"report": CLEAN.model_copy(update={"refused": ("It tried.",)})},
    "a red CI": {"report": CLEAN, "shown": replace(pull(), ci=(check("failure"),))},
    "a CI under way": {"report": CLEAN, "shown": replace(pull(), ci=(check("pending"),))},
    "sent back before": {"report": CLEAN, "returned": LEFT},
}


@pytest.mark.parametrize("case", NOT_BY_ITSELF)
def test_what_does_not_land_by_itself(case: str) -> None:
    assert owed(seen(policy=BY_ITSELF, **NOT_BY_ITSELF[case])) == []  # type: ignore[arg-type]


def test_nothing_lands_by_itself_unless_the_policy_says_so() -> None:
    assert owed(seen(report=CLEAN)) == []
    assert owed(seen(report=CLEAN, policy=ON_COMMAND)) == []


@pytest.mark.parametrize("state", ["MERGED", "CLOSED"])
def test_what_people_do_with_the_pull_request_by_hand_ends_the_ride(state: str) -> None:
    s = seen(review(), state=JobState.INTEGRATING, approved=BY_ADA, shown=pull(state=state))
    assert owed(s) == []
    assert isinstance(decide(s)[0], steps.MarkMerged if state == "MERGED" else steps.EndJob)


def test_a_job_that_waits_for_its_next_try_holds_up_no_approval() -> None:
    s = seen(review())
    later = job(JobState.QUEUED, "42-2", not_before=s.now + timedelta(hours=1))
    two = request().plan.tasks * 2
    asked = request().model_copy(update={"plan": request().plan.model_copy(update={"tasks": two})})
    jobs = [s.ledger.jobs[0].record, later]
    both = replace(snapshot(s.view, asked, jobs, policy=ON_APPROVAL, roles=s.roles))
    assert isinstance(decide(both)[0], steps.ApproveJob)
