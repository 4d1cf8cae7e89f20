"""The steps that `decide` may ask for. Each says what is owed, never how it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from pushpals.github import Mutation
    from pushpals.model import Failure, JobId, Person


@dataclass(frozen=True)
class OpenRequest:
    """Record in the ledger who asked for what, with a plan. `cause` is the event that asked."""

    cause: str
    asker: Person
    asked_at: datetime


@dataclass(frozen=True)
class JoinRequest:
    """Record that a further cause is answered by the job that is under way."""

    cause: str


@dataclass(frozen=True)
class QueueJob:
    """Create the job of a task of the plan, from index 0; on top of the unmerged job `onto`, if any."""

    index: int = 0
    onto: JobId | None = None


@dataclass(frozen=True)
class StartJob:
    """Claim a job by compare-and-swap and hand it to a worker."""

    job: JobId


@dataclass(frozen=True)
class GateJob:
    """Check a proposed patch on the control side: scope, secrets, review, the checks on the exact tree."""

    job: JobId


@dataclass(frozen=True)
class PublishJob:
    """Move the agent branch and the job's ref in one atomic push."""

    job: JobId


@dataclass(frozen=True)
class EndJob:
    """Stop a job: its worker if one runs here, and its record."""

    job: JobId
    failure: Failure


@dataclass(frozen=True)
class MarkMerged:
    """Record that a person merged the pull request."""

    job: JobId


@dataclass(frozen=True)
class Write:
    """Bring what people see in step: one request with all the writes that are owed."""

    mutations: tuple[Mutation, ...]


@dataclass(frozen=True)
class Wake:
    """Nothing is owed before this time; look again then."""

    at: datetime


Step = (
    OpenRequest
    | JoinRequest
    | QueueJob
    | StartJob
    | GateJob
    | PublishJob
    | EndJob
    | MarkMerged
    | Write
    | Wake
)
