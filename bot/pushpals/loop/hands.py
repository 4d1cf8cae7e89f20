"""What a step has in its hands, and the one way in which a job's record moves."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pushpals.audit.chain import AuditEvent, Chain
from pushpals.loop.services import Event
from pushpals.loop.spending import spent_today
from pushpals.model import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.git import RefUpdate
    from pushpals.ledger import Entry
    from pushpals.loop.services import Repo, Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobId, JobRecord, RepoRef


class Again(Exception):  # noqa: N818 - not an error: a request to look again
    """What was seen is no longer true, or may not be. Observe again."""


class Errand(Protocol):
    """Something long that is no job, such as asking a model."""

    async def run(self) -> bool:
        """Do it; return whether its subject must be looked at again."""

    async def broke(self, code: str) -> None:
        """Tell people that it broke; `code` finds the reason in the server's log."""


class Starts(Protocol):
    """The crew, as far as steps need it (see `pushpals.loop.work.Crew`)."""

    async def start(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
        """Claim a job and begin with it."""

    def gate(self, entry: Entry[JobRecord], s: Snapshot, hands: Hands) -> Snapshot:
        """Begin to judge a proposed patch."""

    def send(self, key: str, errand: Errand, s: Snapshot) -> Snapshot:
        """Begin an errand, unless one with this key is under way."""

    async def stop(self, repo: RepoRef, job: JobId) -> bool:
        """Stop work on a job; True when it was being worked on here."""


@dataclass(frozen=True)
class Hands:
    """The adapters and the crew, for one repository."""

    services: Services
    repo: Repo
    crew: Starts

    async def record(
        self,
        s: Snapshot,
        entry: Entry[JobRecord],
        changes: Mapping[str, object],
        message: str,
        *,
        events: Sequence[AuditEvent] = (),
        files: Mapping[str, bytes] | None = None,
        also: Sequence[RefUpdate] = (),
    ) -> Snapshot:
        """Advance a job's record and return the snapshot knowing it. Raises ClaimLost when it moved."""
        advanced = await advance(
            self.services, self.repo, entry, changes, message, events=events, files=files, also=also
        )
        self.services.watch(Event(s.ref, "state", message, entry.record.id, advanced.record.state))
        jobs = tuple(advanced if job.record.id == entry.record.id else job for job in s.ledger.jobs)
        return replace(s, ledger=replace(s.ledger, jobs=jobs))


async def advance(
    services: Services,
    repo: Repo,
    entry: Entry[JobRecord],
    changes: Mapping[str, object],
    message: str,
    *,
    events: Sequence[AuditEvent] = (),
    files: Mapping[str, bytes] | None = None,
    also: Sequence[RefUpdate] = (),
) -> Entry[JobRecord]:
    """Move a job's record by compare-and-swap; its audit chain and the refs in `also` go in the same push."""
    now = services.clock.now()
    stamp: dict[str, object] = {"nonce": secrets.token_hex(8), "updated_at": now}
    if not services.config.headless:
        stamp["by"] = services.holder
    state = changes.get("state", entry.record.state)
    if state is JobState.QUEUED and entry.record.state is not JobState.QUEUED:
        stamp |= {"queued_at": now, "claimed_at": None, "runs_asked": ()}
    elif state is JobState.CLAIMED:
        stamp["claimed_at"] = now
    record = entry.record.model_copy(update={**changes, **stamp})
    record = record.model_copy(update={"today": spent_today(entry.record, record, now.date())})
    chain = await chain_of(repo, entry)
    lines = [chain.append(services.redactor.event(event)) for event in events]
    moved = AuditEvent(at=now, kind="state", text=message, attributes={"state": record.state.value})
    lines.append(chain.append(moved))
    advanced = await repo.ledger.advance(
        entry, record, files=files or {}, audit=lines, message=message, when=now, also=also
    )
    services.board.put(repo.ref, advanced)
    services.overview.moved(repo.ref, entry.record, record)
    return advanced


async def chain_of(repo: Repo, entry: Entry[JobRecord]) -> Chain:
    """Return the job's audit chain, ready to be continued."""
    return Chain.resume(entry.record.id, await repo.ledger.audit_lines(entry))


def entry_of(s: Snapshot, job: JobId) -> Entry[JobRecord]:
    """Return a job's entry in the snapshot."""
    return next(entry for entry in s.ledger.jobs if entry.record.id == job)
