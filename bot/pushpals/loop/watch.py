"""Watching claims from outside: one that has not moved for ten minutes of our own clock is abandoned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushpals.model import JobId, RepoRef, Sha


@dataclass
class ClaimWatch:
    """Remembers since when each job's ref has stood where it stands.

    Only this process's own monotonic clock counts: other clocks, and times in records, may be wrong.
    """

    monotonic: Callable[[], float]
    patience: float
    _seen: dict[tuple[RepoRef, JobId], tuple[Sha, float]] = field(default_factory=dict)

    def look(self, repo: RepoRef, jobs: Mapping[JobId, Sha]) -> None:
        """Take in where all job refs of a repository stand now."""
        now = self.monotonic()
        for key in [key for key in self._seen if key[0] == repo and key[1] not in jobs]:
            del self._seen[key]
        for job, sha in jobs.items():
            known = self._seen.get((repo, job))
            if known is None or known[0] != sha:
                self._seen[repo, job] = (sha, now)

    def abandoned(self, repo: RepoRef) -> frozenset[JobId]:
        """Return the jobs whose ref has not moved for as long as the patience lasts."""
        limit = self.monotonic() - self.patience
        return frozenset(
            job for (owner, job), (_, since) in self._seen.items() if owner == repo and since <= limit
        )
