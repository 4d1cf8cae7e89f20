"""Take a merged change back: the reverse of what landed, proposed as a job, judged and published like any."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.audit.chain import AuditEvent, Chain
from pushpals.audit.prose import integration as words
from pushpals.git import GitError
from pushpals.ledger import job_ref
from pushpals.loop.hands import entry_of
from pushpals.loop.rules.common import number_of
from pushpals.loop.services import Event
from pushpals.model import JobRecord, JobState, Patch, Report, Task, Usage

if TYPE_CHECKING:
    from pushpals.git import Mirror
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Sha


async def revert_job(step: steps.RevertJob, s: Snapshot, hands: Hands) -> Snapshot:
    """Propose the reverse of a merged job's change, on the base branch as it is now.

    Two processes that do so at once make the same ref: one wins. A change that does not come off
    cleanly makes a job that failed, so that people are told and the command is served.
    """
    old, request = entry_of(s, step.job).record, s.ledger.request
    if request is None:
        return s
    patch = await _reverse(hands.repo.mirror, old, s.ledger.base, step.merged_as)
    numbers = [number_of(entry.record) for entry in s.ledger.jobs]
    number = max(*numbers, request.record.first + len(request.record.plan.tasks) - 1) + 1
    job_id, now = f"{old.request}-{number}", hands.services.clock.now()
    record = JobRecord(
        id=job_id,
        request=old.request,
        cause=step.cause,
        task=_task(old),
        index=number - request.record.first,
        state=JobState.PROPOSED if patch else JobState.FAILED,
        failure=None if patch else words.does_not_come_off(old.id),
        base=s.ledger.base,
        branch=f"agent/revert/{job_id}",
        by=hands.services.holder,
        asker=step.by,
        served=(step.cause,),
        report=Report(files=patch.files if patch else ()),
        usage=Usage(model="none"),
        # Nobody works on it who could have another go.
        sent_back=1,
        reverts=old.id,
        nonce=secrets.token_hex(8),
        created_at=now,
        updated_at=now,
    )
    message = f"{step.by.login} asked to take back {old.id}."
    line = Chain(job_id).append(
        AuditEvent(
            at=now,
            kind="state",
            text=message,
            attributes={"state": record.state.value, "asker": step.by.model_dump(), "cause": step.cause},
        )
    )
    entry = await hands.repo.ledger.create(
        job_ref(job_id),
        record,
        files={"patch.diff": patch.diff} if patch else {},
        audit=(line,),
        message=message,
        when=now,
    )
    hands.services.watch(Event(s.ref, "state", message, job_id, record.state))
    return replace(s, ledger=replace(s.ledger, jobs=(*s.ledger.jobs, entry)))


async def _reverse(mirror: Mirror, job: JobRecord, base: Sha, merged_as: Sha | None) -> Patch | None:
    """Return the patch on `base` that takes a job's change back; None when it does not come off cleanly."""
    if job.head is None:
        return None
    try:
        landed = await mirror.landed_in(job.head, base)
        if landed is None and merged_as and await mirror.is_ancestor(merged_as, base):
            landed = merged_as  # squashed or rebased: one commit holds all of it
        landed = await _within(mirror, job.head, landed) if landed else None
        parents = (await mirror.log(landed, limit=1))[0].parents if landed else ()
        if landed is None or not parents:
            return None
        diff = await mirror.diff(landed, parents[0])
        patch = Patch(base=base, diff=diff, files=await mirror.diff_files(landed, parents[0]))
        await mirror.apply(patch)
    except GitError:
        return None
    return patch if patch.files else None


async def _within(mirror: Mirror, head: Sha, landed: Sha) -> Sha:
    """Return the merge that brought `head` alone, where it was gathered with others before it landed."""
    while True:
        parents = (await mirror.log(landed, limit=1))[0].parents
        side = parents[1] if len(parents) > 1 and parents[1] != head else None
        inner = await mirror.landed_in(head, side) if side else None
        if inner is None:
            return landed
        landed = inner


def _task(old: JobRecord) -> Task:
    """Return the task to take `old` back: it may touch what that might, judged by the same checks."""
    return Task(
        goal=f"Take back {old.id}: {old.task.goal}"[:200],
        scope=old.task.scope,
        checks=old.task.checks,
        check_minutes=old.task.check_minutes,
        no_check_reason=old.task.no_check_reason,
        role=old.task.role,
        risk=old.task.risk,
    )
