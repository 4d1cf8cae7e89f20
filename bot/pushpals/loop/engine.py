"""The loop itself: hint in, steps out, until nothing is owed."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pushpals.git import LeaseLost
from pushpals.github import GitHubUnavailable, RateLimited
from pushpals.ledger import ClaimLost
from pushpals.loop.act import act
from pushpals.loop.decide import decide
from pushpals.loop.hands import Again, Hands
from pushpals.loop.observe import observe
from pushpals.loop.rules.common import plan_jobs
from pushpals.loop.steps import Wake
from pushpals.loop.watch import ClaimWatch
from pushpals.loop.work import Crew
from pushpals.model import JobState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pushpals.loop.services import Repo, Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Hint

log = logging.getLogger(__name__)

MAX_STEPS = 40
"""Steps for one hint. A request takes about ten; more would mean that two rules undo each other."""
MAX_LOOKS = 6
"""Observations for one hint: each lost race costs one."""


class Stuck(Exception):  # noqa: N818 - reads as the state it reports
    """Deciding did not come to rest. This is a defect in the rules, not in the subject."""


class Engine:
    """Observes, decides and acts, for any subject of any repository."""

    def __init__(self, services: Services, tell: Callable[[Hint], Awaitable[None]]) -> None:
        """`tell` puts a hint where it will come back to `handle`: jobs that end use it."""
        self.services = services
        self.crew = Crew(services, tell)
        self.claims = ClaimWatch(services.clock.monotonic, services.config.reclaim_after)

    async def handle(self, hint: Hint) -> datetime | None:
        """Do all that is owed to a subject now; return when to look again, if a time is known."""
        try:
            return await self._settle(hint)
        except RateLimited as limited:
            log.warning("%s waits: %s", hint.ref, limited)
            return datetime.fromtimestamp(limited.until, UTC)

    async def _settle(self, hint: Hint) -> datetime | None:
        repo = await self.services.repo(hint)
        steps_left = MAX_STEPS
        for _ in range(MAX_LOOKS):
            snapshot = await self._observe(hint, repo)
            try:
                while owed := decide(snapshot):
                    step = owed[0]
                    if isinstance(step, Wake):
                        return step.at
                    if steps_left == 0:
                        raise Stuck(f"{hint.ref}: {MAX_STEPS} steps, and still {step}")
                    steps_left -= 1
                    snapshot = await act(step, snapshot, Hands(self.services, repo, self.crew))
                    self.services.board.see(hint.ref, snapshot.view)
            except (Again, ClaimLost, LeaseLost) as moved:
                log.info("%s moved while it was worked on, looking again: %s", hint.ref, moved)
            except GitHubUnavailable as error:
                if not error.lost:
                    raise
                log.info("%s: a write was not answered, looking again: %s", hint.ref, error)
            else:
                self._wait_for_worker(snapshot, hint)
                return None
        raise Stuck(f"{hint.ref} moved {MAX_LOOKS} times while it was looked at")

    async def close(self) -> None:
        """Stop the work under way; its claims are taken over by the next life of this process."""
        await self.crew.close()

    async def _observe(self, hint: Hint, repo: Repo) -> Snapshot:
        snapshot = await observe(
            self.services,
            repo,
            hint.ref,
            self.crew.working(hint.ref.repo),
            self.claims.abandoned(hint.ref.repo),
            errands=self.crew.errands(hint.ref.repo),
            free=self.crew.free,
        )
        self.services.board.see(hint.ref, snapshot.view)
        repo.branch = snapshot.view.repository.default_branch or repo.branch
        return snapshot

    def _wait_for_worker(self, snapshot: Snapshot, hint: Hint) -> None:
        queued = any(entry.record.state is JobState.QUEUED for entry in plan_jobs(snapshot.ledger))
        if queued and not snapshot.free:
            self.crew.wait_for_worker(hint)
