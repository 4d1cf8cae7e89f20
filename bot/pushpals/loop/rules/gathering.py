"""The second delivery, as a job sees it: whether its change is gathered without a pull request of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.loop.rules.common import plan_jobs
from pushpals.model import Gathered, JobState
from pushpals.policy.plan_gate import may_land
from pushpals.source_control.rolling import held

if TYPE_CHECKING:
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord
    from pushpals.policy.repo_policy import RepoPolicy

_ON_ITS_WAY = frozenset({JobState.APPROVED, JobState.INTEGRATING, JobState.MERGED})


def why_not_gathered(s: Snapshot, policy: RepoPolicy, job: JobRecord) -> str | None:
    """Return why a job's change may not be gathered with nobody's approval, as a sentence; None when it may.

    It then gets a pull request of its own, where a person judges it.
    """
    request = s.ledger.request
    if not policy.gathers or policy.integration.train == "never":
        return f"The policy gathers no changes (`delivery`, {policy.where('delivery')})."
    if s.view.pulls.get(job.branch):
        return "It has a pull request of its own."
    if job.head is None or request is None:
        return "Nothing of it is published."
    if job.reverts:
        return "It takes a change back, as somebody asked."
    if any(finding.blocking for finding in job.report.findings):
        return "The review objects to it."
    below = next((entry.record for entry in plan_jobs(s.ledger) if entry.record.branch == job.onto), None)
    if below is not None and below.state not in _ON_ITS_WAY:
        return f"What it builds on, {below.id}, is not on its way."
    return may_land(request.record, job, ())


def gathered_of(s: Snapshot, job: JobRecord) -> Gathered | None:
    """Return where exactly what is on the job's branch is gathered, if it is."""
    train = s.ledger.train.record if s.ledger.train else None
    rolling = train.rolling if train else None
    if rolling is None or held(train, job.id, job.head) is None:
        return None
    return Gathered(branch=rolling.branch, pull=rolling.pull)
