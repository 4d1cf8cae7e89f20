"""What people see is brought in step with the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.github import CreatePullRequest
from pushpals.localbuddy import picture, plan_picture
from pushpals.loop import steps
from pushpals.loop.rules.common import PATIENCE, number_of, ours, plan_jobs, written_here
from pushpals.loop.rules.common import newest as newest_job
from pushpals.policy.repo_policy import RepoPolicy

if TYPE_CHECKING:
    from pushpals.github import Mutation
    from pushpals.ledger import Entry, LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, RequestRecord


def shown_jobs(ledger: LedgerView) -> tuple[Entry[JobRecord], ...]:
    """Return the jobs that people are shown: those of the plan, and the last one before it.

    That one as well, because a process may have ended between the end of a job and its picture.
    """
    current = plan_jobs(ledger)
    first = number_of(current[0].record) if current else None
    before = [entry for entry in ledger.jobs if first is None or number_of(entry.record) < first]
    return (*before[-1:], *current)


def picture_steps(s: Snapshot) -> list[steps.Step]:
    """Return the one write that brings the picture in step, if one is owed."""
    if s.ledger.request is None:
        return []
    jobs = plan_jobs(s.ledger)
    last = newest_job(jobs)
    before = [entry for entry in shown_jobs(s.ledger) if entry not in jobs]
    drawn = picture.Drawn(
        request=s.ledger.request.record,
        jobs=jobs,
        mine=frozenset(entry.record.id for entry in jobs if ours(s, entry.record)),
        before=tuple(before),
        comment=ours(s, last.record) if last else _draws(s, s.ledger.request.record),
        live=frozenset(s.working),
        sparing=s.sparing,
        dispatch=s.policy.dispatch if isinstance(s.policy, RepoPolicy) else "inline",
    )
    shown = _plan_writes(s, s.ledger.request.record)
    if any(isinstance(write, CreatePullRequest) for write in shown):
        # First the pull request of the plan: the comment names it.
        return [steps.Write(tuple(shown))]
    owed = (*picture.owed(s.view, drawn), *shown)
    return [steps.Write(owed)] if owed else []


def _plan_writes(s: Snapshot, record: RequestRecord) -> list[Mutation]:
    if not isinstance(s.policy, RepoPolicy) or not _draws(s, record):
        return []
    return plan_picture.owed(s.view, record, s.policy)


def _draws(s: Snapshot, record: RequestRecord) -> bool:
    """True when what is said of a plan is drawn here: by the record's writer, or late by anybody."""
    late = record.written_at is None or s.now - record.written_at >= PATIENCE
    return written_here(s, record) or late
