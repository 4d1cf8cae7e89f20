"""A job on its way: from the queue to a pull request, and what becomes of that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pushpals.localbuddy import picture
from pushpals.loop import steps
from pushpals.loop.rules.common import (
    BEFORE_PUBLICATION,
    NEEDS_ASKER,
    allowed,
    asked_by_command,
    labelled,
    orphaned,
    ours,
    plan_jobs,
)
from pushpals.loop.rules.pictures import picture_steps
from pushpals.model import ENDED, Failure, FailureKind, JobState, WaitReason
from pushpals.policy.access import Refused
from pushpals.policy.budget import day_over
from pushpals.policy.repo_policy import RepoPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, RequestRecord

MAX_ATTEMPTS = 3
RUN_PATIENCE = timedelta(minutes=15)
"""How long a workflow run that was asked for may take until it claims its job."""
MOST_RUNS_ASKED = 3


def job_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """What is owed to the jobs of the plan: ends first, then what is under way, then what may start."""
    if s.ledger.request is None:
        return []
    label = None if asked_by_command(s.ledger.request.record) else policy.trigger.label
    return (
        ending_steps(s, label)
        or published_steps(s)
        or _advance_steps(s, policy, s.ledger.request.record)
        or _new_day_steps(s)
        or _start_steps(s, policy)
    )


def ending_steps(s: Snapshot, label: str | None) -> list[steps.Step]:
    """Closing the issue or removing the label stops the work, up to the moment of publication.

    `label` None: no label stands for the request, or which one does is not known.
    """
    if s.view.state != "OPEN":
        cause = "The issue was closed before the work was published."
    elif label is not None and not labelled(s.view, label):
        cause = f"The label `{label}` was removed before the work was published."
    else:
        return []
    again = "Nothing was published. On the open issue, `/pushpals run` or the label starts anew."
    failure = Failure(kind=FailureKind.CANCELLED, cause=cause, next_step=again)
    return [
        steps.EndJob(entry.record.id, failure)
        for entry in plan_jobs(s.ledger)
        # What takes a change back is asked for when the issue is closed already.
        if entry.record.state in BEFORE_PUBLICATION and entry.record.head is None and not entry.record.reverts
    ]


def published_steps(s: Snapshot) -> list[steps.Step]:
    """What people did with pull requests: merged ones and closed ones end their jobs."""
    return [step for entry in plan_jobs(s.ledger) for step in _after_publication(s, entry.record)]


def _after_publication(s: Snapshot, job: JobRecord) -> Iterator[steps.Step]:
    pulls = s.view.pulls.get(job.branch, ())
    if job.head is None or job.state in ENDED or not pulls:
        return
    if job.gathered and job.state is JobState.INTEGRATING:
        return  # it waits elsewhere by now: what becomes of that decides
    if any(pull.merged for pull in pulls):
        yield steps.MarkMerged(job.id)
    elif all(pull.state == "CLOSED" for pull in pulls):
        failure = Failure(
            kind=FailureKind.CANCELLED,
            cause=f"Pull request #{pulls[0].number} was closed without merging.",
            next_step="`/pushpals run` on the issue starts anew.",
        )
        yield steps.EndJob(job.id, failure, for_good=True)


def tidy_steps(s: Snapshot, _policy: RepoPolicy) -> list[steps.Step]:
    """Branches of merged jobs are cleared away, once no open pull request goes to them.

    GitHub closes pull requests whose base branch is deleted by a push, so those are led elsewhere first.
    """
    bases = {pull.base_ref for pulls in s.view.pulls.values() for pull in pulls if pull.state == "OPEN"}
    return [
        steps.DeleteBranch(job.id)
        for job in (entry.record for entry in plan_jobs(s.ledger))
        if job.state is JobState.MERGED and job.head and not job.branch_gone
        if job.branch not in bases and ours(s, job)
    ]


def _advance_steps(s: Snapshot, policy: RepoPolicy, request: RequestRecord) -> list[steps.Step]:
    """One step for each job on its way to publication, those that need no worker first."""
    found: list[steps.Step] = []
    for entry in plan_jobs(s.ledger):
        job = entry.record
        if job.state in NEEDS_ASKER or orphaned(s, job):
            who = job.asker or request.request.asker
            asker = allowed(s, policy, who)
            if isinstance(asker, Refused):
                found.append(steps.EndJob(job.id, _access_lost(who.login, asker)))
                continue
        if orphaned(s, job) and job.attempt >= MAX_ATTEMPTS:
            found.append(steps.EndJob(job.id, _gave_up(job)))
        elif job.state is JobState.PROPOSED and ours(s, job) and job.id not in s.working:
            found.append(steps.GateJob(job.id))
        elif job.state is JobState.GATED and ours(s, job):
            found.append(steps.PublishJob(job.id))
    return found


def day_spent(s: Snapshot, job: JobRecord) -> str | None:
    """Return why a job may not begin today, as far as it was looked up what the day has cost."""
    if s.spent is None or not isinstance(s.policy, RepoPolicy):
        return None
    return day_over(s.policy, s.spent, job.budget_factor)


def _new_day_steps(s: Snapshot) -> list[steps.Step]:
    """What waited for another day goes on when it has come."""
    return [
        steps.TakeUp(entry.record.id)
        for entry in plan_jobs(s.ledger)
        if entry.record.state is JobState.WAITING and entry.record.waiting is WaitReason.DAY
        if entry.record.updated_at.date() < s.now.date() and ours(s, entry.record)
    ]


def _start(s: Snapshot, job: JobRecord) -> steps.StartJob | steps.PauseJob:
    why = day_spent(s, job)
    return steps.PauseJob(job.id, why) if why else steps.StartJob(job.id)


def _start_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """Jobs in the queue, and claims that nobody holds any more, go to a free worker."""
    queued = [entry.record for entry in plan_jobs(s.ledger) if entry.record.state is JobState.QUEUED]
    due = [job for job in queued if not job.not_before or job.not_before <= s.now]
    later = [job.not_before for job in queued if job.not_before and job.not_before > s.now]
    if policy.dispatch not in s.works_for:
        return _asking_steps(s, due, later) if policy.dispatch == "actions" else []
    lost = [entry.record for entry in plan_jobs(s.ledger) if orphaned(s, entry.record)]
    acknowledged = picture.progress_comment_of(s.view) is not None
    # Whoever made a job is about to acknowledge it; the acknowledgement goes before the start, since a
    # person should not wait for a worker to hear of it.
    if lost and s.free:
        return [_start(s, job) for job in lost]
    starts = [_start(s, job) for job in due if s.free and (acknowledged or ours(s, job))]
    if not starts and not later:
        return []
    return [*picture_steps(s), *starts, *([steps.Wake(min(later))] if later and not starts else [])]


def _asking_steps(s: Snapshot, due: list[JobRecord], later: list[datetime]) -> list[steps.Step]:
    """Runs of the workflow are asked for: at once, and again while none has come."""
    mine = [job for job in due if ours(s, job) and len(job.runs_asked) < MOST_RUNS_ASKED]
    waits = {job.id: job.runs_asked[-1] + RUN_PATIENCE for job in mine if job.runs_asked}
    asks = [steps.AskForRun(job.id) for job in mine if waits.get(job.id, s.now) <= s.now]
    times = [*later, *(at for at in waits.values() if at > s.now)]
    if not asks and not times:
        return []
    return [*picture_steps(s), *asks, *([steps.Wake(min(times))] if times and not asks else [])]


def _access_lost(login: str, refused: Refused) -> Failure:
    return Failure(
        kind=FailureKind.ACCESS,
        cause=f"`{login}` asked for this and may no longer: {refused.reason}",
        next_step=f"Somebody with the role {' or '.join(refused.who_may)} can say `/pushpals retry`.",
        rule=refused.rule,
    )


def _gave_up(job: JobRecord) -> Failure:
    return Failure(
        kind=FailureKind.INFRASTRUCTURE,
        cause=f"The process that worked on it ended {job.attempt} times without finishing.",
        next_step="Look at the server's log and `pushpals doctor`, then say `/pushpals retry`.",
    )
