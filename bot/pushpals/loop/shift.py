"""One worker's shift on one job: workspace, sandbox, agent, patch; with a heartbeat all the while."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pushpals.audit import prose
from pushpals.git import GitError, WorkspaceTooLarge
from pushpals.github import GitHubError, Mutation, UpdateCheckRun, UpdateComment
from pushpals.ledger import LedgerError
from pushpals.localbuddy import picture
from pushpals.localbuddy.pull_picture import pull_numbers
from pushpals.loop.assignment import assignment_of
from pushpals.loop.hands import advance
from pushpals.loop.landing import gate_job
from pushpals.loop.logbook import Logbook, add_usage
from pushpals.loop.rounds import checkpoint_of, ended, merges_alone, origin_of
from pushpals.loop.rules.common import plan_jobs
from pushpals.loop.services import Event
from pushpals.loop.writes import refreshes_rest
from pushpals.model import Failure, FailureKind, JobState, Report, Usage, WaitReason
from pushpals.policy.job import may_retry, retry_delay_seconds
from pushpals.sandbox import Limits, SandboxUnavailable, remove_tree
from pushpals.source_control.gate import better_than_base, no_worse_than_base
from pushpals.workerpals import Outcome, work
from pushpals.workerpals.events import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pushpals.audit.redact import Redactor
    from pushpals.git import Capture
    from pushpals.ledger import Entry
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Sha
    from pushpals.workerpals import Assignment
    from pushpals.workerpals.assignment import Checkpoint, Wish

log = logging.getLogger(__name__)

REASON_LIMIT = 500
"""Characters of a worker's reason for a command."""


OVERTIME: Final = 900.0
"""Seconds that a worker may take beyond its budget of time: the last checks run then. After that it hangs."""
NOTHING_DONE = Outcome(words="", usage=Usage(), base_checks=(), head_checks=(), failure=None)


class Shift:
    """Works on a job that has just been claimed, and records how it went."""

    def __init__(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> None:
        """`entry` is the claim; `s` the snapshot it was made on."""
        self._entry = entry
        self._s = s
        self._hands = hands
        self._services = hands.services
        self._repo = hands.repo
        self._book = Logbook(s.ref, entry.record, hands.services)
        self._before = entry.record.usage
        """What earlier attempts have spent."""

    async def run(self) -> None:
        """Do the job. Raises ClaimLost when another took it over; other failures end in its record."""
        job, ref = self._entry.record, self._repo.ref
        folder = self._services.config.state / "work" / ref.owner / ref.name / job.id
        await remove_tree(folder)
        try:
            origin = await origin_of(self._repo, job)
            await self._repo.mirror.materialise(origin, folder)
            if await merges_alone(self._repo, job):
                await self._move(
                    {"state": JobState.RUNNING}, "Merging the base branch, which takes no worker."
                )
                await self._finish(NOTHING_DONE, folder, origin)
                return
            outcome = await self._work_in(folder, await checkpoint_of(self._repo, self._entry, origin))
            await self._finish(outcome, folder, origin)
        except SandboxUnavailable as error:
            await self._fail(FailureKind.INFRASTRUCTURE, f"No sandbox: {error.reason}", str(error))
        finally:
            self._services.board.live.pop((ref, job.id), None)
            await remove_tree(folder)

    async def gate(self) -> None:
        """Judge what was proposed, if anything was."""
        if self._entry.record.state is not JobState.PROPOSED:
            return
        try:
            await gate_job(self._entry, self._s, self._hands)
        except SandboxUnavailable as error:
            await self._fail(FailureKind.INFRASTRUCTURE, f"No sandbox: {error.reason}", str(error))

    async def give_up(self, failure: Failure) -> Entry[JobRecord]:
        """Record that nothing came of the work, and return the record."""
        await self._end(failure, {})
        return self._entry

    async def broke(self, code: str) -> None:
        """Record that something broke that should not; `code` finds it in the server's log."""
        try:
            await self._fail(
                FailureKind.INFRASTRUCTURE,
                f"Something broke in PushPals itself (error {code}).",
                f"The server's log has the details under {code}. `/pushpals retry` tries again.",
            )
        except (GitError, LedgerError, GitHubError) as error:
            log.warning("%s: error %s could not be recorded: %s", self._s.ref, code, error)

    async def _work_in(self, folder: Path, checkpoint: Checkpoint) -> Outcome:
        sandbox = await self._services.sandboxes.open(folder, Limits())
        try:
            await self._move(
                {"state": JobState.RUNNING}, f"Running in {self._services.sandboxes.describe()}."
            )
            assignment = await assignment_of(self._entry.record, self._s, self._repo)
            assignment = replace(assignment, checkpoint=checkpoint)
            working = asyncio.create_task(
                work(
                    assignment,
                    sandbox,
                    self._services.model,
                    self._book.note,
                    clock=self._services.clock.monotonic,
                )
            )
            pulse = asyncio.create_task(self._pulse())
            try:
                await asyncio.wait(
                    {working, pulse}, timeout=_longest(assignment), return_when=asyncio.FIRST_COMPLETED
                )
                if pulse.done() and not working.done():
                    pulse.result()  # the pulse only ends by an error: a lost claim ends the work
            finally:
                for task in (pulse, working):
                    task.cancel()
                await asyncio.gather(pulse, working, return_exceptions=True)
            return self._hung() if working.cancelled() else working.result()
        finally:
            await sandbox.close()

    def _hung(self) -> Outcome:
        """Return how an attempt went that did not end. Its time is not counted."""
        failure = Failure(
            kind=FailureKind.TIMEOUT,
            cause="The worker did not come to an end in its time, and was stopped.",
            next_step="Look at the model's server, and at how long checks take; then say `/pushpals retry`.",
        )
        return replace(
            NOTHING_DONE, usage=self._book.usage().model_copy(update={"seconds": 0.0}), failure=failure
        )

    async def _pulse(self) -> None:
        """Beat while the work goes on: move the record every `heartbeat`, refresh what people see."""
        config = self._services.config
        began = beat = self._services.clock.monotonic()
        due = list(config.refresh_after) or [config.refresh_every]
        next_refresh = due.pop(0)
        while True:
            now = self._services.clock.monotonic()
            await asyncio.sleep(max(0.0, min(beat + config.heartbeat, began + next_refresh) - now))
            now = self._services.clock.monotonic()
            if now >= beat + config.heartbeat:
                beat = now
                await self._beat()
            if now >= began + next_refresh:
                next_refresh = due.pop(0) if due else now - began + config.refresh_every
                await self._refresh()

    async def _beat(self) -> None:
        try:
            usage = add_usage(self._before, self._book.usage())
            await self._move({"usage": usage}, f"Still working: {self._book.live or 'starting'}.")
        except (GitError, GitHubError) as error:
            # The claim stands for ten minutes without a beat, and publishing is fenced in any case.
            log.warning("%s: no heartbeat this time: %s", self._s.ref, error)

    async def _refresh(self) -> None:
        """Redraw the check run, and the comment that the workers of a request share."""
        usage = add_usage(self._before, self._book.usage())
        job, board, ref = (
            self._entry.record.model_copy(update={"usage": usage}),
            self._services.board,
            self._s.ref,
        )
        board.live[ref.repo, job.id] = self._book.live
        if await refreshes_rest(self._repo.client):
            return  # the status page shows it all the same
        view = board.view(ref) or self._s.view
        writes: list[Mutation] = []
        comment, request = picture.progress_comment_of(view), self._s.ledger.request
        if comment and request:
            jobs = board.newest(ref.repo, plan_jobs(self._s.ledger), request.record.first)
            jobs = [job if other.id == job.id else other for other in jobs]
            numbers = pull_numbers(view, jobs)
            body = prose.progress_comment(request.record, jobs, numbers, board.lines(ref.repo))
            writes.append(UpdateComment(comment.id, body))
        if run := picture.run_of(view, self._entry.root, job):
            writes.append(
                UpdateCheckRun(
                    repository_id=view.repository.id,
                    check_run_id=run.id,
                    name=picture.check_name(job),
                    external_id=job.id,
                    status="IN_PROGRESS",
                    conclusion=None,
                    title=f"Running, {self._book.live}",
                    summary=prose.check_summary(job, self._book.live),
                )
            )
        try:
            await self._repo.client.write(*writes)
        except GitHubError as error:
            log.warning("%s: the picture was not refreshed: %s", self._s.ref, error)

    async def _finish(self, outcome: Outcome, folder: Path, origin: Sha) -> None:
        """Export the change by content and propose it, or record why there is nothing to propose."""
        try:
            capture = await self._repo.mirror.capture(origin, folder)
        except WorkspaceTooLarge as error:
            too_large = Failure(kind=FailureKind.POLICY, cause=str(error), next_step="Narrow the request.")
            await self._end(too_large, {"usage": add_usage(self._before, outcome.usage)})
            return
        report = _report(outcome, capture, self._services.redactor)
        changes: dict[str, object] = {"usage": add_usage(self._before, outcome.usage), "report": report}
        if outcome.asks:
            await self._ask(outcome.asks, {**changes, "holder": None}, capture)
            return
        failure = outcome.failure
        judge = no_worse_than_base if self._entry.record.orders else better_than_base
        if failure and failure.kind is FailureKind.CHECKS and judge(outcome.base_checks, outcome.head_checks):
            failure = None  # the gate says on the pull request what still fails, as it did before
        merges = self._entry.record.merges is not None
        if failure is None and not capture.patch.files and not merges:
            failure = Failure(
                kind=FailureKind.NO_CHANGE,
                cause="The worker ended without changing anything.",
                next_step="Say in the issue what should be different, best by example; then `/pushpals run`.",
            )
        # A merge may need no patch: then an earlier round's must not stay in the record.
        files = {"patch.diff": capture.patch.diff} if capture.patch.files or merges else {}
        if failure is None:
            message = f"Proposed a patch of {prose.count(len(capture.patch.files), 'file')}."
            if self._services.config.headless:
                changes["holder"] = None
            await self._move({**changes, "state": JobState.PROPOSED}, message, files)
        else:
            await self._end(failure, changes, files)

    async def _ask(self, wish: Wish, changes: Mapping[str, object], capture: Capture) -> None:
        """Pause until a person has said yes or no to a command. The patch so far is the checkpoint."""
        redact = self._services.redactor
        command, reason = redact(wish.command), redact(wish.reason)
        waits = {
            "state": JobState.WAITING,
            "waiting": WaitReason.COMMAND,
            "asks": command,
            "asks_why": one_line(reason, REASON_LIMIT),
        }
        message = f"Waits for a person's word on `{one_line(command)}`: {wish.why}."
        await self._move({**changes, **waits}, message, {"patch.diff": capture.patch.diff})

    async def _fail(self, kind: FailureKind, cause: str, next_step: str) -> None:
        await self._end(Failure(kind=kind, cause=cause, next_step=next_step), {})

    async def _end(
        self, failure: Failure, changes: Mapping[str, object], files: Mapping[str, bytes] | None = None
    ) -> None:
        """Record a failure: back into the queue when its kind may be tried again, else the end."""
        job = self._entry.record
        if may_retry(failure.kind, job.failures):
            pause = retry_delay_seconds(job.failures) * self._services.config.retry_factor
            again = {
                "state": JobState.QUEUED,
                "failures": (*job.failures, failure.kind),
                "not_before": self._services.clock.now() + timedelta(seconds=pause),
                "holder": None,
            }
            kept: Mapping[str, bytes] | None = None
            if failure.kind is FailureKind.TIMEOUT and files:
                again["resumes"], kept = True, files
            await self._move(
                {**changes, **again}, f"Trying again in {prose.duration(pause)}: {failure.cause}", kept
            )
            return
        if failure.kind is FailureKind.BUDGET:
            paused = {"state": JobState.WAITING, "waiting": WaitReason.BUDGET, "asks": failure.cause}
            await self._move({**changes, **paused, "holder": None}, failure.cause, files)
            return
        await self._move({**changes, **ended(job, failure)}, failure.cause, files)

    async def _move(
        self, changes: Mapping[str, object], message: str, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Advance the job's record with all that was noted since the last time."""
        events = self._book.take()
        self._entry = await advance(
            self._services, self._repo, self._entry, changes, message, events=events, files=files
        )
        if "state" in changes:
            job = self._entry.record
            self._services.watch(Event(self._s.ref, "state", message, job.id, job.state))


def _longest(assignment: Assignment) -> float:
    """Return after how many seconds an attempt is stopped from outside."""
    return max(0.0, assignment.budget.max_minutes * 60 - assignment.spent.seconds) + OVERTIME


def _report(outcome: Outcome, capture: Capture, redact: Redactor) -> Report:
    """Return what the worker did and says. Its words are its own, and go into the record without tokens."""
    left_out = tuple(f"{skipped.path} was left out: {skipped.reason}" for skipped in capture.skipped)
    refused = (*outcome.refused, *left_out)
    doubts = (f"{outcome.doubt} Look at it, or add a test that does.",) if outcome.doubt else ()
    return Report(words=redact(outcome.words), files=capture.patch.files, refused=refused, follow_ups=doubts)
