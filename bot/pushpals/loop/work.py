"""The crew: the jobs this process works on, each in a task of its own."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushpals.ledger import ClaimLost
from pushpals.loop.shift import Shift
from pushpals.model import Hint, JobState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pushpals.ledger import Entry
    from pushpals.loop.hands import Hands
    from pushpals.loop.services import Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobId, JobRecord, RepoRef

log = logging.getLogger(__name__)


@dataclass
class Crew:
    """Runs jobs, at most `capacity` at once, and hints at a subject whenever its job has moved."""

    services: Services
    tell: Callable[[Hint], Awaitable[None]]
    _tasks: dict[tuple[RepoRef, JobId], asyncio.Task[None]] = field(default_factory=dict)
    _waiting: dict[Hint, None] = field(default_factory=dict)

    @property
    def free(self) -> bool:
        """True while one more job may start."""
        return len(self._tasks) < self.services.config.capacity

    def working(self, repo: RepoRef) -> frozenset[JobId]:
        """Return the jobs of a repository that are worked on here."""
        return frozenset(job for owner, job in self._tasks if owner == repo)

    def wait_for_worker(self, hint: Hint) -> None:
        """Remember a subject that found no worker free; it is hinted at when one is."""
        self._waiting[hint] = None

    async def start(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
        """Claim a job by compare-and-swap and begin with it. Raises ClaimLost when another was quicker."""
        job, services = entry.record, self.services
        attempt = job.attempt + 1
        changes = {
            "state": JobState.CLAIMED,
            "attempt": attempt,
            "holder": services.holder,
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
        task = asyncio.create_task(self._work(entry, s, hands), name=f"job-{s.ref.repo}-{job}")
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
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> None:
        """Do one job up to the gate's verdict. This is the error boundary of all that a worker does.

        Publication is not part of it: a new look comes first, at the label, the issue and the asker's role.
        """
        shift = Shift(entry, s, hands)
        try:
            if entry.record.state is not JobState.PROPOSED:
                await shift.run()
            await shift.gate()
        except ClaimLost as lost:
            log.warning(
                "%s: the claim on %s was lost; nothing of it is published: %s", s.ref, entry.record.id, lost
            )
        except Exception:
            code = secrets.token_hex(4)
            log.exception("error %s while working on %s %s", code, s.ref, entry.record.id)
            await shift.broke(code)
        finally:
            self._tasks.pop((s.ref.repo, entry.record.id), None)
            await self._hint(Hint(ref=s.ref))

    async def _hint(self, hint: Hint) -> None:
        waiting, self._waiting = self._waiting, {}
        for each in {hint: None, **waiting}:
            await self.tell(each)
