"""The rules of plans: nothing begins without the yes that its risk asks for, and each step is owed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pushpals.audit.prose import progress_comment
from pushpals.github import CommentView, PullView, ReviewView
from pushpals.localbuddy.plan_picture import APPROVE, CANCEL, CHANGE, plan_branch
from pushpals.loop import steps
from pushpals.loop.decide import decide
from pushpals.loop.rules.plans import CHANGE_QUESTION, people_to_check
from pushpals.loop.snapshot import Snapshot
from pushpals.model import (
    Approval,
    JobState,
    Person,
    Plan,
    Press,
    Question,
    Request,
    RequestRecord,
    Risk,
    Task,
)
from tests.loop.snapshots import (
    ADA,
    BEN,
    ME,
    NOON,
    OTHER,
    ROBOT,
    STRANGER,
    US,
    check_run,
    comment,
    job,
    pull,
    request,
    sha,
    snapshot,
    view,
)

COMMIT = sha("plan")
ROLES = {ADA.id: "write", BEN.id: "write", STRANGER.id: "read"}
ISSUE = view(reacted=["EYES"])
DIGEST = Request.digest_of(ISSUE.title, ISSUE.body)


def planned(risk: Risk = Risk.MEDIUM, **changes: object) -> RequestRecord:
    asked = request(tasks=[Task(goal="Do it", checks=("pytest -q",), risk=risk)])
    fields: dict[str, object] = {
        "plan": Plan(tasks=asked.plan.tasks, risk=risk),
        "request": asked.request.model_copy(update={"digest": DIGEST}),
        "by": ME,
        "written_at": NOON,
        "plan_commit": COMMIT,
    }
    return asked.model_copy(update=fields | changes)


def review(who: Person, state: str, commit: str | None = COMMIT, body: str = "") -> ReviewView:
    return ReviewView(f"r-{who.login}-{state}", 1, who, state, body, NOON, None, None, commit, who == US, "")  # type: ignore[arg-type]


def seen(
    record: RequestRecord,
    reviews: Sequence[ReviewView] = (),
    *,
    pull_state: str = "OPEN",
    presses: Sequence[Press] = (),
    comments: Sequence[CommentView] = (),
    jobs: Sequence[object] = (),
    **changes: Any,
) -> Snapshot:
    branch = plan_branch(42)
    shown: PullView = replace(
        pull(branch, 50, pull_state), head_sha=COMMIT, reviews=tuple(reviews), draft=True
    )
    run = check_run("plan-42", database_id=9)
    issue = replace(ISSUE, pulls={branch: (shown,)}, check_runs={COMMIT: (run,)}, comments=tuple(comments))
    issue = replace(issue, comments_total=len(comments), **changes)
    found = snapshot(issue, record, jobs, roles=ROLES)  # type: ignore[arg-type]
    return replace(found, presses=tuple(presses))


def first(s: Snapshot) -> steps.Step | None:
    owed = decide(s)
    return owed[0] if owed else None


def is_quiet(s: Snapshot) -> bool:
    return not any(not isinstance(step, steps.Write) for step in decide(s))


@pytest.mark.parametrize("risk", [Risk.MEDIUM, Risk.HIGH])
def test_a_plan_that_needs_a_yes_is_shown_and_nothing_begins(risk: Risk) -> None:
    assert first(seen(planned(risk, plan_commit=None))) == steps.ProposePlan()
    assert is_quiet(seen(planned(risk)))


def test_a_plan_of_low_risk_begins_at_once() -> None:
    assert first(seen(planned(Risk.LOW, plan_commit=None))) == steps.QueueJob()


@pytest.mark.parametrize(
    ("reviews", "step"),
    [
        ([], None),
        ([review(BEN, "APPROVED")], steps.ApprovePlan(BEN, "review")),
        ([review(BEN, "APPROVED", commit=sha("other"))], None),
        ([review(BEN, "APPROVED", commit=None)], None),
        ([review(ADA, "APPROVED")], None),  # whoever asked, alone
        ([review(STRANGER, "APPROVED")], None),
        ([review(ROBOT, "APPROVED")], None),
        ([review(US, "APPROVED")], None),
        ([review(BEN, "COMMENTED")], None),
        ([review(BEN, "APPROVED"), review(BEN, "DISMISSED")], None),
        ([review(BEN, "APPROVED"), review(BEN, "COMMENTED")], steps.ApprovePlan(BEN, "review")),
        (
            [review(BEN, "APPROVED"), review(ADA, "CHANGES_REQUESTED", body="Not so.")],
            steps.StopPlan("`ada` turned the plan down: Not so."),
        ),
        ([review(STRANGER, "CHANGES_REQUESTED")], None),
    ],
)
def test_reviews_on_the_plan_s_commit_decide(reviews: list[ReviewView], step: steps.Step | None) -> None:
    found = seen(planned(), reviews)
    assert (first(found) if step else is_quiet(found) or None) == (step or True)


def press(action: str, who: Person = BEN, run: int = 9, name: str = "d1") -> Press:
    return Press(id=name, person=who, action=action, external_id="plan-42", check_run=run, at=NOON)


@pytest.mark.parametrize(
    ("pressed", "step"),
    [
        (press(APPROVE), steps.ApprovePlan(BEN, "button", "d1")),
        (press(APPROVE, ADA), None),
        (press(APPROVE, STRANGER), None),
        (press(APPROVE, run=8), None),  # the check of an earlier plan
        (press(CANCEL, ADA), steps.StopPlan("`ada` turned the plan down.", "d1")),
        (press(CHANGE), steps.AskAboutPlan(CHANGE_QUESTION, "d1")),
        (press(CHANGE, STRANGER), None),
    ],
)
def test_buttons_decide(pressed: Press, step: steps.Step | None) -> None:
    found = seen(planned(), presses=[pressed])
    assert (first(found) if step else is_quiet(found) or None) == (step or True)
    again = seen(planned(causes=("event-1", "d1")), presses=[pressed])
    assert is_quiet(again)  # a redelivery


@pytest.mark.parametrize(
    ("state", "step"),
    [("CLOSED", steps.StopPlan("Pull request #50 with the plan was closed.")), ("MERGED", None)],
)
def test_closing_the_plan_turns_it_down(state: str, step: steps.Step | None) -> None:
    found = seen(planned(), pull_state=state)
    assert (first(found) if step else is_quiet(found) or None) == (step or True)


def test_merging_an_rfc_is_a_yes() -> None:
    found = seen(planned(Risk.HIGH), pull_state="MERGED")
    [shown] = found.view.pulls[plan_branch(42)]
    pulls = {plan_branch(42): (replace(shown, merged_by=BEN),)}
    assert first(replace(found, view=replace(found.view, pulls=pulls))) == steps.ApprovePlan(BEN, "review")


def yes(digest: str = DIGEST) -> Approval:
    return Approval(by=BEN, at=NOON, how="review", plan_commit=COMMIT, digest=digest)


EDIT: dict[str, Any] = {
    "body": "Something else.",
    "last_edited_at": NOON + timedelta(minutes=5),
    "editor": ADA,
}
VOID = "The request was edited after `ben` approved the plan, so that yes is void."


@pytest.mark.parametrize(
    ("record", "jobs", "step"),
    [
        (planned(), (), steps.ReadAgain(by=ADA)),
        (planned(approval=yes()), (), steps.ReadAgain(VOID, ADA)),
        (planned(approval=yes()), (job(JobState.RUNNING, by=ME),), steps.ReadAgain(VOID, ADA)),
    ],
)
def test_an_edit_by_somebody_who_may_is_planned_again(
    record: RequestRecord, jobs: tuple[object, ...], step: steps.Step
) -> None:
    assert first(seen(record, jobs=jobs, **EDIT)) == step


def test_an_edit_while_a_part_is_published_stops_the_rest() -> None:
    """A new plan would do it again beside pull requests that nobody looks after any more."""
    tasks = (Task(goal="One"), Task(goal="Two", depends_on=(0,)))
    record = planned(approval=yes(), plan=Plan(tasks=tasks, risk=Risk.MEDIUM))
    step = first(seen(record, jobs=[job(JobState.PUBLISHED, by=ME)], **EDIT))
    assert step == steps.StopPlan(f"{VOID} What is published stands; nothing more is begun.")
    stopped = record.model_copy(update={"stopped": "It was edited."})
    assert "It was edited." in progress_comment(stopped, [job(JobState.PUBLISHED)], {})


def test_no_crowd_of_reviewers_makes_a_meddler_of_whoever_edited() -> None:
    crowd = [review(Person(id=100 + n, login=f"passer-{n}"), "APPROVED") for n in range(9)]
    s = seen(planned(), crowd, **{**EDIT, "editor": BEN})
    assert BEN in people_to_check(s.view, s.ledger)


def test_an_edit_after_publication_voids_nothing() -> None:
    found = seen(planned(approval=yes()), jobs=[job(JobState.PUBLISHED, by=ME)], **EDIT)
    assert not any(isinstance(step, steps.ReadAgain | steps.StopPlan) for step in decide(found))


def test_whoever_rewrites_a_request_does_not_approve_its_plan_alone() -> None:
    step = first(seen(planned(), **{**EDIT, "editor": BEN}))
    assert step == steps.ReadAgain(by=BEN)


@pytest.mark.parametrize("record", [planned(), planned(approval=yes())])
def test_an_edit_by_somebody_who_may_not_stops_it(record: RequestRecord) -> None:
    step = first(seen(record, **{**EDIT, "editor": STRANGER}))
    assert isinstance(step, steps.StopPlan)
    assert step.reason.startswith("`sam` changed the request")


def test_what_was_under_way_for_a_plan_that_is_gone_ends() -> None:
    running = job(JobState.RUNNING, by=ME)
    replaced = planned(first=2, voided=VOID)
    step = first(seen(replaced, jobs=[running]))
    assert isinstance(step, steps.EndJob)
    assert (step.job, step.failure.cause) == ("42-1", VOID)
    stopped = first(seen(planned(stopped="It was stopped."), jobs=[running]))
    assert isinstance(stopped, steps.EndJob)


@pytest.mark.parametrize(
    "changes",
    [{"state": "CLOSED"}, {"labels": {}}],
)
def test_a_plan_that_nobody_wants_any_more_stops(changes: dict[str, Any]) -> None:
    for record in (planned(), planned(drafted_by=ME), planned(question=Question(text="?", asked_at=NOON))):
        assert isinstance(first(seen(record, **changes)), steps.StopPlan)


def test_a_model_is_asked_by_whoever_said_so_or_by_others_when_that_one_is_late() -> None:
    assert first(seen(planned(drafted_by=ME, plan_commit=None))) == steps.MakePlan()
    under_way = replace(seen(planned(drafted_by=ME, plan_commit=None)), errands=frozenset({"plan-42"}))
    assert is_quiet(under_way)
    theirs = seen(planned(drafted_by=OTHER, by=OTHER, plan_commit=None))
    assert is_quiet(theirs)
    assert first(replace(theirs, now=NOON + timedelta(minutes=11))) == steps.MakePlan()


ASKED = Question(text="Which?", asked_at=NOON)
OURS = comment(f"<!-- pushpals:question:{NOON:%Y%m%dT%H%M%S} -->\nWhich?", name="q")


def reply(who: Person, body: str = "The first.", name: str = "a") -> CommentView:
    return replace(comment(body, mine=False, name=name), author=who)


@pytest.mark.parametrize(
    ("comments", "step"),
    [
        ([OURS], None),
        ([OURS, reply(ADA)], steps.AnswerQuestion("The first.", ADA, "a")),
        ([OURS, reply(STRANGER), reply(BEN, name="b")], steps.AnswerQuestion("The first.", BEN, "b")),
        ([reply(ADA), OURS], None),  # said before it was asked
        ([OURS, reply(ADA, "/pushpals status")], None),
        ([OURS, reply(STRANGER)], None),
        ([OURS, reply(ROBOT)], None),
        ([OURS, replace(reply(ADA), editor=STRANGER)], None),
    ],
)
def test_a_question_is_answered_by_somebody_who_may(
    comments: list[CommentView], step: steps.Step | None
) -> None:
    found = seen(planned(Risk.LOW, plan_commit=None, question=ASKED), comments=comments)
    answered = [s for s in decide(found) if isinstance(s, steps.AnswerQuestion)]
    assert answered == ([step] if step else [])
    assert not any(isinstance(s, steps.QueueJob | steps.ProposePlan) for s in decide(found))


def test_roles_are_asked_for_only_of_those_who_decide() -> None:
    s = seen(planned(), [review(BEN, "APPROVED"), review(ROBOT, "APPROVED"), review(STRANGER, "COMMENTED")])
    assert people_to_check(s.view, s.ledger) == (BEN,)
    s = seen(planned(stopped="No."), [review(BEN, "APPROVED")])
    assert people_to_check(s.view, s.ledger) == ()


def test_the_same_snapshot_owes_the_same_and_its_writes_come_to_rest() -> None:
    s = seen(planned(), [review(BEN, "APPROVED")])
    assert decide(s) == decide(s)
    s = seen(planned(stopped="It was stopped.", plan_commit=None))
    assert is_quiet(s)
