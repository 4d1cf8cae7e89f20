"""From a cause to a request with a plan, and to a job in the queue."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.audit.chain import AuditEvent, Chain
from pushpals.ledger import job_ref
from pushpals.localbuddy.request import comments_to_show, mentioned, read_request
from pushpals.loop.hands import entry_of
from pushpals.loop.planning import draft
from pushpals.loop.requests import save_request
from pushpals.loop.rules.common import number_of
from pushpals.loop.rules.places import head_of
from pushpals.loop.services import Event
from pushpals.model import JobRecord, JobState, RequestRecord
from pushpals.policy.repo_policy import RepoPolicy

if TYPE_CHECKING:
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot


async def open_request(step: steps.OpenRequest, s: Snapshot, hands: Hands) -> Snapshot:
    """Record who asked for what, with a plan made on the default branch as it stands.

    Where the day has had its jobs nothing is recorded, and the snapshot tells how many there were.
    """
    if not isinstance(s.policy, RepoPolicy):
        raise TypeError("a request was opened under a policy that cannot be read")
    old = s.ledger.request
    # In a thread: hostile text of GitHub's size can keep the cleaner busy for seconds.
    said = comments_to_show(s.view, s.roles, s.policy)
    linked = await hands.repo.client.linked(mentioned(s.view, said))
    request = await asyncio.to_thread(
        read_request, s.view, step.cause, step.asker, step.asked_at, said, linked=linked
    )
    made = await draft(request, s, hands)
    now = hands.services.clock.now()
    record = RequestRecord(
        request=request,
        plan=made.plan,
        base=made.base,
        policy_digest=made.policy_digest,
        drafted_by=hands.services.holder if made.ask else None,
        role_problems=made.role_problems,
        created_at=now,
        causes=(*(old.record.causes if old else ()), step.cause),
        first=max((number_of(job.record) for job in s.ledger.jobs), default=0) + 1,
    )
    message = f"{step.asker.login} asked for #{request.number}: {prose.one_line(request.title, 60)}"
    async with hands.repo.beginning:
        begun = await hands.repo.ledger.begun_since(now - timedelta(days=1))
        if begun >= s.policy.budget.jobs:
            return replace(s, begun=begun)
        entry = await save_request(hands, old, record, message)
    return replace(s, ledger=replace(s.ledger, request=entry))


async def join_request(step: steps.JoinRequest, s: Snapshot, hands: Hands) -> Snapshot:
    """Record that a further cause is answered by the job under way."""
    old = s.ledger.request
    if old is None:
        return s
    record = old.record.model_copy(update={"causes": (*old.record.causes, step.cause)})
    entry = await save_request(hands, old, record, "Asked again while the answer is under way.")
    return replace(s, ledger=replace(s.ledger, request=entry))


async def queue_job(step: steps.QueueJob, s: Snapshot, hands: Hands) -> Snapshot:
    """Create the job of a task. Two processes that do so at once make the same ref: one wins."""
    if s.ledger.request is None:
        return s
    request = s.ledger.request.record
    task = request.plan.tasks[step.index]
    job_id = request.job_id(step.index)
    below = entry_of(s, step.onto).record if step.onto else None
    if below is not None and below.head is None:
        raise ValueError(f"job {job_id} cannot build on {below.id}, which has no commit")
    # What its dependencies brought is on the default branch by now, unless it builds on one of them.
    # There the branch's tip counts: people may have pushed to it, or merged into it.
    tip = head_of(s, below) if below else None
    base = tip or (s.ledger.base if task.depends_on else request.base)
    now = hands.services.clock.now()
    record = JobRecord(
        id=job_id,
        request=request.request.number,
        cause=request.request.cause,
        task=task,
        index=step.index,
        state=JobState.QUEUED,
        base=base,
        onto=below.branch if below else None,
        branch=f"agent/{task.role.replace('_', '-')}/{job_id}",
        by=hands.services.holder,
        nonce=secrets.token_hex(8),
        created_at=now,
        updated_at=now,
        queued_at=now,
    )
    message = f"Job {job_id} is queued for {prose.role_name(task.role)}."
    line = Chain(job_id).append(
        AuditEvent(
            at=now,
            kind="state",
            text=message,
            attributes={
                "state": "queued",
                "asker": request.request.asker.model_dump(),
                "cause": request.request.cause,
                "request_digest": request.request.digest,
                "policy_digest": request.policy_digest,
                "base": base,
            },
        )
    )
    ref = job_ref(job_id)
    entry = await hands.repo.ledger.create(ref, record, files={}, audit=(line,), message=message, when=now)
    hands.services.board.put(hands.repo.ref, entry)
    hands.services.overview.moved(hands.repo.ref, None, record)
    hands.services.watch(Event(s.ref, "state", message, job_id))
    jobs = sorted((*s.ledger.jobs, entry), key=lambda each: number_of(each.record))
    return replace(s, ledger=replace(s.ledger, jobs=tuple(jobs)))
