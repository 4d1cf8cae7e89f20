"""Perform one step. A crash between any two lines is mended by doing the step again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.github import WriteFailed
from pushpals.loop import intake, landing, steps
from pushpals.loop.hands import Again, Hands, entry_of
from pushpals.loop.observe import with_written
from pushpals.loop.services import Event
from pushpals.model import ENDED, FailureKind, JobState

if TYPE_CHECKING:
    from pushpals.loop.snapshot import Snapshot


async def act(step: steps.Step, s: Snapshot, hands: Hands) -> Snapshot:  # noqa: C901, PLR0911 - one arm a step
    """Perform `step` and return the snapshot as it then is.

    Raises Again when GitHub moved in the meantime; ClaimLost, GitError and GitHubError from the adapters.
    """
    match step:
        case steps.OpenRequest():
            return await intake.open_request(step, s, hands)
        case steps.JoinRequest():
            return await intake.join_request(step, s, hands)
        case steps.QueueJob():
            return await intake.queue_job(step, s, hands)
        case steps.StartJob():
            return await hands.crew.start(entry_of(s, step.job), s, hands)
        case steps.GateJob():
            return hands.crew.gate(entry_of(s, step.job), s, hands)
        case steps.PublishJob():
            return await landing.publish_job(entry_of(s, step.job), s, hands)
        case steps.EndJob():
            return await _end_job(step, s, hands)
        case steps.MarkMerged():
            return await _mark_merged(step, s, hands)
        case steps.Write():
            return await _write(step, s, hands)
        case steps.Wake():
            return s


async def _end_job(step: steps.EndJob, s: Snapshot, hands: Hands) -> Snapshot:
    entry = entry_of(s, step.job)
    if entry.record.state in ENDED:
        return s
    stopped = await hands.crew.stop(hands.repo.ref, step.job)
    if stopped:
        raise Again  # the worker may have moved the record on its way out
    cancelled = step.failure.kind is FailureKind.CANCELLED
    state = JobState.CANCELLED if cancelled else JobState.FAILED
    return await hands.record(s, entry, {"state": state, "failure": step.failure}, step.failure.cause)


async def _mark_merged(step: steps.MarkMerged, s: Snapshot, hands: Hands) -> Snapshot:
    if await hands.crew.stop(hands.repo.ref, step.job):
        raise Again  # another round was under way, and its worker may have moved the record on its way out
    entry = entry_of(s, step.job)
    s = await hands.record(s, entry, {"state": JobState.MERGED}, "The pull request was merged.")
    if s.ledger.request and len(s.ledger.request.record.plan.tasks) > 1:
        raise Again  # the next task may start now, for which the asker's role is read
    return s


async def _write(step: steps.Write, s: Snapshot, hands: Hands) -> Snapshot:
    written = await hands.repo.client.write(*step.mutations)
    names = ", ".join(type(mutation).__name__ for mutation in step.mutations)
    hands.services.watch(Event(s.ref, "write", names))
    failed = [result for result in written if isinstance(result, WriteFailed)]
    if any(failure.kind in {"already_exists", "unknown"} for failure in failed):
        raise Again
    if failed:
        raise failed[0]
    return with_written(s, step.mutations, written)
