"""Perform one step. A crash between any two lines is mended by doing the step again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pushpals.github import WriteFailed
from pushpals.loop import (
    allowing,
    conversing,
    intake,
    integrating,
    landing,
    planning,
    pull_review,
    reverting,
    rounds,
    spending,
    steps,
    writes,
)
from pushpals.loop.away import RUN_EVENT
from pushpals.loop.hands import Again, Hands, entry_of
from pushpals.loop.observe import with_written
from pushpals.loop.rounds import ended
from pushpals.loop.rules import jobs
from pushpals.loop.services import Event
from pushpals.model import ENDED, JobState, WaitReason

if TYPE_CHECKING:
    from pushpals.loop.snapshot import Snapshot

Actor = Callable[[Any, "Snapshot", Hands], Awaitable["Snapshot"]]


async def act(step: steps.Step, s: Snapshot, hands: Hands) -> Snapshot:
    """Perform `step` and return the snapshot as it then is.

    Raises Again when GitHub moved in the meantime; ClaimLost, GitError and GitHubError from the adapters.
    """
    return await ACTORS[type(step)](step, s, hands)


async def _start_job(step: steps.StartJob, s: Snapshot, hands: Hands) -> Snapshot:
    """Begin a job, unless the day is spent: then the snapshot tells so, and it is decided again."""
    entry = entry_of(s, step.job)
    s = replace(s, spent=await spending.so_far(hands.services, hands.repo))
    if jobs.day_spent(s, entry.record):
        return s
    return await hands.crew.start(entry, s, hands)


async def _ask_for_run(step: steps.AskForRun, s: Snapshot, hands: Hands) -> Snapshot:
    """Ask, then record it: asked twice, the second run finds nothing left to claim."""
    entry = entry_of(s, step.job)
    await hands.repo.client.dispatch(RUN_EVENT, {"issue": str(s.ref.number)})
    asked = {"runs_asked": (*entry.record.runs_asked, s.now)}
    return await hands.record(s, entry, asked, "A workflow run is asked for.")


async def _pause_job(step: steps.PauseJob, s: Snapshot, hands: Hands) -> Snapshot:
    waits = {"state": JobState.WAITING, "waiting": WaitReason.DAY, "asks": step.why, "holder": None}
    return await hands.record(s, entry_of(s, step.job), waits, step.why)


async def _take_up(step: steps.TakeUp, s: Snapshot, hands: Hands) -> Snapshot:
    entry = entry_of(s, step.job)
    goes_on = {**rounds.FRESH, "resumes": entry.record.resumes}
    await hands.record(s, entry, goes_on, "A new day has begun.")
    raise Again  # the work may start now, for which the asker's role is read


async def _gate_job(step: steps.GateJob, s: Snapshot, hands: Hands) -> Snapshot:
    return hands.crew.gate(entry_of(s, step.job), s, hands)


async def _publish_job(step: steps.PublishJob, s: Snapshot, hands: Hands) -> Snapshot:
    return await landing.publish_job(entry_of(s, step.job), s, hands)


async def _wake(_step: steps.Wake, s: Snapshot, _hands: Hands) -> Snapshot:
    return s


async def _end_job(step: steps.EndJob, s: Snapshot, hands: Hands) -> Snapshot:
    entry = entry_of(s, step.job)
    if entry.record.state in ENDED:
        return s
    stopped = await hands.crew.stop(hands.repo.ref, step.job)
    if stopped:
        raise Again  # the worker may have moved the record on its way out
    ending = ended(entry.record, step.failure, for_good=step.for_good, cause=step.cause)
    return await hands.record(s, entry, ending, step.failure.cause)


async def _mark_merged(step: steps.MarkMerged, s: Snapshot, hands: Hands) -> Snapshot:
    if await hands.crew.stop(hands.repo.ref, step.job):
        raise Again  # another round was under way, and its worker may have moved the record on its way out
    entry = entry_of(s, step.job)
    s = await hands.record(s, entry, {"state": JobState.MERGED}, "The pull request was merged.")
    if s.ledger.request and len(s.ledger.request.record.plan.tasks) > 1:
        raise Again  # the next task may start now, for which the asker's role is read
    return s


async def _write(step: steps.Write, s: Snapshot, hands: Hands) -> Snapshot:
    written = await writes.write(hands.repo.client, step.mutations, urgent=step.urgent)
    names = ", ".join(type(mutation).__name__ for mutation in step.mutations)
    hands.services.watch(Event(s.ref, "write", names))
    failed = [result for result in written if isinstance(result, WriteFailed)]
    if any(failure.kind in {"already_exists", "unknown"} for failure in failed):
        raise Again
    if failed:
        raise failed[0]
    return with_written(s, step.mutations, written)


ACTORS: Mapping[type[steps.Step], Actor] = {
    steps.OpenRequest: intake.open_request,
    steps.JoinRequest: intake.join_request,
    steps.MakePlan: planning.make,
    steps.ProposePlan: planning.propose,
    steps.ApprovePlan: planning.approve,
    steps.StopPlan: planning.stop,
    steps.AskAboutPlan: planning.ask,
    steps.AnswerQuestion: planning.answer,
    steps.ReadAgain: planning.read_again,
    steps.QueueJob: intake.queue_job,
    steps.StartJob: _start_job,
    steps.AskForRun: _ask_for_run,
    steps.PauseJob: _pause_job,
    steps.TakeUp: _take_up,
    steps.GateJob: _gate_job,
    steps.PublishJob: _publish_job,
    steps.EndJob: _end_job,
    steps.GoOn: rounds.go_on,
    steps.Retry: rounds.retry,
    steps.Resume: rounds.resume,
    steps.AllowAlways: allowing.allow_always,
    steps.MarkMerged: _mark_merged,
    steps.DeleteBranch: landing.delete_branch,
    steps.CancelWork: conversing.cancel_work,
    steps.AskModel: conversing.ask_model,
    steps.ReviewPull: pull_review.review_pull,
    steps.RevertJob: reverting.revert_job,
    steps.ApproveJob: integrating.approve_job,
    steps.VoidApproval: integrating.void_approval,
    steps.TakeBack: integrating.take_back,
    steps.NoteRide: integrating.note_ride,
    steps.Write: _write,
    steps.Wake: _wake,
}
"""Who performs which step."""
