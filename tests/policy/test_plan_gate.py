"""What a plan's risk asks of people, and when their yes holds."""

from datetime import UTC, datetime

import pytest

from pushpals.model import (
    Approval,
    CheckResult,
    Evidence,
    JobRecord,
    JobState,
    Order,
    OrderKind,
    Person,
    Plan,
    Report,
    RequestRecord,
    Risk,
    Task,
)
from pushpals.policy.access import Allowed, Refused
from pushpals.policy.order import Place, place_of
from pushpals.policy.plan_gate import approved_risk, held_back, may_approve, may_land, waits_for_people
from pushpals.policy.repo_policy import ApprovalSection, RepoPolicy
from tests.loop.snapshots import job, request

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COMMIT, OTHER = "a" * 40, "b" * 40
SAM = Person(id=77, login="sam")
ROBOT = Person(id=78, login="robot[bot]", bot=True)


def record(risk: Risk, **changes: object) -> RequestRecord:
    plan = Plan(tasks=(Task(goal="Do it", risk=risk),), risk=risk)
    return request().model_copy(update={"plan": plan, "plan_commit": COMMIT, **changes})


def yes(of: RequestRecord, **changes: object) -> Approval:
    fields = {"by": SAM, "at": NOW, "how": "review", "plan_commit": COMMIT, "digest": of.request.digest}
    return Approval.model_validate(fields | changes)


def approved(risk: Risk, **changes: object) -> RequestRecord:
    of = record(risk)
    return of.model_copy(update={"approval": yes(of, **changes)})


@pytest.mark.parametrize(
    ("of", "waits"),
    [
        (record(Risk.LOW), False),
        (record(Risk.MEDIUM), True),
        (record(Risk.HIGH), True),
        (approved(Risk.MEDIUM), False),
        (approved(Risk.HIGH), False),
        (approved(Risk.HIGH, plan_commit=OTHER), True),
        (approved(Risk.HIGH, digest="f" * 64), True),
    ],
)
def test_a_yes_holds_for_this_plan_and_this_text_alone(of: RequestRecord, waits: bool) -> None:
    assert waits_for_people(of) is waits
    assert (approved_risk(of) is of.plan.risk) is (not waits)


@pytest.mark.parametrize(
    ("person", "role", "listed", "allowed"),
    [
        (SAM, "write", ("write",), True),
        (SAM, "admin", ("write",), True),
        (SAM, "triage", ("write",), False),
        (SAM, "write", ("maintain",), False),
        (SAM, None, ("write",), False),
        (SAM, "write", (), False),
        (ROBOT, "admin", ("write",), False),
        (request().request.asker, "admin", ("write",), False),
    ],
)
def test_who_approves(person: Person, role: str | None, listed: tuple[str, ...], allowed: bool) -> None:
    policy = RepoPolicy(approval=ApprovalSection(roles=listed))
    verdict = may_approve(role, policy, person, record(Risk.MEDIUM))
    assert isinstance(verdict, Allowed if allowed else Refused)


def test_whoever_put_words_into_the_request_is_no_second_person() -> None:
    of = record(Risk.MEDIUM)
    shaped = of.model_copy(update={"request": of.request.model_copy(update={"shaped_by": (SAM,)})})
    mia, policy = Person(id=79, login="mia"), RepoPolicy(approval=ApprovalSection(roles=("write",)))
    assert isinstance(may_approve("write", policy, SAM, shaped), Refused)
    assert isinstance(may_approve("write", policy, mia, shaped), Allowed)
    assert "`ada` or `sam`" in (may_land(shaped, published(Risk.HIGH), (SAM,)) or "")
    assert may_land(shaped, published(Risk.HIGH), (mia,)) is None


SOLID = Evidence(tree=COMMIT, head=(CheckResult(command="make ci", exit_code=0),))
THIN = SOLID.model_copy(update={"thin": "nothing failed before"})


def published(risk: Risk, evidence: Evidence | None = SOLID) -> JobRecord:
    return job(JobState.PUBLISHED).model_copy(update={"report": Report(risk=risk, evidence=evidence)})


@pytest.mark.parametrize(
    ("of", "done", "why"),
    [
        (record(Risk.LOW), published(Risk.LOW), None),
        (record(Risk.LOW), published(Risk.LOW, THIN), None),
        (record(Risk.LOW), published(Risk.MEDIUM), "The change's risk is medium, and the plan's was low."),
        (approved(Risk.MEDIUM), published(Risk.MEDIUM), None),
        (
            approved(Risk.MEDIUM),
            published(Risk.MEDIUM, THIN),
            "No check shows that it works, which a change of medium risk needs.",
        ),
        (
            approved(Risk.MEDIUM),
            published(Risk.HIGH),
            "The change's risk is high, and the approved plan's is medium.",
        ),
        (approved(Risk.HIGH), published(Risk.LOW, None), None),
        (
            approved(Risk.HIGH),
            published(Risk.HIGH, None),
            "No check shows that it works, which a change of high risk needs.",
        ),
    ],
)
def test_a_change_is_held_back_when_it_is_riskier_than_what_was_approved(
    of: RequestRecord, done: JobRecord, why: str | None
) -> None:
    assert held_back(of, done) == why


def test_what_is_held_back_lands_after_a_second_person_s_yes() -> None:
    of, done = record(Risk.LOW), published(Risk.HIGH)
    asker = of.request.asker
    assert may_land(of, done, ()) is not None
    assert may_land(of, done, (asker, ROBOT)) is not None
    assert may_land(of, done, (asker, SAM)) is None
    assert may_land(of, published(Risk.LOW), ()) is None


ORDER = Order(kind=OrderKind.REVIEW, cause="c", at=NOW)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, Place.LABELLED),
        ({"cause": "IC_1:1:abc"}, Place.ASKED),
        ({"orders": (ORDER,)}, Place.FOLLOW_UP),
        ({"orders": (ORDER.model_copy(update={"kind": OrderKind.CONFLICT}),)}, Place.FOLLOW_UP),
        ({"orders": (ORDER, ORDER.model_copy(update={"kind": OrderKind.FIX}))}, Place.ASKED),
    ],
)
def test_who_is_served_first(changes: dict[str, object], place: Place) -> None:
    assert place_of(job(JobState.QUEUED).model_copy(update=changes)) is place
    assert Place.ASKED < Place.LABELLED < Place.FOLLOW_UP
