"""What the loop works with: the adapters to each outside thing, opened once per process."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pushpals.audit.redact import Redactor
from pushpals.git import Identity, Mirror
from pushpals.github import PUSH
from pushpals.ledger import Ledger
from pushpals.model import Holder

if TYPE_CHECKING:
    from pathlib import Path

    from pushpals.github import Endpoints, GitHub, RepoClient
    from pushpals.llm import ChatModel
    from pushpals.model import Hint, JobId, JobState, RepoRef, SubjectRef
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


@dataclass
class Repo:
    """One repository, with everything needed to look at it and to change it."""

    ref: RepoRef
    client: RepoClient
    mirror: Mirror
    ledger: Ledger
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
    _repos: dict[RepoRef, Repo] = field(default_factory=dict)
    _opening: dict[RepoRef, asyncio.Lock] = field(default_factory=dict)

    async def repo(self, hint: Hint) -> Repo:
        """Return the repository a hint points at, opened on first use."""
        ref = hint.ref.repo
        if ref in self._repos:
            return self._repos[ref]
        async with self._opening.setdefault(ref, asyncio.Lock()):
            if ref not in self._repos:
                client = self.github.repo(ref, hint.installation)
                mirror = await Mirror.open(
                    self.config.state / "mirrors" / ref.owner / f"{ref.name}.git",
                    self.config.endpoints.git(ref),
                    lambda: client.git_token(PUSH),
                )
                self._repos[ref] = Repo(ref, client, mirror, Ledger(mirror, LEDGER_IDENTITY))
            return self._repos[ref]


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
