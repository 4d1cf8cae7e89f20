"""What follows from how a job went."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import (
    CheckResult,
    Evidence,
    Failure,
    FailureKind,
    FileChange,
    Finding,
    JobRecord,
    JobState,
    Report,
    Task,
    Usage,
)
from pushpals.policy.job import breaks_something, conclusion, doubts, may_retry, retry_delay_seconds

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TREE, OTHER = "a" * 40, "b" * 40
PYTEST = CheckResult(command="pytest", exit_code=0, passed=3)
FAILING = CheckResult(command="pytest", exit_code=1, failed=1, passed=2, failing=("t::a",))
FILE = FileChange(path="a.py", status="modified", added=1, removed=1, mode="100644")


def job(state: JobState = JobState.PUBLISHED, **changes: Any) -> JobRecord:
    """Return a published job that deserves a green conclusion, changed as told."""
    report = {
        "files": (FILE,),
        "evidence": Evidence(tree=TREE, base=(FAILING,), head=(PYTEST,)),
        **{key: changes.pop(key) for key in ("files", "evidence", "findings", "refused") if key in changes},
    }
    fields: dict[str, object] = {
        "id": "1-1", "request": 1, "cause": "c", "task": Task(goal="g", checks=("pytest",)), "state": state,
        "base": OTHER, "branch": "agent/x/1-1", "nonce": "n", "updated_at": NOW, "created_at": NOW,
        "tree": TREE,
        "report": Report.model_validate(report), **changes,
    }  # fmt: skip
    return JobRecord.model_validate(fields)


def head(*checks: CheckResult, thin: str | None = None, base: tuple[CheckResult, ...] = ()) -> Evidence:
    return Evidence(tree=TREE, head=checks, base=base, thin=thin)


def test_a_real_change_whose_checks_all_pass_is_a_success() -> None:
    assert doubts(job()) == ()
    assert conclusion(job()) == "success"
    assert conclusion(job(JobState.MERGED)) == "success"


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"evidence": None}, "no checks were run"),
        ({"evidence": head(), "task": Task(goal="g")}, "no checks were run"),
        (
            {"evidence": head(PYTEST, thin="nothing failed before")},
            "the evidence is thin: nothing failed before",
        ),
        ({"task": Task(goal="g", checks=("pytest", "mypy"))}, "a check was skipped"),
        ({"tree": OTHER}, "the checks ran on another tree"),
        ({"tree": None}, "the checks ran on another tree"),
        ({"refused": ("It tried to print its environment.",)}, "something was refused"),
        ({"usage": Usage(refused=1)}, "a command was refused"),
        ({"evidence": head(PYTEST.model_copy(update={"passed": 0}))}, "the checks ran no test"),
        ({"evidence": head(FAILING, base=(FAILING,))}, "a check fails"),
    ],
)
def test_anything_less_is_neutral_and_says_why(changes: dict[str, Any], doubt: str) -> None:
    assert conclusion(job(**changes)) == "neutral"
    assert doubt in doubts(job(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"evidence": head(FAILING)},
        {"evidence": head(FAILING, base=(PYTEST,))},
        {"evidence": head(PYTEST.model_copy(update={"ended": "timeout"}))},
        {"evidence": head(FAILING.model_copy(update={"failing": ()}), base=(FAILING,))},
        {"evidence": head(FAILING.model_copy(update={"failing": ("t::a", "t::new")}), base=(FAILING,))},
        {"evidence": head(FAILING.model_copy(update={"unnamed": 1}), base=(FAILING,))},
        {"files": ()},
        {"findings": (Finding(rule="secret", message="x", blocking=True),)},
    ],
)
def test_what_breaks_something_is_a_failure(changes: dict[str, Any]) -> None:
    assert conclusion(job(**changes)) == "failure"


def test_mending_some_of_what_was_red_breaks_nothing() -> None:
    was = FAILING.model_copy(update={"failing": ("t::a", "t::b")})
    assert not breaks_something(head(FAILING, base=(was,)))
    assert breaks_something(head(was, base=(FAILING,)))


def test_findings_that_do_not_block_are_no_failure() -> None:
    assert conclusion(job(findings=(Finding(rule="style", message="x"),))) == "success"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (JobState.QUEUED, None),
        (JobState.RUNNING, None),
        (JobState.PROPOSED, None),
        (JobState.GATED, None),
        (JobState.WAITING, "action_required"),
        (JobState.CANCELLED, "cancelled"),
        (JobState.SUPERSEDED, "cancelled"),
    ],
)
def test_what_is_not_published_concludes_by_its_state(state: JobState, expected: str | None) -> None:
    assert conclusion(job(state)) == expected


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failed_job_asks_or_fails_and_is_never_green(kind: FailureKind) -> None:
    asking = {FailureKind.AMBIGUOUS: "action_required", FailureKind.BUDGET: "action_required"}
    expected = {**asking, FailureKind.CANCELLED: "cancelled"}.get(kind, "failure")
    failure = Failure(kind=kind, cause="c", next_step="n")
    assert conclusion(job(JobState.FAILED, failure=failure)) == expected


CHECKS = st.builds(
    CheckResult,
    command=st.sampled_from(["pytest", "mypy"]),
    exit_code=st.sampled_from([0, 1, None]),
    ended=st.sampled_from(["exited", "timeout"]),
    passed=st.sampled_from([None, 0, 3]),
    failing=st.sampled_from([(), ("a",), ("a", "b")]),
)
EVIDENCE = st.none() | st.builds(
    Evidence,
    tree=st.sampled_from([TREE, OTHER]),
    base=st.lists(CHECKS, max_size=2).map(tuple),
    head=st.lists(CHECKS, max_size=2).map(tuple),
    thin=st.sampled_from([None, "thin"]),
)
JOBS = st.builds(
    job,
    st.sampled_from(JobState),
    evidence=EVIDENCE,
    files=st.sampled_from([(), (FILE,)]),
    refused=st.sampled_from([(), ("x",)]),
    findings=st.sampled_from([(), (Finding(rule="r", message="m", blocking=True),)]),
    usage=st.sampled_from([Usage(), Usage(refused=2)]),
    task=st.sampled_from([Task(goal="g"), Task(goal="g", checks=("pytest",))]),
)


@given(JOBS)
def test_green_is_never_claimed_without_evidence(record: JobRecord) -> None:
    if conclusion(record) == "success":
        evidence = record.report.evidence
        assert evidence is not None
        assert evidence.head
        assert evidence.tree == record.tree
        assert evidence.thin is None
        assert all(check.ok for check in evidence.head)
        assert {check.command for check in evidence.head} >= set(record.task.checks)
        assert record.report.files
        assert not record.report.refused
        assert not record.usage.refused
        assert not any(finding.blocking for finding in record.report.findings)


INFRA, M, T = FailureKind.INFRASTRUCTURE, FailureKind.MODEL, FailureKind.TIMEOUT


@pytest.mark.parametrize(
    ("kind", "failures", "may"),
    [
        (INFRA, (), True),
        (INFRA, (INFRA,), True),
        (INFRA, (INFRA, INFRA), False),
        (M, (INFRA,), True),
        (M, (INFRA, M), False),
        (T, (), True),
        (T, (T,), False),
        (T, (INFRA,), True),
        (T, (INFRA, INFRA), False),
        (INFRA, (T,), True),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(
    kind: FailureKind, failures: tuple[FailureKind, ...], may: bool
) -> None:
    assert may_retry(kind, failures) is may


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - {INFRA, M, T}))
def test_other_failures_wait_for_a_person(kind: FailureKind) -> None:
    assert not may_retry(kind, ())


@given(st.lists(st.sampled_from(FailureKind), max_size=10))
def test_retries_end(kinds: list[FailureKind]) -> None:
    failures: list[FailureKind] = []
    for kind in kinds:
        if not may_retry(kind, failures):
            break
        failures.append(kind)
    assert len(failures) <= 2


def test_the_wait_grows() -> None:
    assert [retry_delay_seconds((INFRA,) * n) for n in range(2)] == [15, 60]
