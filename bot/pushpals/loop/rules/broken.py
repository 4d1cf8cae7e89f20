"""When the policy or a record cannot be read: nothing starts, nothing is published, and people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.localbuddy import picture
from pushpals.loop import steps
from pushpals.loop.rules.causes import newest_cause
from pushpals.loop.rules.common import DEFAULT_POLICY, labelled, plan_jobs
from pushpals.loop.rules.jobs import ending_steps, published_steps
from pushpals.loop.rules.pictures import picture_steps
from pushpals.model import Failure, FailureKind, JobState
from pushpals.policy.repo_policy import RepoPolicy

if TYPE_CHECKING:
    from pushpals.ledger import LedgerDamaged
    from pushpals.loop.snapshot import Snapshot
    from pushpals.policy.repo_policy import PolicyProblem


def with_broken_policy(s: Snapshot, problem: PolicyProblem) -> list[steps.Step]:
    """Nothing starts and nothing is published under a policy that cannot be read."""
    if found := ending_steps(s, label=None) or published_steps(s) or _held_back(s, problem):
        return found
    # Which label starts work cannot be known from a file that cannot be read: the default one counts.
    cause_event = newest_cause(s.view, s.ledger, DEFAULT_POLICY.trigger.label)
    if cause_event is None:
        return picture_steps(s)
    owed = picture.broken_policy(s.view, s.ledger.base, cause_event, problem)
    return [steps.Write(owed)] if owed else picture_steps(s)


def _held_back(s: Snapshot, problem: PolicyProblem) -> list[steps.Step]:
    cause = f"`.github/pushpals.yml` is not valid (line {problem.line}: {problem.message})."
    failure = Failure(
        kind=FailureKind.POLICY,
        cause=cause,
        next_step="Mend the file on the default branch, then say `/pushpals retry`.",
        rule=f".github/pushpals.yml line {problem.line}",
    )
    return [
        steps.EndJob(entry.record.id, failure)
        for entry in plan_jobs(s.ledger)
        if entry.record.state in {JobState.PROPOSED, JobState.GATED}
    ]


def with_damaged_record(s: Snapshot, damage: LedgerDamaged) -> list[steps.Step]:
    """Nothing is built on a record that cannot be read; who asked for work is told so once."""
    policy = s.policy if isinstance(s.policy, RepoPolicy) else DEFAULT_POLICY
    if s.view.state != "OPEN" or not labelled(s.view, policy.trigger.label):
        return []
    owed = picture.damaged_record(s.view, damage)
    return [steps.Write(owed)] if owed else []
