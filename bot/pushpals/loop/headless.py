"""A worker on its own: it looks for jobs in the queue, claims them, works, and proposes what came of it.

It knows the ledger and nothing else of GitHub. Who may ask for work, what people see, whether a patch passes
and what is published are for whoever queued the job. Any number of workers may look at the same repositories:
a claim is a compare-and-swap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushpals.git import GitError
from pushpals.github import GitHubError
from pushpals.ledger import ClaimLost, LedgerError, job_ref
from pushpals.loop import steps
from pushpals.loop.act import act
from pushpals.loop.away import snapshot_away
from pushpals.loop.hands import Again, Hands, advance, entry_of
from pushpals.loop.rules.common import orphaned
from pushpals.loop.rules.jobs import MAX_ATTEMPTS, day_spent
from pushpals.loop.watch import ClaimWatch
from pushpals.loop.work import Crew
from pushpals.model import HELD, Hint, JobRecord, JobState, SubjectRef
from pushpals.policy.order import place_of
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH, RepoPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from pushpals.ledger import Entry
    from pushpals.loop.services import Repo, Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobId, RepoRef, Sha

log = logging.getLogger(__name__)

ALL_AT_ONCE = 4
"""Repositories that are looked at together."""
LAST_CLAIM = 10.0
"""Seconds that a claim under way may still take when the worker is told to stop."""
SLOWER = 1.5
"""What the pause grows by after each look that found nothing to do."""
TROUBLE = (GitHubError, GitError, LedgerError, OSError)
"""What is logged and tried again: it is the network's, GitHub's or one record's, and ends nothing else."""


@dataclass(frozen=True)
class Rounds:
    """How often is looked, in seconds."""

    quick: float = 2.0
    """Pause between two looks at a repository where something is to be done."""
    slow: float = 15.0
    """The longest pause while nothing is."""
    repositories: float = 300.0
    """Pause between two questions which repositories there are."""


@dataclass
class _Yard:
    """What is known of one repository."""

    installation: int | None
    pause: float
    next_look: float = 0.0
    open: dict[JobId, Entry[JobRecord]] = field(default_factory=dict)
    """The jobs that wait or are held, as they stood at the last look."""
    quiet: dict[JobId, Sha] = field(default_factory=dict)
    """Where the others stood: nothing is to be done there until they move."""


class Headless:
    """Works on the jobs that policies send to workers, until told to stop."""

    def __init__(
        self,
        services: Services,
        repositories: Callable[[], Awaitable[Mapping[RepoRef, int | None]]],
        rounds: Rounds | None = None,
        *,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        """`repositories` tells which there are, with their installations.

        `looked` is called after each round.
        """
        self._services = services
        self._repositories = repositories
        self._rounds = rounds or Rounds()
        self._looked = looked
        self._yards: dict[RepoRef, _Yard] = {}
        self._ask_again = 0.0
        self._woken = asyncio.Event()
        self._stopping = self._hurried = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.crew = Crew(services, self._tell)
        self._claims = ClaimWatch(services.clock.monotonic, services.config.reclaim_after)

    async def run(self, *, once: bool = False) -> None:
        """Look and work until `stop`; with `once` also no longer than anything waits or is worked on here."""
        self._idle.clear()
        try:
            await self._run(once=once)
        finally:
            self._idle.set()

    async def _run(self, *, once: bool) -> None:
        while not self._stopping:
            self._woken.clear()
            await self._find_repositories()
            due = [ref for ref, yard in self._yards.items() if yard.next_look <= self._now()]
            await self._look_at(due)
            self._looked()
            if once and not self.crew.count and not any(self._waiting()):
                return
            pause = min([yard.next_look for yard in self._yards.values()] + [self._ask_again]) - self._now()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(0.0, pause))

    async def stop(self, patience: float) -> int:
        """Claim no more, let the work under way end for `patience` seconds, then let go of it.

        Returns how many jobs were let go of: they are back in the queue, and no attempt is counted.
        """
        self._stopping = True
        self._woken.set()
        until = asyncio.get_running_loop().time() + patience
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(patience, LAST_CLAIM)):
                await self._idle.wait()  # a claim may be on its way
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while self.crew.count and not self._hurried:
                    self._woken.clear()
                    await self._woken.wait()
        held = [(ref, job) for ref in self._yards for job in self.crew.working(ref)]
        await self.crew.close()
        for ref, job in held:
            try:
                await self._let_go(await self._repo(ref), job)
            except TROUBLE as error:
                log.warning("%s %s could not be let go of; it is taken over later: %s", ref, job, error)
        return len(held)

    def hurry(self) -> None:
        """Let go of the work under way now, without waiting for its end any longer."""
        self._hurried = True
        self._woken.set()

    async def _let_go(self, repo: Repo, job: JobId) -> None:
        entry = await repo.ledger.read(JobRecord, job_ref(job))
        if entry is None or entry.record.holder != self._services.holder or entry.record.state not in HELD:
            return
        back = {"state": JobState.QUEUED, "holder": None, "attempt": entry.record.attempt - 1}
        await advance(self._services, repo, entry, back, "The worker was stopped, and let go of it.")

    async def _tell(self, hint: Hint) -> None:
        """A job has come to an end: look at once, for the next one."""
        if yard := self._yards.get(hint.ref.repo):
            yard.next_look, yard.pause = 0.0, self._rounds.quick
        self._woken.set()

    def _now(self) -> float:
        return self._services.clock.monotonic()

    def _waiting(self) -> Iterator[JobId]:
        for yard in self._yards.values():
            yield from (job for job, entry in yard.open.items() if entry.record.state is JobState.QUEUED)

    async def _repo(self, ref: RepoRef) -> Repo:
        probe = Hint(ref=SubjectRef(repo=ref, number=1), installation=self._yards[ref].installation)
        return await self._services.repo(probe)

    async def _find_repositories(self) -> None:
        if self._now() < self._ask_again:
            return
        self._ask_again = self._now() + self._rounds.repositories
        try:
            found = await self._repositories()
        except TROUBLE as error:
            self._ask_again = self._now() + self._rounds.slow
            log.warning("which repositories there are could not be asked: %s", error)
            return
        for ref in [ref for ref in self._yards if ref not in found and not self.crew.working(ref)]:
            del self._yards[ref]
        for ref, installation in found.items():
            self._yards.setdefault(ref, _Yard(installation, self._rounds.quick)).installation = installation

    async def _look_at(self, due: list[RepoRef]) -> None:
        """Look at repositories together, then claim in the order in which work is owed."""
        few = asyncio.Semaphore(ALL_AT_ONCE)

        async def one(ref: RepoRef) -> list[tuple[RepoRef, Entry[JobRecord]]]:
            async with few:
                return [(ref, entry) for entry in await self._look(ref)]

        found = [each for some in await asyncio.gather(*map(one, due)) for each in some]
        for ref, entry in sorted(found, key=lambda each: _turn(each[1].record)):
            if self._stopping or not self.crew.free:
                return
            try:
                await self._claim(ref, entry)
            except (Again, ClaimLost) as lost:
                log.info("%s %s: another was quicker: %s", ref, entry.record.id, lost)
            except TROUBLE as error:
                log.warning("%s %s could not be claimed: %s", ref, entry.record.id, error)

    async def _look(self, ref: RepoRef) -> list[Entry[JobRecord]]:
        """Look at one repository; return the jobs that may be claimed."""
        yard = self._yards[ref]
        try:
            repo = await self._repo(ref)
            jobs = await repo.ledger.list_jobs()
            self._claims.look(ref, jobs)
            await self._take_in(repo, yard, jobs)
            await self._stop_lost(ref, yard)
            claimable = [entry for entry in yard.open.values() if self._claimable(ref, entry)]
            policy = await _policy(repo) if claimable else None
        except TROUBLE as error:
            log.warning("%s could not be looked at: %s", ref, error)
            claimable, policy = [], None
        sent = self._sent(policy)
        busy = sent or self.crew.working(ref)
        yard.pause = self._rounds.quick if busy else min(self._rounds.slow, yard.pause * SLOWER)
        yard.next_look = self._now() + yard.pause
        return claimable if sent else []

    def _sent(self, policy: object) -> bool:
        """True when a policy sends jobs to workers."""
        return isinstance(policy, RepoPolicy) and policy.dispatch in self._services.config.works_for

    async def _take_in(self, repo: Repo, yard: _Yard, jobs: Mapping[JobId, Sha]) -> None:
        """Read the records that have moved."""
        for job in [job for job in yard.open if job not in jobs]:
            del yard.open[job]
        yard.quiet = {job: sha for job, sha in yard.quiet.items() if job in jobs}
        known = {**yard.quiet, **{job: entry.sha for job, entry in yard.open.items()}}
        moved = [job for job, sha in jobs.items() if known.get(job) != sha]
        for job in moved:
            yard.open.pop(job, None)
            yard.quiet[job] = jobs[job]
        for entry in await repo.ledger.read_jobs(moved):
            if entry.record.state is JobState.QUEUED or entry.record.state in HELD:
                del yard.quiet[entry.record.id]
                yard.open[entry.record.id] = entry

    async def _stop_lost(self, ref: RepoRef, yard: _Yard) -> None:
        """Stop work on what is no longer ours to do: somebody cancelled it, or took it over."""
        for job in self.crew.working(ref):
            entry = yard.open.get(job)
            if entry and entry.record.state in HELD and entry.record.holder == self._services.holder:
                continue
            mine = self._services.board.known(ref, job)
            if entry is None and mine and mine.sha == yard.quiet.get(job):
                continue  # its own worker brought it to an end, and is about to leave
            if await self.crew.stop(ref, job):
                log.warning("%s %s was taken away, and its work is stopped", ref, job)

    def _claimable(self, ref: RepoRef, entry: Entry[JobRecord]) -> bool:
        job, now = entry.record, self._services.clock.now()
        if job.attempt >= MAX_ATTEMPTS or job.id in self.crew.working(ref):
            return False
        if job.state is JobState.QUEUED:
            return job.not_before is None or job.not_before <= now
        former = job.holder is not None and job.holder.instance == self._services.holder.instance
        return former or job.id in self._claims.abandoned(ref)

    async def _claim(self, ref: RepoRef, seen: Entry[JobRecord]) -> None:
        """Claim a job, on a fresh look at its record and the policy, and begin with it."""
        repo, job = await self._repo(ref), seen.record.id
        s = await self._snapshot(repo, seen.record.request)
        entry = next((each for each in s.ledger.jobs if each.sha == seen.sha), None)
        if entry is None or not self._sent(s.policy) or not self._claimable(ref, entry):
            return
        if entry.record.state is not JobState.QUEUED and not orphaned(s, entry.record):
            return
        hands = Hands(self._services, repo, self.crew)
        s = await act(steps.StartJob(job), s, hands)
        if why := day_spent(s, entry_of(s, job).record):
            await act(steps.PauseJob(job, why), s, hands)
            return
        log.info("%s %s is claimed", ref, job)

    async def _snapshot(self, repo: Repo, number: int) -> Snapshot:
        view = await repo.ledger.observe(number, await repo.default_branch())
        s = snapshot_away(self._services, repo, view, await repo.mirror.read(view.base, POLICY_PATH))
        return replace(s, working=self.crew.working(repo.ref), abandoned=self._claims.abandoned(repo.ref))


async def _policy(repo: Repo) -> object:
    """Return the policy as it stands on the default branch now: a change needs no restart."""
    branch = await repo.default_branch()
    await repo.mirror.fetch(f"+refs/heads/{branch}:refs/heads/{branch}", depth=1)
    return parse_policy(await repo.mirror.read(f"refs/heads/{branch}", POLICY_PATH))


def _turn(job: JobRecord) -> tuple[int, float]:
    return place_of(job), (job.queued_at or job.created_at).timestamp()
