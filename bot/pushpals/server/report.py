"""How this process stands, as data: what runs, what waits and why, what failed, and which limits are left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pushpals import __version__
from pushpals.audit.prose.standing import PLACES, Place, detail, place, plan_detail, plan_place
from pushpals.model import ENDED, Frozen, JobState, SubjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushpals.loop.engine import Engine
    from pushpals.model import JobRecord, RepoRef, RequestRecord
    from pushpals.server.metrics import Reading, Values
    from pushpals.server.poll import Poller
    from pushpals.server.queue import HintQueue
    from pushpals.server.readiness import Readiness

SHOWN = 20
"""Rows of each list."""
_TEXT = 300
CREATED = "created"
"""The kind of the limit on comments, pull requests, reviews and merges."""


def _whose(installation: int | None) -> str:
    return "the App" if installation is None else f"installation {installation}"


class Row(Frozen):
    """One job, or one subject, in a line or two."""

    subject: str
    """`owner/name#number`."""
    url: str
    job: str = ""
    state: str = ""
    goal: str = ""
    since: datetime | None = None
    detail: str = ""
    """What it does right now; why it waits; why it failed."""
    next_step: str = ""
    pull: str = ""
    """Address of its pull request, where that is known."""
    here: bool = True
    """Whether this process works on it, rather than another."""
    holder: str = ""
    attempt: int = 0
    usd: float | None = 0.0


class Limit(Frozen):
    """What is left of an hour: of requests, or of what may be created."""

    whose: str
    kind: str
    remaining: int
    limit: int
    resets_at: datetime
    """When a new hour begins; of what may be created, when there is room for more."""
    waiting: int = 0
    """Writes that wait for that."""


class StatusReport(Frozen):
    """Everything the status page shows, and `/status.json` says."""

    version: str = __version__
    started_at: datetime
    at: datetime
    github: str
    missing: tuple[str, ...]
    """What it waits for before it can work; empty when it is ready."""
    hears: str
    """How it is told of news."""
    model: str = ""
    sandbox: str = ""
    workers: int = 0
    working: int = 0
    queue: int = 0
    """Subjects that wait to be looked at, or are."""
    heard_at: datetime | None = None
    """When the log of deliveries was last read; None where webhooks come."""
    running: tuple[Row, ...] = ()
    asked: tuple[Row, ...] = ()
    """Waiting for a person's word."""
    waiting: tuple[Row, ...] = ()
    """Waiting for a worker, for their time, or for another job."""
    review: tuple[Row, ...] = ()
    """Published, and waiting for people."""
    failed: tuple[Row, ...] = ()
    limits: tuple[Limit, ...] = ()
    more: int = 0
    """Jobs that are not shown, for want of room."""


@dataclass
class Reporter:
    """Makes reports of one process."""

    github: str
    readiness: Readiness
    queue: HintQueue
    started_at: datetime
    polls: bool
    engine: Engine | None = None
    """None until work can begin."""
    poller: Poller | None = None
    outcomes: Counter[str] | None = None
    """Of webhooks."""

    def report(self) -> StatusReport:
        """Return how things stand now, every text redacted and short."""
        base = StatusReport(
            started_at=self.started_at,
            at=datetime.now(UTC),
            github=self.github,
            missing=self.readiness.missing,
            hears="reads the App's log of deliveries" if self.polls else "takes webhooks",
            queue=self.queue.depth,
        )
        if self.engine is None:
            return base
        services = self.engine.services
        lists, more = self._lists()
        facts: dict[str, object] = {
            "model": services.model.name,
            "sandbox": services.sandboxes.describe(),
            "workers": services.config.capacity,
            "working": self.engine.crew.count,
            "heard_at": self._heard_at(),
            "limits": tuple(self._limits()),
            "more": more,
        } | lists
        whole = base.model_copy(update=facts).model_dump(mode="json")
        return StatusReport.model_validate(services.redactor.data(whole, _TEXT))

    def readings(self) -> Iterator[Reading]:
        """Yield the numbers that Prometheus asks for."""
        yield "pushpals_ready", "1 when work can be done.", (), {(): float(not self.readiness.missing)}
        yield "pushpals_queue_depth", "Subjects that wait to be looked at.", (), {(): float(self.queue.depth)}
        yield from self._deliveries()
        if self.engine is None:
            return
        crew, overview = self.engine.crew, self.engine.services.overview
        yield "pushpals_workers_busy", "Jobs worked on here.", (), {(): float(crew.count)}
        yield "pushpals_workers", "Jobs that may be.", (), {(): float(self.engine.services.config.capacity)}
        states = Counter(job.state for _, job in overview.jobs() if job.state not in ENDED)
        jobs: Values = {(state.value,): float(states[state]) for state in JobState if state not in ENDED}
        yield "pushpals_jobs", "Jobs that have not ended, as last seen, by state.", ("state",), jobs
        yield from self._allowances()

    def _deliveries(self) -> Iterator[Reading]:
        doors = {"webhook": self.outcomes, "poll": self.poller.outcomes if self.poller else None}
        values: Values = {
            (door, outcome): float(count)
            for door, outcomes in doors.items()
            for outcome, count in (outcomes or {}).items()
        }
        words = "Deliveries, by how they were told and what became of them."
        yield "pushpals_deliveries_total", words, ("door", "outcome"), values
        if self.poller and self.poller.read_at:
            words = "When the log of deliveries was last read, seconds since the epoch."
            yield "pushpals_poll_read_at_seconds", words, (), {(): self.poller.read_at}

    def _allowances(self) -> Iterator[Reading]:
        """The least that any installation has left: one number however many there are."""
        values: Values = {}
        for limit in self._limits():
            if limit.kind == CREATED:
                continue
            key = ("app" if limit.whose == "the App" else "installation", limit.kind)
            values[key] = min(values.get(key, float("inf")), float(limit.remaining))
        words = "Requests left this hour; of installations, what the poorest has."
        yield "pushpals_github_requests_left", words, ("scope", "kind"), values
        yield from self._creations()

    def _creations(self) -> Iterator[Reading]:
        """How near the fullest installation is to what it may create, and what had to wait for that."""
        if self.engine is None:
            return
        created = tuple(self.engine.services.github.created())
        left: Values = {(): float(min(one.left for one in created))} if created else {}
        words = "Things that may be created this hour; of installations, what the poorest has."
        yield "pushpals_github_creations_left", words, (), left
        waiting: Values = {(): float(sum(one.waiting for one in created))}
        yield "pushpals_github_writes_waiting", "Writes that wait for room in the hour.", (), waiting
        held: Values = {(): float(sum(one.held for one in created))}
        yield "pushpals_github_writes_held_total", "Writes that had to wait for room in the hour.", (), held

    def _heard_at(self) -> datetime | None:
        read_at = self.poller.read_at if self.poller else None
        return datetime.fromtimestamp(read_at, UTC) if read_at else None

    def _limits(self) -> Iterator[Limit]:
        if self.engine is None:
            return
        for (installation, kind), left in self.engine.services.github.allowances.items():
            yield Limit(
                whose=_whose(installation),
                kind=kind,
                remaining=left.remaining,
                limit=left.limit,
                resets_at=datetime.fromtimestamp(left.reset, UTC),
            )
        for created in self.engine.services.github.created():
            yield Limit(
                whose=_whose(created.installation),
                kind=CREATED,
                remaining=created.left,
                limit=created.limit,
                resets_at=datetime.fromtimestamp(created.freed_at, UTC),
                waiting=created.waiting,
            )

    def _lists(self) -> tuple[dict[Place, tuple[Row, ...]], int]:
        found: dict[Place, list[Row]] = {name: [] for name in PLACES}
        more = 0
        assert self.engine is not None  # noqa: S101 - for the type checker; `report` asks first
        for repo, job in self.engine.services.overview.jobs():
            where = place(job, datetime.now(UTC))
            if where is None:
                continue
            if len(found[where]) == SHOWN:
                more += 1
                continue
            found[where].append(self._row(self.engine, repo, job))
        for repo, request in self.engine.services.overview.requests():
            where = plan_place(request)
            if where is not None and len(found[where]) < SHOWN:
                found[where].append(self._plan_row(repo, request))
        return {name: tuple(rows) for name, rows in found.items()}, more

    def _plan_row(self, repo: RepoRef, request: RequestRecord) -> Row:
        number = request.request.number
        return Row(
            subject=f"{repo}#{number}",
            url=f"{self.github}/{repo}/issues/{number}",
            state="plan",
            goal=request.request.title,
            since=request.written_at or request.created_at,
            detail=plan_detail(request),
        )

    def _row(self, engine: Engine, repo: RepoRef, job: JobRecord) -> Row:
        services = engine.services
        ref = SubjectRef(repo=repo, number=job.request)
        here = job.id in engine.crew.working(repo)
        view = services.board.view(ref)
        pulls = view.pulls.get(job.branch, ()) if view else ()
        return Row(
            subject=str(ref),
            url=f"{self.github}/{repo}/issues/{job.request}",
            job=job.id,
            state=job.state.value,
            goal=job.task.goal,
            since=job.updated_at,
            detail=detail(
                job,
                datetime.now(UTC),
                live=services.board.live.get((repo, job.id), ""),
                here=here,
                free=engine.crew.free,
            ),
            next_step=job.failure.next_step if job.failure else "",
            pull=pulls[-1].url if pulls else "",
            here=here,
            holder=job.holder.instance if job.holder else "",
            attempt=job.attempt,
            usd=job.usage.usd,
        )
