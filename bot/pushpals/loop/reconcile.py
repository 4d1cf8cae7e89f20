"""Find what webhooks missed: at start and on a timer, every repository is asked what may be owed."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from pushpals.git import GitError
from pushpals.github import GitHubError, RateLimited
from pushpals.ledger import LedgerError
from pushpals.localbuddy.heard import LATE
from pushpals.loop.rules.common import DEFAULT_POLICY
from pushpals.loop.writes import requests_low
from pushpals.model import ENDED, HELD, Hint, SubjectRef
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH, RepoPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from pushpals.loop.engine import Engine
    from pushpals.loop.services import Repo
    from pushpals.model import JobId, JobRecord, RepoRef, Sha

log = logging.getLogger(__name__)

FRESH = timedelta(days=1)
AT_ONCE = 50
"""Repositories of an installation that are looked at each time, once each was: a look costs a few requests of
the 5,000 that it has in an hour. The others have their turn later, and none while few requests are left."""


def due(
    refs: Sequence[RepoRef], looked: Mapping[RepoRef, int], watched: Collection[RepoRef]
) -> tuple[list[RepoRef], list[RepoRef]]:
    """Return the repositories that must be looked at now, and those whose turn it is besides.

    All must that are new or `watched`; `looked` tells in which round each was looked at last.
    """
    first = [ref for ref in refs if ref not in looked or ref in watched]
    others = sorted((ref for ref in refs if ref in looked and ref not in watched), key=lambda r: looked[r])
    return first, others[: max(0, AT_ONCE - len(first))]


class Reconciler:
    """Turns the state of all installed repositories into hints."""

    def __init__(self, engine: Engine, put: Callable[[Hint], Awaitable[None]]) -> None:
        """`put` takes the hints."""
        self._engine = engine
        self._put = put
        self._quiet: dict[tuple[RepoRef, JobId], Sha] = {}
        """Job refs that were seen ended at this sha: they owe nothing until they move."""
        self._round = 0
        self._looked: dict[RepoRef, int] = {}
        """The round in which each repository was looked at last."""
        self._seen: dict[RepoRef, Mapping[int, datetime]] = {}
        """When the subjects of a repository that were touched last had been touched, the last time."""

    async def run(self) -> int:
        """Go through the repositories that are due, at first all, and return how many hints were put.

        What cannot be read is logged and left for the next time; it keeps nobody else from being looked at.
        """
        github, put = self._engine.services.github, 0
        self._round += 1
        watched = self._watched()
        for installation in await github.installations():
            if installation.suspended:
                continue
            try:
                refs = await github.repositories(installation.id)
                first, others = due(refs, self._looked, watched)
                for place, ref in enumerate([*first, *others]):
                    if place >= len(first) and requests_low(github.room(installation.id)):
                        break
                    put += await self._one(ref, installation.id)
                    self._looked[ref] = self._round
            except GitHubError as error:
                log.warning("the repositories of %s were not all looked at: %s", installation.account, error)
        return put

    def _watched(self) -> frozenset[RepoRef]:
        """Return where another process holds a job: should it end, this one takes over."""
        services = self._engine.services
        me = services.holder.instance
        held = ((ref, job) for ref, job in services.overview.jobs() if job.state in HELD)
        return frozenset(ref for ref, job in held if job.holder is None or job.holder.instance != me)

    async def look(self, ref: RepoRef) -> int:
        """Go through one repository once and return how many hints were put."""
        return await self._one(ref, None)

    async def _one(self, ref: RepoRef, installation: int | None) -> int:
        try:
            return await self._repository(ref, installation)
        except RateLimited:
            raise  # the limit is the installation's: its other repositories would only run into it too
        except (GitHubError, GitError, LedgerError, OSError) as error:
            log.warning("%s could not be reconciled: %s", ref, error)
            return 0

    async def _repository(self, ref: RepoRef, installation: int | None) -> int:
        probe = Hint(ref=SubjectRef(repo=ref, number=1), installation=installation)
        repo = await self._engine.services.repo(probe)
        found = await repo.client.open_issues(await _label(repo))
        numbers = {*found.labelled, *self._touched(ref, found.touched)}
        jobs = await repo.ledger.list_jobs()
        self._engine.claims.look(ref, jobs)
        for job, sha in jobs.items():
            number = int(job.partition("-")[0])
            if number in numbers or self._quiet.get((ref, job)) == sha:
                continue
            view = await repo.ledger.observe(number, await repo.default_branch())
            for entry in view.jobs:
                self._engine.services.overview.see(ref, entry.record)
                if entry.record.state in ENDED:
                    self._quiet[ref, entry.record.id] = entry.sha
                if entry.record.state not in ENDED or self._fresh(entry.record):
                    numbers.add(number)
        if any(self._quiet.get((ref, job)) != sha for job, sha in jobs.items()):
            await self._put(Hint.of_train(ref, installation))
        for number in sorted(numbers):
            await self._put(Hint(ref=SubjectRef(repo=ref, number=number), installation=installation))
        return len(numbers)

    def _touched(self, ref: RepoRef, touched: Mapping[int, datetime]) -> Iterator[int]:
        """Yield what was touched since the last time: somebody may have said something there.

        The first time that is what was touched in the last days, since nobody was here to hear it.
        """
        seen, since = self._seen.get(ref, {}), self._engine.services.clock.now() - LATE
        self._seen[ref] = touched
        yield from (number for number, at in touched.items() if at >= since and seen.get(number) != at)

    def _fresh(self, job: JobRecord) -> bool:
        """True for a job that ended so lately that what people see may not have been brought in step."""
        return self._engine.services.clock.now() - job.updated_at < FRESH


async def _label(repo: Repo) -> str:
    """Return the label that starts work in a repository, by its policy as last fetched."""
    branch = await repo.default_branch()
    await repo.mirror.fetch(f"+refs/heads/{branch}:refs/heads/{branch}", depth=1)
    policy = parse_policy(await repo.mirror.read(f"refs/heads/{branch}", POLICY_PATH))
    return (policy if isinstance(policy, RepoPolicy) else DEFAULT_POLICY).trigger.label
