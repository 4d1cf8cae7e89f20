"""The forge's memory: typed tables, transactions that survive ``kill -9``, and a way to wait for a change.

Read through the tables and queries it inherits. Write only through the functions of ``accounts``, ``issues``,
``pulls``, ``checks`` and ``apps``, which keep GitHub's rules and tell the webhooks. A store belongs to one
event loop.
"""

import asyncio
import base64
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pushpals.local.forge.app_entities import (
    App,
    CheckRun,
    CheckSuite,
    CommitStatus,
    Delivery,
    Installation,
    Token,
)
from pushpals.local.forge.entities import (
    Account,
    Comment,
    Entity,
    Issue,
    Label,
    PullRequest,
    Repo,
    Review,
    ReviewComment,
    ReviewThread,
    TimelineEvent,
)
from pushpals.local.forge.journal import Change, Journal
from pushpals.local.forge.tables import Tables

E = TypeVar("E", bound=Entity)

_PREFIXES: dict[type[Entity], str] = {
    Account: "U",
    Repo: "R",
    Label: "LA",
    Issue: "I",
    PullRequest: "PR",
    Comment: "IC",
    Review: "PRR",
    ReviewThread: "PRRT",
    ReviewComment: "PRRC",
    TimelineEvent: "LE",
    CheckSuite: "CS",
    CheckRun: "CR",
    CommitStatus: "SC",
    App: "A",
    Installation: "IN",
    Token: "T",
    Delivery: "D",
}
_KINDS: dict[str, type[Entity]] = {kind.__name__: kind for kind in _PREFIXES}
_FIRST_ID = 1001


@dataclass(frozen=True)
class Event:
    """Something an App may subscribe to: the webhook's name and action, and the records its payload shows."""

    name: str
    action: str | None
    repo: Repo
    sender: str
    parts: dict[str, Any] = field(default_factory=dict)


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)


class Store(Tables):
    """Everything the forge knows, except what is in git.

    ``revision`` grows with every change. ``on_event`` is called inside the transaction, so
    that what it writes (the deliveries) becomes durable together with its cause.
    """

    def __init__(self, directory: Path, clock: Callable[[], datetime] = utc_now) -> None:
        """Open (or begin) the store kept in ``directory``."""
        super().__init__()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.revision = 0
        self.on_event: Callable[[Event], None] = lambda _: None
        self._clock = clock
        self._last_id = _FIRST_ID - 1
        self._depth = 0
        self._undo: list[tuple[type[Entity], int, Entity | None]] = []
        self._waiters: set[asyncio.Future[None]] = set()
        self._journal = Journal(directory / "forge.jsonl")
        self._load()

    def close(self) -> None:
        """Close the journal. Everything is already in it."""
        self._journal.close()

    # Writing

    def now(self) -> datetime:
        """The time to write on records: whole seconds, UTC."""
        return self._clock().replace(microsecond=0)

    def identity(self, kind: type[Entity], repo_id: int = 0) -> dict[str, Any]:
        """A new ``id`` and ``node_id`` for a record of this kind."""
        self._last_id += 1
        packed = struct.pack(">BIQ", 0x92, repo_id, self._last_id)
        token = base64.urlsafe_b64encode(packed).decode().rstrip("=")
        return {"id": self._last_id, "node_id": f"{_PREFIXES[kind]}_kwDO{token}"}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes inside one: all durable when the outermost block ends, none if it raises."""
        self._depth += 1
        try:
            yield
        except BaseException:
            if self._depth == 1:
                self._roll_back()
            raise
        else:
            if self._depth == 1 and self._undo:
                self._commit()
        finally:
            self._depth -= 1

    def put(self, record: E) -> E:
        """Insert or replace a record."""
        self._write(type(record), record.id, record)
        return record

    def drop(self, record: Entity) -> None:
        """Remove a record."""
        self._write(type(record), record.id, None)

    def emit(self, event: Event) -> None:
        """Tell the webhooks, inside the running transaction."""
        self.on_event(event)

    def touch(self) -> None:
        """Wake those who wait for a change, though nothing here changed: refs did, or a transaction ended."""
        self.revision += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def changed(self, since: int) -> int:
        """Wait until ``revision`` is no longer ``since``; return it."""
        while self.revision == since:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self.revision

    # Inside

    def _load(self) -> None:
        lines = 0
        for changes in self._journal.replay():
            lines += 1
            for kind, key, value in changes:
                model = _KINDS[kind]
                self._set(model, key, model.model_validate(value) if value is not None else None)
                self._last_id = max(self._last_id, key)
        live = sum(len(table) for table in self._tables.values())
        if lines > 4 * live + 100:
            self._journal.rewrite(_change(r) for table in self._tables.values() for r in table.values())

    def _write(self, kind: type[Entity], key: int, record: Entity | None) -> None:
        if not self._depth:
            raise RuntimeError("a write outside of a transaction")
        self._undo.append((kind, key, self._tables[kind].get(key)))
        self._set(kind, key, record)

    def _set(self, kind: type[Entity], key: int, record: Entity | None) -> None:
        old = self._tables[kind].pop(key, None) if record is None else None
        if old is not None:
            self._nodes.pop(old.node_id, None)
        if record is not None:
            self._tables[kind][key] = record
            self._nodes[record.node_id] = record

    def _roll_back(self) -> None:
        for kind, key, old in reversed(self._undo):
            self._set(kind, key, old)
        self._undo.clear()

    def _commit(self) -> None:
        touched = {(kind, key): self._tables[kind].get(key) for kind, key, _ in self._undo}
        self._undo.clear()
        self._journal.append(
            (kind.__name__, key, None if record is None else record.model_dump(mode="json"))
            for (kind, key), record in touched.items()
        )
        self.touch()


def _change(record: Entity) -> Change:
    return type(record).__name__, record.id, record.model_dump(mode="json")
