"""What the ledger gives out: records as they stand, and the two ways it can say no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pushpals.model import JobRecord, RequestRecord, Sha, SpendingRecord, TrainRecord

Record = RequestRecord | JobRecord | TrainRecord | SpendingRecord
R = TypeVar("R", RequestRecord, JobRecord, TrainRecord, SpendingRecord)


@dataclass(frozen=True)
class Entry(Generic[R]):
    """A record as it stands: its ref, the commit it was read from, and the first commit of its chain."""

    ref: str
    sha: Sha
    root: Sha
    record: R


class LedgerError(Exception):
    """Base of the ledger's own errors."""


class ClaimLost(LedgerError):  # noqa: N818 - reads as what it is where it is caught
    """Somebody else moved the ref first. Nothing of ours was written."""

    def __init__(self, ref: str, sha: Sha | None, now: Entry[Any] | None) -> None:
        """Name the ref, the sha it is at (None: gone or not known), and what it says (`now`) if known."""
        super().__init__(f"{ref} was moved by somebody else (it is now at {sha or 'nothing'}). Look again.")
        self.ref = ref
        self.sha = sha
        self.now = now


class LedgerDamaged(LedgerError):  # noqa: N818
    """A record that this release can not read."""

    def __init__(self, ref: str, sha: Sha, reason: str) -> None:
        """Name the ref and commit, the reason, and the way out."""
        super().__init__(
            f"The record at {ref} ({sha}) can not be read: {reason} If a newer PushPals wrote it, upgrade "
            f"this one. Else look at `git log {ref}` and move the ref back to the last good commit with "
            f"`git push --force-with-lease={ref}:{sha} origin GOOD:{ref}`."
        )
        self.ref = ref
        self.sha = sha
        self.reason = reason


@dataclass(frozen=True)
class LedgerView:
    """Everything the ledger knows about one issue or pull request, as of one fetch."""

    base: Sha
    """Tip of the default branch."""
    request: Entry[RequestRecord] | None
    jobs: tuple[Entry[JobRecord], ...]
    """Sorted by the job's number within the request."""
    damaged: tuple[LedgerDamaged, ...] = ()
    """Refs that can not be read. The others are not touched by that."""
    train: Entry[TrainRecord] | None = None
    """The repository's merge train, where there is one that can be read."""


@dataclass(frozen=True)
class TrainView:
    """Everything the ledger and the branches say about a repository's merge train, as of one fetch."""

    base: Sha
    """Tip of the branch that the train lands on."""
    train: Entry[TrainRecord] | None
    jobs: tuple[Entry[JobRecord], ...]
    """Jobs that are published and have not ended, by request and number."""
    heads: Mapping[str, Sha]
    """Tips of the agents' branches, and of those that the train moves, by name."""


@dataclass(frozen=True)
class Chapter:
    """One commit of a record's life."""

    sha: Sha
    when: datetime
    sentence: str
    record: Record
