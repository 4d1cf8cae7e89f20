"""What a team's records add up to: how quick, how good, how dear. Pure: records in, numbers out.

A rate is counted over what has come to an end, so that what is still open counts neither way.
"""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from pushpals.audit.chain import AuditEvent, read_events
from pushpals.model import ENDED, HELD, ON_A_BRANCH, Frozen, JobRecord, JobState, RequestRecord

STUCK_AFTER = timedelta(minutes=30)
"""A job that may move by itself and has not for so long is stuck: claims are taken over after ten minutes."""
_MOVES_ITSELF = HELD | {JobState.QUEUED, JobState.PROPOSED, JobState.GATED}


@dataclass(frozen=True)
class Pull:
    """What became of a job's pull request."""

    merged: bool
    open: bool
    head: str
    """Its last commit."""


class Spread(Frozen):
    """Some durations in seconds; None where there is none."""

    count: int = 0
    median: float | None = None
    p90: float | None = None
    """Nine of ten took at most this."""

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        """Return the spread of `seconds`."""
        if not seconds:
            return cls()
        ordered = sorted(seconds)
        place = max(0, -(-len(ordered) * 9 // 10) - 1)
        return cls(count=len(ordered), median=statistics.median(ordered), p90=ordered[place])


class RoleTally(Frozen):
    """How the jobs of one role ended."""

    role: str
    succeeded: int = 0
    """Published, or further."""
    failed: int = 0
    failures: Mapping[str, int] = Field(default_factory=dict)
    """By kind."""


class TeamMetrics(Frozen):
    """The numbers of one repository."""

    repository: str
    since: datetime
    until: datetime
    requests: int = 0
    jobs: int = 0
    time_to_first_pull: Spread = Spread()
    """From the request to its first pull request."""
    queue_wait: Spread = Spread()
    """From when a job could start until a worker took it."""
    pulls: int = 0
    merged: int = 0
    merged_unedited: int = 0
    """Merged as PushPals last pushed it: nobody had to put a hand to it."""
    closed: int = 0
    open: int = 0
    reworked: int = 0
    """Pull requests that went on for another round."""
    roles: tuple[RoleTally, ...] = ()
    stuck: tuple[str, ...] = ()
    """Jobs that have not moved for half an hour, though they could."""
    usd: float = 0.0
    usd_unknown: int = 0
    """Jobs and plans whose price is not known; they are not in `usd`."""
    tokens: int = 0

    @property
    def usd_per_merge(self) -> float | None:
        """What one merged pull request cost, with all that came to nothing; None without one."""
        return self.usd / self.merged if self.merged else None


def measure(
    repository: str,
    requests: Iterable[RequestRecord],
    jobs: Iterable[tuple[JobRecord, str]],
    pulls: Mapping[str, Pull],
    *,
    since: datetime,
    now: datetime,
) -> TeamMetrics:
    """Return the numbers of what was begun between `since` and `now`.

    `jobs` come with their audit trails, `pulls` by branch. A trail that can not be read counts for nothing.
    """
    asked = [request for request in requests if request.created_at >= since]
    done = [(job, _moves(trail)) for job, trail in jobs if job.created_at >= since]
    records = [job for job, _ in done]
    mine = [(job, pulls[job.branch]) for job in records if job.branch in pulls]
    merged = [job for job, pull in mine if pull.merged or job.state is JobState.MERGED]
    spent = [*(job.usage for job in records), *(request.planning for request in asked)]
    return TeamMetrics(
        repository=repository,
        since=since,
        until=now,
        requests=len(asked),
        jobs=len(records),
        time_to_first_pull=Spread.of(list(_firsts(asked, done))),
        queue_wait=Spread.of([wait for _, moves in done for wait in _waits(moves)]),
        pulls=len(mine),
        merged=len(merged),
        merged_unedited=sum(pull.head == job.head for job, pull in mine if job in merged),
        closed=sum(not pull.open and job not in merged for job, pull in mine),
        open=sum(pull.open for _, pull in mine),
        reworked=sum(job.round > 0 for job, _ in mine),
        roles=tuple(_by_role(records)),
        stuck=tuple(
            job.id for job in records if job.state in _MOVES_ITSELF and now - _since(job) > STUCK_AFTER
        ),
        usd=sum(usage.usd or 0.0 for usage in spent),
        usd_unknown=sum(usage.usd is None for usage in spent),
        tokens=sum(usage.tokens_in + usage.tokens_out for usage in spent),
    )


def _since(job: JobRecord) -> datetime:
    """Return since when a job could move: one that is to be tried later waits rightly until then."""
    return max(job.updated_at, job.not_before or job.updated_at)


def _moves(trail: str) -> list[tuple[str, datetime]]:
    try:
        events = read_events(trail)
    except ValueError:
        return []
    return list(_states(events))


def _states(events: Iterable[AuditEvent]) -> Iterator[tuple[str, datetime]]:
    """Yield each change of state, and when it was."""
    last = ""
    for event in events:
        state = event.attributes.get("state")
        if event.kind == "state" and isinstance(state, str) and state != last:
            yield state, event.at
            last = state


def _waits(moves: Sequence[tuple[str, datetime]]) -> Iterator[float]:
    for (before, since), (after, at) in itertools.pairwise(moves):
        if (before, after) == (JobState.QUEUED, JobState.CLAIMED):
            yield max(0.0, (at - since).total_seconds())


def _firsts(
    requests: Iterable[RequestRecord], jobs: Sequence[tuple[JobRecord, list[tuple[str, datetime]]]]
) -> Iterator[float]:
    for request in requests:
        published = [
            at
            for job, moves in jobs
            if job.request == request.request.number
            for state, at in moves
            if state == JobState.PUBLISHED
        ]
        if published:
            yield max(0.0, (min(published) - request.request.asked_at).total_seconds())


def _by_role(jobs: Sequence[JobRecord]) -> Iterator[RoleTally]:
    for role in sorted({job.task.role for job in jobs}):
        own = [job for job in jobs if job.task.role == role]
        failures = Counter(
            job.failure.kind.value for job in own if job.state is JobState.FAILED and job.failure
        )
        good = sum(job.state in ON_A_BRANCH or job.state is JobState.MERGED for job in own)
        ended = sum(job.state is JobState.FAILED for job in own if job.state in ENDED)
        yield RoleTally(role=role, succeeded=good, failed=ended, failures=dict(failures))
