"""The loop itself: hint in, steps out, until nothing is owed."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cachetools import LRUCache

from pushpals.git import LeaseLost
from pushpals.github import GitHubUnavailable, RateLimited
from pushpals.ledger import ClaimLost
from pushpals.loop.act import act
from pushpals.loop.decide import decide
from pushpals.loop.hands import Again, Hands
from pushpals.loop.lookout import Lookout
from pushpals.loop.observe import observe
from pushpals.loop.rules.common import plan_jobs
from pushpals.loop.rules.integration import RIDING
from pushpals.loop.steps import Wake
from pushpals.loop.train.driver import TrainDriver
from pushpals.loop.watch import ClaimWatch
from pushpals.loop.work import Crew
from pushpals.model import Hint, SubjectRef, issue_of_branch
from pushpals.policy.order import first_place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pushpals.loop.services import Repo, Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Sha

log = logging.getLogger(__name__)

MAX_STEPS = 40
"""Steps for one hint. A request takes about ten; more would mean that two rules undo each other."""
MAX_LOOKS = 6
"""Observations for one hint: each lost race costs one."""


class Stuck(Exception):  # noqa: N818 - reads as the state it reports
    """Deciding did not come to rest. This is a defect in the rules, not in the subject."""


class Engine:
    """Observes, decides and acts, for any subject of any repository."""

    def __init__(
        self, services: Services, tell: Callable[[Hint], Awaitable[None]], crew: Crew | None = None
    ) -> None:
        """`tell` puts a hint where it will come back to `handle`: jobs that end use it.

        `crew` works on jobs where that is not done here, in tasks of this process.
        """
        self.services = services
        self._tell = tell
        self._homes: LRUCache[SubjectRef, SubjectRef] = LRUCache(maxsize=2_000)
        self.crew = crew or Crew(services, tell)
        self.trains = TrainDriver(services, tell)
        self.elsewhere = Lookout(services, tell)
        self.claims = ClaimWatch(services.clock.monotonic, services.config.reclaim_after)

    async def handle(self, hint: Hint) -> datetime | None:
        """Do all that is owed to a subject now; return when to look again, if a time is known.

        What is said on a pull request of ours is dealt with at its issue.
        """
        home = None if hint.train else self._homes.get(hint.ref)
        if home:
            await self._tell(hint.model_copy(update={"ref": home}))
            return None
        try:
            return await (self.trains.handle(hint) if hint.train else self._settle(hint))
        except RateLimited as limited:
            if hint.presses:
                raise  # a press is known to nobody else: whoever gave the hint keeps it
            log.warning("%s waits: %s", hint.ref, limited)
            return datetime.fromtimestamp(limited.until, UTC)

    async def _settle(self, hint: Hint) -> datetime | None:
        repo = await self.services.repo(hint)
        steps_left = MAX_STEPS
        boarding = False
        for _ in range(MAX_LOOKS):
            snapshot = await self._observe(hint, repo)
            if home := self._learn_homes(snapshot):
                await self._tell(hint.model_copy(update={"ref": home}))
                return None
            try:
                self.elsewhere.see(hint, snapshot)
                while owed := decide(snapshot):
                    step = owed[0]
                    if isinstance(step, Wake):
                        await self._drive(hint, boarding=boarding)
                        return step.at
                    if steps_left == 0:
                        raise Stuck(f"{hint.ref}: {MAX_STEPS} steps, and still {step}")
                    steps_left -= 1
                    before = _riding(snapshot)
                    snapshot = await act(step, snapshot, Hands(self.services, repo, self.crew))
                    boarding = boarding or _riding(snapshot) != before
                    self.services.board.see(hint.ref, snapshot.view)
                    self.elsewhere.see(hint, snapshot)
                    self._learn_homes(snapshot)
            except (Again, ClaimLost, LeaseLost) as moved:
                log.info("%s moved while it was worked on, looking again: %s", hint.ref, moved)
            except GitHubUnavailable as error:
                if not error.lost:
                    raise
                log.info("%s: a write was not answered, looking again: %s", hint.ref, error)
            else:
                await self._wait_for_worker(snapshot, hint)
                await self._drive(hint, boarding=boarding)
                return None
        await self.crew.waits_no_more(hint.ref)
        raise Stuck(f"{hint.ref} moved {MAX_LOOKS} times while it was looked at")

    async def _drive(self, hint: Hint, *, boarding: bool) -> None:
        """Have the repository's merge train looked at, when a job is to board it or to get off."""
        if boarding:
            await self.crew.tell(Hint.of_train(hint.ref.repo, hint.installation))

    async def close(self) -> None:
        """Stop the work under way; its claims are taken over by the next life of this process."""
        await self.crew.close()
        await self.trains.close()

    async def _observe(self, hint: Hint, repo: Repo) -> Snapshot:
        snapshot = await observe(
            self.services,
            repo,
            hint.ref,
            self.crew.working(hint.ref.repo),
            self.claims.abandoned(hint.ref.repo),
            presses=hint.presses,
            errands=self.crew.errands(hint.ref.repo),
            free=self.crew.free,
        )
        if snapshot.ledger.request:
            self.services.overview.see_request(hint.ref.repo, snapshot.ledger.request.record)
        for entry in snapshot.ledger.jobs:
            self.services.overview.see(hint.ref.repo, entry.record)
        jobs = [entry.record for entry in plan_jobs(snapshot.ledger)]
        snapshot = replace(snapshot, free=self.crew.free_for(hint.ref, jobs))
        self.services.board.see(hint.ref, snapshot.view)
        repo.branch = snapshot.view.repository.default_branch or repo.branch
        return snapshot

    def _learn_homes(self, snapshot: Snapshot) -> SubjectRef | None:
        """Remember which pull request is for which issue; return the one that this subject is for.

        A comment on a pull request tells only its number.
        """
        ref, view = snapshot.ref, snapshot.view
        for pull in (pull for pulls in view.pulls.values() for pull in pulls):
            self._homes[SubjectRef(repo=ref.repo, number=pull.number)] = ref
        if view.pull is None or view.pull.cross_repository:
            return None
        number = issue_of_branch(view.pull.head_ref)
        if number is None or number == ref.number:
            return None
        self._homes[ref] = SubjectRef(repo=ref.repo, number=number)
        return self._homes[ref]

    async def _wait_for_worker(self, snapshot: Snapshot, hint: Hint) -> None:
        jobs = [entry.record for entry in plan_jobs(snapshot.ledger)]
        if first_place(jobs) is not None and not snapshot.free:
            self.crew.wait_for_worker(hint, jobs)
        else:
            await self.crew.waits_no_more(hint.ref)


def _riding(snapshot: Snapshot) -> frozenset[tuple[str, Sha | None]]:
    """Return the jobs that wait for the merge train or are on it, with what they would land."""
    return frozenset(
        (entry.record.id, entry.record.head)
        for entry in plan_jobs(snapshot.ledger)
        if entry.record.state in RIDING
    )
