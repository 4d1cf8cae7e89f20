"""What follows from how a job went: whether it may be tried again, and what its check run may claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pushpals.model import Evidence, FailureKind, JobRecord, JobState

Conclusion = Literal["success", "neutral", "failure", "action_required", "cancelled"]

MAX_ATTEMPTS: Final = 3
MAX_OWN_ROUNDS: Final = 2
"""How often red checks or a conflict call a worker by themselves; after that a person is asked."""
_REPEATED: Final = frozenset({FailureKind.INFRASTRUCTURE, FailureKind.MODEL})
_ASKING: Final = frozenset({FailureKind.AMBIGUOUS, FailureKind.BUDGET})
_PUBLISHED: Final = frozenset({JobState.PUBLISHED, JobState.APPROVED, JobState.INTEGRATING, JobState.MERGED})


def may_retry(kind: FailureKind, failures: Sequence[FailureKind]) -> bool:
    """Tell whether a job that failed with `kind` may be tried again; `failures` are its earlier retries.

    Infrastructure and model failures: at most 3 attempts in all. A timeout: once, from the checkpoint. Others
    need a person, a smaller request or another rule, so trying again would only repeat them.
    """
    if len(failures) + 1 >= MAX_ATTEMPTS:
        return False
    return kind in _REPEATED or (kind is FailureKind.TIMEOUT and kind not in failures)


def retry_delay_seconds(failures: Sequence[FailureKind]) -> float:
    """Return how long to wait before the next attempt: 15 seconds, then 60. `failures`: earlier retries."""
    return 15.0 * 4.0 ** len(failures)


def conclusion(record: JobRecord) -> Conclusion | None:
    """Return what the job's check run may conclude, or None while there is nothing to conclude.

    Success is claimed only for a real change whose every check passed on the exact tree, with nothing
    refused, skipped or thin. What is published with less is neutral, or a failure when a check fails.
    """
    if record.state in {JobState.CANCELLED, JobState.SUPERSEDED}:
        return "cancelled"
    if record.state is JobState.WAITING:
        return "action_required"
    if record.state is JobState.FAILED:
        return _failed(record)
    return _published(record) if record.state in _PUBLISHED else None


def doubts(record: JobRecord) -> tuple[str, ...]:
    """Return why a published job is not a success, one phrase each; empty when it is one."""
    report, evidence = record.report, record.report.evidence
    if evidence is None:
        return ("no checks were run",)
    ran = {check.command for check in evidence.head}
    found = (
        (not report.files, "nothing changed"),
        (record.tree is None or evidence.tree != record.tree, "the checks ran on another tree"),
        (not evidence.head, "no checks were run"),
        (not ran.issuperset(record.task.checks), "a check was skipped"),
        (not all(check.ok for check in evidence.head), "a check fails"),
        (bool(ran) and all(check.passed == 0 for check in evidence.head), "the checks ran no test"),
        (bool(evidence.thin), f"the evidence is thin: {evidence.thin}"),
        (bool(report.review and report.review.unread), "the model's review is missing"),
        (bool(report.refused), "something was refused"),
        (bool(record.denied), "a command was denied"),
        (record.usage.refused > 0, "a command was refused"),
    )
    return tuple(dict.fromkeys(phrase for is_so, phrase in found if is_so))


def _failed(record: JobRecord) -> Conclusion:
    kind = record.failure.kind if record.failure else None
    if kind is FailureKind.CANCELLED:
        return "cancelled"
    return "action_required" if kind in _ASKING else "failure"


def _published(record: JobRecord) -> Conclusion:
    report, evidence = record.report, record.report.evidence
    broken = evidence is not None and breaks_something(evidence)
    if broken or not report.files or any(finding.blocking for finding in report.findings):
        return "failure"
    return "neutral" if doubts(record) else "success"


def breaks_something(evidence: Evidence) -> bool:
    """Tell whether a check fails on the head for more than what failed on the base before the change.

    Where tests were red before, a change that mends some of them and breaks none is not called a failure.
    """
    before = {check.command: check for check in evidence.base}
    for check in evidence.head:
        was = before.get(check.command)
        named = bool(check.failing) and not check.unnamed
        if check.ok or (was and not was.ok and named and set(check.failing) <= set(was.failing)):
            continue
        return True
    return False


def mended(evidence: Evidence) -> list[str]:
    """Return the tests that failed on base and pass here, as far as the output proves that they do."""
    here = {result.command: result for result in evidence.head}
    fixed: dict[str, None] = {}
    for was in evidence.base:
        now = here.get(was.command)
        # A check that was stopped, or does not name all that fails, says nothing of the tests it leaves out.
        if now and (now.ok or (now.ended == "exited" and 0 < (now.failed or 0) <= len(now.failing))):
            fixed |= dict.fromkeys(name for name in was.failing if name not in now.failing)
    return list(fixed)
