"""What the loop works with: the adapters to each outside thing, opened once per process."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from cachetools import LRUCache

from pushpals.audit.redact import Redactor
from pushpals.git import Identity, Mirror
from pushpals.github import PUSH, READ_LOGS
from pushpals.ledger import Ledger
from pushpals.loop.discreet import DiscreetModel
from pushpals.loop.overview import Overview
from pushpals.loop.silent import Silent
from pushpals.model import Holder

if TYPE_CHECKING:
    from pathlib import Path

    from pushpals.github import Endpoints, GitHub, RepoClient, SubjectView
    from pushpals.ledger import Entry
    from pushpals.llm import ChatModel
    from pushpals.model import Hint, JobId, JobRecord, JobState, RepoRef, SubjectRef
    from pushpals.policy.repo_policy import Dispatch
    from pushpals.sandbox import SandboxProvider

LEDGER_IDENTITY = Identity("PushPals", "pushpals@users.noreply.github.com")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """The two clocks there are: `now` for records (UTC), `monotonic` for measuring (seconds)."""

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Config:
    """How this process works. Times in seconds."""

    state: Path
    """Folder for mirrors and workspaces. Everything in it can be deleted while nothing runs."""
    endpoints: Endpoints
    capacity: int = 2
    """Jobs that may be worked on at once."""
    reclaim_after: float = 600.0
    """A claim that has not moved for so long, by this process's monotonic clock, is taken over."""
    heartbeat: float = 45.0
    """A job's record moves at least this often while it is worked on."""
    away: timedelta | None = None
    """How long a job may be silent that is claimed here and worked on elsewhere, on a copy of its record."""
    works_for: frozenset[Dispatch] = frozenset({"inline"})
    """Which jobs are worked on here, by where the policy sends them."""
    lookout: float = 5.0
    """Pause between two looks at jobs that are worked on elsewhere."""
    headless: bool = False
    """Whether jobs are only worked on here: whoever queued one goes on with what is proposed."""
    reviews: bool = True
    """Whether a model is asked here about a patch that passed the gate."""
    retry_factor: float = 1.0
    """Stretches (or, in tests, shrinks) the pause before a job is tried again."""
    refresh_after: tuple[float, ...] = (10.0, 40.0, 120.0)
    """Ages of a job at which what people see is refreshed; each costs one request."""
    refresh_every: float = 300.0
    """The pause between refreshes after the last of those."""


EventKind = Literal["plan", "state", "turn", "tool", "check", "note", "gate", "write", "refused"]


@dataclass(frozen=True)
class Event:
    """Something happened, for whoever watches this process: the terminal, the log."""

    ref: SubjectRef
    kind: EventKind
    text: str
    job: JobId | None = None
    state: JobState | None = None
    """The job's new state, for events of kind `state`."""


class Board:
    """What this process last knew of each job, and what its workers are doing: for the picture they share.

    Several workers may work for one request, and each redraws the one comment; this is how each knows of the
    others. It decides nothing and may forget.
    """

    def __init__(self) -> None:
        self._jobs: LRUCache[tuple[RepoRef, JobId], Entry[JobRecord]] = LRUCache(maxsize=2_000)
        self._views: LRUCache[SubjectRef, SubjectView] = LRUCache(maxsize=200)
        self.live: dict[tuple[RepoRef, JobId], str] = {}
        """A short line on what each worker does: turn, last command."""

    def see(self, ref: SubjectRef, view: SubjectView) -> None:
        """Take in how a subject looks now."""
        self._views[ref] = view

    def view(self, ref: SubjectRef) -> SubjectView | None:
        """Return how a subject looked when this process last looked, if that is still known."""
        return self._views.get(ref)

    def put(self, repo: RepoRef, entry: Entry[JobRecord]) -> None:
        """Take in how a job stands now."""
        self._jobs[repo, entry.record.id] = entry

    def known(self, repo: RepoRef, job: JobId) -> Entry[JobRecord] | None:
        """Return a job as this process last knew it."""
        return self._jobs.get((repo, job))

    def newest(self, repo: RepoRef, jobs: Sequence[Entry[JobRecord]], first: int) -> list[JobRecord]:
        """Return `jobs` as they stand now, and those made since for the same plan, from number `first` on."""
        known = {entry.record.id: entry.record for entry in jobs}
        number = jobs[0].record.request if jobs else 0
        for (owner, job), entry in self._jobs.items():
            record = entry.record
            older = known.get(job)
            newer = older is None or older.updated_at <= record.updated_at
            if owner == repo and record.request == number and newer:
                known[job] = record
        numbered = {int(job.partition("-")[2]): record for job, record in known.items()}
        return [numbered[k] for k in sorted(numbered) if k >= first]

    def lines(self, repo: RepoRef) -> dict[JobId, str]:
        """Return what the workers of a repository do, by job."""
        return {job: line for (owner, job), line in self.live.items() if owner == repo}


@dataclass
class Repo:
    """One repository, with everything needed to look at it and to change it."""

    ref: RepoRef
    client: RepoClient
    mirror: Mirror
    ledger: Ledger
    beginning: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a request or a question is begun: how many there are is counted first."""
    branch: str | None = None
    """Name of the default branch, as far as it is known."""

    async def default_branch(self) -> str:
        """Return the name of the default branch, asking git the first time."""
        if self.branch is None:
            self.branch = await self.mirror.remote_head()
        return self.branch


@dataclass
class Services:
    """The adapters, and the repositories opened so far."""

    github: GitHub
    model: ChatModel
    sandboxes: SandboxProvider
    config: Config
    holder: Holder
    clock: Clock = field(default_factory=Clock)
    watch: Callable[[Event], None] = lambda _event: None
    redactor: Redactor = field(default_factory=Redactor)
    """Takes secrets out of what is kept or shown."""
    board: Board = field(default_factory=Board)
    overview: Overview = field(default_factory=Overview)
    _repos: dict[RepoRef, Repo] = field(default_factory=dict)
    _opening: dict[RepoRef, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Stand before the model, so that no way to it goes around the redactor."""
        self.model = DiscreetModel(self.model, self.redactor)

    def adopt(self, repo: Repo) -> None:
        """Take a repository as it was opened elsewhere."""
        self._repos[repo.ref] = repo

    async def repo(self, hint: Hint) -> Repo:
        """Return the repository a hint points at, opened on first use."""
        ref = hint.ref.repo
        if ref in self._repos:
            return self._repos[ref]
        async with self._opening.setdefault(ref, asyncio.Lock()):
            if ref not in self._repos:
                client = self._client(ref, hint.installation)
                mirror = await Mirror.open(
                    self.config.state / "mirrors" / ref.owner / f"{ref.name}.git",
                    self.config.endpoints.git(ref),
                    lambda: client.git_token(PUSH),
                )
                self._repos[ref] = Repo(ref, client, mirror, Ledger(mirror, LEDGER_IDENTITY))
            return self._repos[ref]

    def _client(self, ref: RepoRef, installation: int | None) -> RepoClient:
        if self.config.headless:
            return Silent(self.github.repo(ref, installation, permissions=READ_LOGS))
        return self.github.repo(ref, installation)


class StateBusy(Exception):  # noqa: N818 - reads as the state it reports
    """Another PushPals process works in the same state folder."""


@dataclass
class StateLock:
    """A state folder, locked for this process, and who this process is."""

    holder: Holder
    _descriptor: int

    @classmethod
    def take(cls, state: Path) -> StateLock:
        """Lock `state`, made if need be. Raises StateBusy when another process has it.

        The instance's name is kept in the folder, and the lock makes sure that it has one living process.
        So a process that finds a claim of its own instance and another boot knows its holder to be dead, and
        need not wait for it.
        """
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(state / "instance", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            message = f"{state} is in use by another PushPals process. Stop that one, or set PUSHPALS_STATE."
            raise StateBusy(message) from None
        name = os.read(descriptor, 64).decode("ascii", "replace").strip()
        if not name:
            name = secrets.token_hex(8)
            os.write(descriptor, f"{name}\n".encode())
        return cls(Holder(instance=name, boot=secrets.token_hex(8)), descriptor)

    def release(self) -> None:
        """Let go of the folder. A process that dies lets go of it too."""
        os.close(self._descriptor)
