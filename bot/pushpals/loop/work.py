"""The crew: the jobs this process works on, each in a task of its own, and its errands."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushpals.ledger import ClaimLost
from pushpals.loop.shift import Shift
from pushpals.loop.tracing import JOB, SUBJECT
from pushpals.loop.waiting import WaitingList
from pushpals.model import Hint, JobState
from pushpals.policy.order import first_place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pushpals.ledger import Entry
    from pushpals.loop.hands import Errand, Hands
    from pushpals.loop.services import Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobId, JobRecord, RepoRef, SubjectRef

log = logging.getLogger(__name__)

MOST_ERRANDS = 4
"""Errands that run at once; those beyond wait their turn, so that nobody floods the model with questions."""


@dataclass
class Crew:
    """Runs jobs, at most `capacity` at once, and hints at a subject whenever its job has moved."""

    services: Services
    tell: Callable[[Hint], Awaitable[None]]
    _tasks: dict[tuple[RepoRef, JobId], asyncio.Task[None]] = field(default_factory=dict)
    _errands: dict[tuple[RepoRef, str], asyncio.Task[None]] = field(default_factory=dict)
    _few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_ERRANDS))
    _waiting: WaitingList = field(default_factory=WaitingList)

    @property
    def free(self) -> bool:
        """True while one more job may start."""
        return len(self._tasks) < self.services.config.capacity

    def working(self, repo: RepoRef) -> frozenset[JobId]:
        """Return the jobs of a repository that are worked on here."""
        return frozenset(job for owner, job in self._tasks if owner == repo)

    def errands(self, repo: RepoRef) -> frozenset[str]:
        """Return the keys of the errands that are run for a repository here."""
        return frozenset(key for owner, key in self._errands if owner == repo)

    @property
    def count(self) -> int:
        """How many jobs are worked on here."""
        return len(self._tasks)

    def on_errands(self) -> bool:
        """True while any errand is run here."""
        return bool(self._errands)

    def busy(self, repo: RepoRef) -> bool:
        """True while a job or an errand of a repository is under way here."""
        return bool(self.working(repo) or self.errands(repo))

    def send(self, key: str, errand: Errand, s: Snapshot) -> Snapshot:
        """Begin an errand: something long that is no job, such as asking a model. It takes no worker.

        `key` says what it is for; while it is under way, `s.errands` holds the key, and nothing more is begun
        under it.
        """
        if (s.ref.repo, key) not in self._errands:
            task = asyncio.create_task(self._run(key, errand, s), name=f"errand-{s.ref.repo}-{key}")
            self._errands[s.ref.repo, key] = task
        return replace(s, errands=s.errands | {key})

    def free_for(self, ref: SubjectRef, jobs: Sequence[JobRecord]) -> bool:
        """True while one of a subject's `jobs` may start: none that waits with a better place is passed."""
        place = first_place(jobs)
        ahead = self._waiting.ahead_of(ref, place) if place is not None else 0
        return len(self._tasks) + ahead < self.services.config.capacity

    def wait_for_worker(self, hint: Hint, jobs: Sequence[JobRecord]) -> None:
        """Remember a subject that found no worker free; it is hinted at when one is."""
        place = first_place(jobs)
        if place is not None:
            self._waiting.put(hint, place)

    async def waits_no_more(self, ref: SubjectRef) -> None:
        """Forget a subject that waited for a worker; whoever was held back for it has a turn."""
        if self._waiting.drop(ref) and self.free:
            for hint in self._waiting.hints():
                await self.tell(hint)

    async def start(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
        """Claim a job by compare-and-swap and begin with it. Raises ClaimLost when another was quicker."""
        job, services = entry.record, self.services
        attempt = job.attempt + 1
        changes = {
            "state": JobState.CLAIMED,
            "attempt": attempt,
            "holder": services.holder,
            "away_until": services.clock.now() + services.config.away if services.config.away else None,
            "not_before": None,
            "failure": None,
        }
        claimed = await hands.record(s, entry, changes, f"Claimed, attempt {attempt}.")
        held = next(e for e in claimed.ledger.jobs if e.record.id == job.id)
        return self._begin(held, claimed, hands)

    def gate(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
        """Begin to judge a proposed patch: usually its worker goes on to that, unless it died in between."""
        return self._begin(entry, s, hands)

    def _begin(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
        job = entry.record.id
        doing = self.do(entry, s, hands, gate=not self.services.config.headless)
        task = asyncio.create_task(doing, name=f"job-{s.ref.repo}-{job}")
        self._tasks[s.ref.repo, job] = task
        return replace(s, working=s.working | {job}, free=self.free)

    async def stop(self, repo: RepoRef, job: JobId) -> bool:
        """Stop work on a job, its sandbox included; True when it was being worked on here."""
        task = self._tasks.get((repo, job))
        if task is None:
            return False
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return True

    async def close(self) -> None:
        """Stop all work. The claims stay as they are: the next life of this process takes them over."""
        tasks = [*self._tasks.values(), *self._errands.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def do(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands, *, gate: bool = True) -> None:
        """Do one job up to the gate's verdict, or without `gate` up to the patch.

        Publication is not part of it: a new look comes first, at the label, the issue and the asker's role.
        """
        shift = Shift(entry, s, hands)
        SUBJECT.set(str(s.ref))
        JOB.set(entry.record.id)

        async def work() -> None:
            if entry.record.state is not JobState.PROPOSED:
                await shift.run()
            if gate:
                await shift.gate()

        try:
            await self._work(f"{s.ref} {entry.record.id}", work, shift.broke)
        finally:
            self._tasks.pop((s.ref.repo, entry.record.id), None)
            await self._hint(Hint(ref=s.ref))

    async def _run(self, key: str, errand: Errand, s: Snapshot) -> None:
        """Run one errand, and look at its subject again when it says so, or when it broke."""
        again = True
        SUBJECT.set(str(s.ref))

        async def work() -> None:
            nonlocal again
            async with self._few:
                again = await errand.run()

        try:
            await self._work(f"{s.ref} {key}", work, errand.broke)
        finally:
            self._errands.pop((s.ref.repo, key), None)
            if again:
                await self.tell(Hint(ref=s.ref))

    async def _work(
        self, name: str, work: Callable[[], Awaitable[None]], broke: Callable[[str], Awaitable[None]]
    ) -> None:
        """Do what takes long. This is the error boundary of all that workers and errands do."""
        try:
            await work()
        except ClaimLost as lost:
            log.warning("%s: the claim was lost; nothing of it is published: %s", name, lost)
        except Exception:
            code = secrets.token_hex(4)
            log.exception("error %s while working on %s", code, name)
            await broke(code)

    async def _hint(self, hint: Hint) -> None:
        for each in [hint, *(other for other in self._waiting.hints() if other.ref != hint.ref)]:
            await self.tell(each)
