"""Jobs that are worked on elsewhere: their refs are watched, which costs no request of the API."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushpals.git import GitError
from pushpals.github import GitHubError
from pushpals.ledger import LedgerError
from pushpals.model import HELD, Hint, JobState, SubjectRef
from pushpals.policy.repo_policy import RepoPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pushpals.loop.services import Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobId, JobRecord, RepoRef, Sha

log = logging.getLogger(__name__)

ALL_AT_ONCE = 4
"""Repositories that are looked at together."""


@dataclass
class _Elsewhere:
    """The jobs of a repository that others work on, or are to."""

    installation: int | None
    jobs: dict[JobId, tuple[Sha, str]] = field(default_factory=dict)
    """Where each stands, and what its picture shows of that."""


class Lookout:
    """Gives a hint when a job that is worked on elsewhere has come to something that people should see."""

    def __init__(self, services: Services, tell: Callable[[Hint], Awaitable[None]]) -> None:
        """`tell` takes the hints."""
        self._services = services
        self._tell = tell
        self._watched: dict[RepoRef, _Elsewhere] = {}

    def see(self, hint: Hint, s: Snapshot) -> None:
        """Take in how the jobs of a subject stand; those that wait or are held elsewhere are watched."""
        away = isinstance(s.policy, RepoPolicy) and s.policy.dispatch not in s.works_for
        known = self._watched.get(s.ref.repo)
        if known is None and not away:
            return
        known = known or _Elsewhere(hint.installation)
        for entry in s.ledger.jobs:
            job = entry.record
            if away and (job.state is JobState.QUEUED or job.state in HELD) and job.id not in s.working:
                known.jobs[job.id] = (entry.sha, _stage(job))
            else:
                known.jobs.pop(job.id, None)
        if known.jobs:
            self._watched[s.ref.repo] = known
        else:
            self._watched.pop(s.ref.repo, None)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._services.config.lookout)
            await self.look()

    async def look(self) -> None:
        """Look at each repository once. What cannot be read is logged and left for the next time."""
        few = asyncio.Semaphore(ALL_AT_ONCE)

        async def one(ref: RepoRef, known: _Elsewhere) -> None:
            async with few:
                try:
                    await self._repository(ref, known)
                except (GitHubError, GitError, LedgerError, OSError) as error:
                    log.warning("%s: jobs that others work on could not be looked at: %s", ref, error)

        await asyncio.gather(*(one(ref, known) for ref, known in list(self._watched.items())))

    async def _repository(self, ref: RepoRef, known: _Elsewhere) -> None:
        probe = Hint(ref=SubjectRef(repo=ref, number=1), installation=known.installation)
        repo = await self._services.repo(probe)
        now = await repo.ledger.list_jobs()
        moved = {job: now[job] for job, (sha, _) in known.jobs.items() if job in now and now[job] != sha}
        numbers: set[int] = {_number(job) for job in known.jobs if job not in now}
        for entry in await repo.ledger.read_jobs(moved):
            job, (_, stage) = entry.record, known.jobs[entry.record.id]
            self._services.overview.see(ref, job)
            known.jobs[job.id] = (entry.sha, _stage(job))
            if _stage(job) != stage:
                numbers.add(job.request)
        for number in sorted(numbers):
            subject = SubjectRef(repo=ref, number=number)
            await self._tell(Hint(ref=subject, installation=known.installation))


def _stage(job: JobRecord) -> str:
    """Return what people are shown of a job: a heartbeat changes nothing of it."""
    return f"held by {job.holder}" if job.state in HELD else job.state.value


def _number(job: JobId) -> int:
    return int(job.partition("-")[0])
