"""What this process last knew of every job, whoever works on it: for its status page and its numbers.

It decides nothing and may forget. What counts is read from the ledger again each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cachetools import LRUCache

if TYPE_CHECKING:
    from pushpals.model import JobId, JobRecord, RepoRef, RequestRecord

Moved = Callable[["JobRecord | None", "JobRecord"], None]
"""Told of a job's record before (None: there was none) and after this process moved it."""


class Overview:
    """The newest record of each job that was seen, at most a few thousand."""

    def __init__(self, *, most: int = 2_000) -> None:
        """Remember `most` jobs; those that were not seen for longest are forgotten first."""
        self._jobs: LRUCache[tuple[RepoRef, JobId], JobRecord] = LRUCache(maxsize=most)
        self._requests: LRUCache[tuple[RepoRef, int], RequestRecord] = LRUCache(maxsize=most)
        self.on_move: Moved = lambda _before, _after: None

    def see(self, repo: RepoRef, record: JobRecord) -> None:
        """Take in a record as it was read."""
        key = (repo, record.id)
        known = self._jobs.get(key)
        if known is None or known.updated_at <= record.updated_at:
            self._jobs[key] = record

    def see_request(self, repo: RepoRef, record: RequestRecord) -> None:
        """Take in a request as it was read."""
        self._requests[repo, record.request.number] = record

    def requests(self) -> list[tuple[RepoRef, RequestRecord]]:
        """Return all requests that are known, the last one that was looked at first."""
        return [(repo, record) for (repo, _), record in self._requests.items()][::-1]

    def moved(self, repo: RepoRef, before: JobRecord | None, after: JobRecord) -> None:
        """Take in a record that this process wrote."""
        self.see(repo, after)
        self.on_move(before, after)

    def jobs(self) -> list[tuple[RepoRef, JobRecord]]:
        """Return all that is known, the latest change first."""
        known = [(repo, record) for (repo, _), record in self._jobs.items()]
        return sorted(known, key=lambda pair: pair[1].updated_at, reverse=True)
