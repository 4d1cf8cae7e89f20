"""Which tasks of a plan have their job, and which may get one: in the order that their dependencies allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.loop import steps
from pushpals.loop.rules.common import asked_by_command, jobs_by_task, labelled, plan_jobs, plan_waits
from pushpals.model import ENDED, ON_A_BRANCH, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushpals.ledger import Entry, LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord
    from pushpals.policy.repo_policy import RepoPolicy


def lacks_jobs(ledger: LedgerView) -> bool:
    """True when a task of the plan may get its job now: a process may end between the two."""
    return bool(ready_tasks(ledger))


def ready_tasks(ledger: LedgerView) -> list[steps.QueueJob]:
    """Return the tasks without a job whose dependencies are published or merged.

    A task may build on one branch that is not merged yet; with several of those it waits, since a pull
    request has one base.
    """
    if ledger.request is None or ledger.request.record.stopped or plan_waits(ledger.request.record):
        return []
    jobs, found = jobs_by_task(ledger), []
    for index, task in enumerate(ledger.request.record.plan.tasks):
        if index in jobs:
            continue
        before = [jobs.get(other) for other in task.depends_on]
        states = [entry.record.state if entry else None for entry in before]
        lies_on = {ground.id: ground.state for entry in before if (ground := _ground(jobs, entry))}
        good = all(state in ON_A_BRANCH | {JobState.MERGED} for state in (*states, *lies_on.values()))
        if good and len(lies_on) <= 1:
            found.append(steps.QueueJob(index, next(iter(lies_on), None)))
    return found


def _ground(jobs: Mapping[int, Entry[JobRecord]], entry: Entry[JobRecord] | None) -> JobRecord | None:
    """Return the job on whose branch a dependency's work lies; None when that is the default branch.

    What was merged before the job that it builds on lies on the branch of that one.
    """
    job = entry.record if entry else None
    if job is None or job.state is not JobState.MERGED:
        return job
    return _ground(jobs, next((below for below in jobs.values() if below.record.branch == job.onto), None))


def under_way(s: Snapshot) -> bool:
    """True while anything of the plan goes on, or will."""
    if s.ledger.request and plan_waits(s.ledger.request.record):
        return True
    return lacks_jobs(s.ledger) or any(job.record.state not in ENDED for job in plan_jobs(s.ledger))


def queue_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """Tasks whose turn has come get their job.

    The first ones do so whatever became of the label meanwhile: what was asked is on record, and so is how it
    ends. Later ones only while the request stands.
    """
    if s.ledger.request is None:
        return []
    stands = s.view.state == "OPEN" and (
        asked_by_command(s.ledger.request.record) or labelled(s.view, policy.trigger.label)
    )
    ready = ready_tasks(s.ledger)
    fresh = not plan_jobs(s.ledger)
    return [*ready] if stands else [*ready[:1]] if fresh else []
