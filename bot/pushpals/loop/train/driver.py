"""Drive the merge trains: a hint comes in, and steps are taken until nothing is owed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pushpals.git import GitError, LeaseLost
from pushpals.github import GitHubError
from pushpals.ledger import ClaimLost, LedgerError
from pushpals.loop.hands import Again
from pushpals.loop.rules.train import decide_train
from pushpals.loop.train.act import TrainHands, act_train
from pushpals.loop.train.observe import observe_train
from pushpals.loop.train.snapshot import LookAgain
from pushpals.loop.train.testing import run_checks
from pushpals.model import Hint, SubjectRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from pushpals.loop.services import Repo, Services
    from pushpals.loop.train.snapshot import TrainSnapshot
    from pushpals.model import RepoRef, Sha, TrainRecord

log = logging.getLogger(__name__)

MAX_STEPS = 400
"""Steps for one hint: a batch of 64 in which every car is bad takes about two for each run."""
MAX_LOOKS = 8


class TrainStuck(Exception):  # noqa: N818 - reads as the state it reports
    """Driving did not come to rest. This is a defect in the rules, not in the repository."""


@dataclass
class TrainDriver:
    """Drives the merge trains of all repositories, each as far as it goes now.

    `tell` takes hints at the issues whose jobs the train has news for, and at the train itself.
    """

    services: Services
    tell: Callable[[Hint], Awaitable[None]]
    _tests: dict[RepoRef, asyncio.Task[None]] = field(default_factory=dict)
    _locks: dict[RepoRef, asyncio.Lock] = field(default_factory=dict)
    _stands: dict[RepoRef, tuple[Sha, float]] = field(default_factory=dict)
    """Since when, by our own monotonic clock, a train's record has stood where it stands."""

    def testing(self, repo: RepoRef) -> bool:
        """True while a batch of a repository is tested here."""
        return repo in self._tests

    async def handle(self, hint: Hint) -> datetime | None:
        """Do all that is owed to a repository's train now; return when to look again, if a time is known."""
        async with self._locks.setdefault(hint.ref.repo, asyncio.Lock()):
            return await self._settle(hint)

    async def _settle(self, hint: Hint) -> datetime | None:
        repo = await self.services.repo(hint)
        hands = TrainHands(self.services, repo, lambda s: self._begin(s, repo, hint))
        before: TrainRecord | None = None
        for look in range(MAX_LOOKS):
            s = await observe_train(self.services, repo, testing=self.testing(repo.ref))
            if s is None:
                return None
            s = replace(s, abandoned=self._stood_still(s))
            if look == 0:
                before = s.ledger.train.record if s.ledger.train else None
            try:
                wake, s = await self._drive(s, hands)
            except (ClaimLost, LeaseLost, Again) as moved:
                log.info("the train of %s moved while it was driven, looking again: %s", repo.ref, moved)
                continue
            await self._tell_jobs(s, before, hint)
            return wake
        raise TrainStuck(f"{hint.ref.repo}: moved {MAX_LOOKS} times while it was looked at")

    def _stood_still(self, s: TrainSnapshot) -> bool:
        """Whether the record has not moved for as long as a claim may stand still."""
        now, sha = self.services.clock.monotonic(), s.ledger.train.sha if s.ledger.train else ""
        known, since = self._stands.get(s.repo, ("", now))
        if known != sha:
            self._stands[s.repo] = (sha, now)
            return False
        return now - since >= self.services.config.reclaim_after

    async def close(self) -> None:
        """Stop the tests under way; they are begun again by whoever drives next."""
        tests = list(self._tests.values())
        for test in tests:
            test.cancel()
        await asyncio.gather(*tests, return_exceptions=True)

    async def _drive(self, s: TrainSnapshot, hands: TrainHands) -> tuple[datetime | None, TrainSnapshot]:
        for _ in range(MAX_STEPS):
            owed = decide_train(s)
            if not owed:
                return None, s
            if isinstance(owed[0], LookAgain):
                return owed[0].at, s
            s = await act_train(owed[0], s, hands)
        raise TrainStuck(f"{s.repo}: {MAX_STEPS} steps of the train, and still {decide_train(s)}")

    async def _tell_jobs(self, s: TrainSnapshot, before: TrainRecord | None, hint: Hint) -> None:
        """Hint at the issues of jobs that boarded, landed or left."""
        after = s.ledger.train.record if s.ledger.train else None
        for number in sorted({int(job.partition("-")[0]) for job in _news(before) ^ _news(after)}):
            ref = SubjectRef(repo=hint.ref.repo, number=number)
            await self.tell(Hint(ref=ref, installation=hint.installation))

    def _begin(self, s: TrainSnapshot, repo: Repo, hint: Hint) -> None:
        if s.repo not in self._tests:
            self._tests[s.repo] = asyncio.create_task(self._test(s, repo, hint), name=f"train-{s.repo}")

    async def _test(self, s: TrainSnapshot, repo: Repo, hint: Hint) -> None:
        """Test the commit of `s`, record the verdict, and drive on.

        What goes wrong is tried again at the next look around.
        """
        try:
            try:
                step = await run_checks(self.services, repo, s)
                await act_train(step, s, TrainHands(self.services, repo, lambda _s: None))
            finally:
                self._tests.pop(s.repo, None)
            await self.tell(hint)
        except ClaimLost as moved:
            log.info("the train of %s went on without this test: %s", s.repo, moved)
            await self.tell(hint)
        except (GitError, GitHubError, LedgerError, OSError) as error:
            log.warning("the train of %s could not be tested: %s", s.repo, error)


def _news(record: TrainRecord | None) -> frozenset[str]:
    """Return a mark for each job that rides, is gathered, landed or left: what differs is news for it."""
    if record is None:
        return frozenset()
    halt = record.halt.cause if record.halt else "moves"
    rides = [f"{car.job} rides {car.head} {halt}" for car in record.cars]
    landed = [f"{each.job} landed {each.head}" for each in record.arrived]
    left = [f"{out.job} left {out.at}" for out in record.left]
    rolling = record.rolling
    gathered = (
        [f"{each.job} held {each.head} {rolling.pull} {halt}" for each in rolling.held] if rolling else []
    )
    return frozenset((*rides, *landed, *left, *gathered))
