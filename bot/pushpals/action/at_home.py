"""The jobs that may write to GitHub: they claim work, or take in what was brought back. They run nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pushpals.action.opening import at_home
from pushpals.audit.text import clean_untrusted
from pushpals.git import GitError
from pushpals.ledger import ClaimLost, job_ref
from pushpals.loop.away import HOME, RUN_EVENT, ClaimingCrew, bring_back, give_up
from pushpals.loop.engine import Engine
from pushpals.loop.hands import Hands
from pushpals.loop.observe import observe as look
from pushpals.loop.reconcile import Reconciler
from pushpals.loop.rounds import origin_of
from pushpals.loop.rules.common import plan_jobs
from pushpals.model import Failure, FailureKind, Hint, JobState
from pushpals.server.wiring import credentials

if TYPE_CHECKING:
    from pushpals.action.runner import Runner
    from pushpals.ledger import Entry
    from pushpals.loop.services import Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord
    from pushpals.server.settings import Settings

log = logging.getLogger(__name__)

LONGEST_NAP = 100.0
"""Seconds that a job waits for something to be due; what is due later is looked at by a later run."""


async def observe(runner: Runner, settings: Settings) -> int:
    """Do all that is owed to where the event points, up to the claims; output the claims as a matrix."""
    if runner.from_a_fork():
        runner.say("The event is about a pull request from a fork. Nothing is done with it.")
        runner.output("jobs", "[]")
        return 0
    async with at_home(runner, settings, capacity=settings.jobs) as services:
        round_ = _Round(services)
        if runner.event == "schedule":
            await Reconciler(round_.engine, round_.tell).look(runner.repo)
        elif hint := runner.hint(credentials(settings).app_id, datetime.now(UTC)):
            await round_.tell(hint)
        await round_.settle()
        claims = round_.crew.claims
    for claim in claims:
        runner.say(f"{claim.job} is claimed by this run.")
    if not claims:
        runner.say("Nothing is to be worked on.")
    jobs = [{"job": claim.job, "claim": f"{claim.job}@{claim.sha}"} for claim in claims]
    runner.output("jobs", json.dumps(jobs, separators=(",", ":")))
    return 0


class _Round:
    """Handles hints, and those that come of them, until nothing is owed and nobody is busy."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.crew = ClaimingCrew(services, self.tell)
        self.engine = Engine(services, self.tell, self.crew)
        self._waiting: dict[str, Hint] = {}
        self._told = asyncio.Event()

    async def tell(self, hint: Hint) -> None:
        """Take a hint in. The merge train is left to a server: it tests for as long as that takes."""
        if not hint.train:
            known = self._waiting.get(hint.shown)
            self._waiting[hint.shown] = known.joined(hint) if known else hint
        self._told.set()

    async def settle(self) -> None:
        """Return when all is done that can be done now."""
        naps: dict[str, tuple[datetime, Hint]] = {}
        try:
            while True:
                self._told.clear()
                while self._waiting:
                    key, hint = next(iter(self._waiting.items()))
                    del self._waiting[key]
                    wake = await self.engine.handle(hint)
                    naps.pop(key, None)
                    if wake is not None and self._pause(wake) <= LONGEST_NAP and self.crew.free:
                        naps[key] = (wake, hint.model_copy(update={"presses": ()}))
                if not await self._more(naps):
                    return
        finally:
            await self.engine.close()

    async def _more(self, naps: dict[str, tuple[datetime, Hint]]) -> bool:
        """Wait for an errand to end or for something to be due; False when there is nothing to wait for."""
        busy = self.crew.on_errands()
        if self._told.is_set():
            return True
        if not busy and not naps:
            return False
        pause = min((self._pause(wake) for wake, _ in naps.values()), default=None)
        try:
            await asyncio.wait_for(self._told.wait(), pause)
        except TimeoutError:
            key, (_, hint) = min(naps.items(), key=lambda item: item[1][0])
            del naps[key]
            self._waiting[key] = hint
        return True

    def _pause(self, wake: datetime) -> float:
        return max(0.0, (wake - self.services.clock.now()).total_seconds())


async def publish(runner: Runner, settings: Settings) -> int:
    """Take in what the run's other jobs brought back, and let the loop go on from there."""
    ref, job, sha = runner.claim()
    async with at_home(runner, settings, capacity=0) as services:
        repo = await services.repo(Hint(ref=ref))
        round_ = _Round(services)
        hands = Hands(services, repo, round_.crew)
        s = await look(services, repo, ref)
        held = next((entry for entry in s.ledger.jobs if entry.record.id == job), None)
        if held is None or held.sha != sha:
            runner.say(f"{job} moved on while this run worked on it, so nothing of the work is published.")
        else:
            try:
                s = await _take_in(runner, held, s, hands)
            except ClaimLost as lost:
                runner.say(f"{job} moved on at this moment, so nothing of the work is published: {lost}")
        await round_.tell(Hint(ref=ref))
        await round_.settle()
        s = await look(services, repo, ref)
        _tell(runner, s, job)
        if any(entry.record.state is JobState.QUEUED for entry in plan_jobs(s.ledger)):
            await repo.client.dispatch(RUN_EVENT, {"issue": str(ref.number)})
            runner.say("There is more to do: the next run is asked for.")
    return 0


async def _take_in(runner: Runner, held: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
    job, bundle = held.record.id, runner.folder / "in" / "job.bundle"
    if not await asyncio.to_thread(bundle.is_file):
        return await give_up(held, s, hands, _nothing(runner))
    try:
        tip = await hands.repo.mirror.unpack(bundle, job_ref(job), f"{HOME}{job}")
    except GitError as error:
        return await give_up(held, s, hands, _unreadable(error))
    await origin_of(hands.repo, held.record)
    return await bring_back(held, tip, s, hands)


def _nothing(runner: Runner) -> Failure:
    return Failure(
        kind=FailureKind.INFRASTRUCTURE,
        cause=f"The jobs of workflow run {runner.run} ended without bringing the work back.",
        next_step="The run's page says why. `/pushpals retry` tries again.",
    )


def _unreadable(error: GitError) -> Failure:
    why = clean_untrusted(str(error)).text[:500]
    return Failure(
        kind=FailureKind.POLICY,
        cause=f"What the workflow's job brought back cannot be read: {why}",
        next_step="Look at that run before anything else. Then say `/pushpals retry`.",
        rule="brought back",
    )


def _tell(runner: Runner, s: Snapshot, job: str) -> None:
    for entry in s.ledger.jobs:
        if entry.record.id == job:
            pulls = s.view.pulls.get(entry.record.branch, ())
            runner.say(f"{job} is {entry.record.state}" + (f": {pulls[-1].url}" if pulls else "."))
