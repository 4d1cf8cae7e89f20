"""What people see is brought in step with the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.localbuddy import picture
from pushpals.loop import steps
from pushpals.loop.rules.common import newest as newest_job
from pushpals.loop.rules.common import number_of, ours, plan_jobs

if TYPE_CHECKING:
    from pushpals.ledger import Entry, LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord


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
        comment=last is None or ours(s, last.record),
        live=frozenset(s.working),
    )
    owed = picture.owed(s.view, drawn)
    return [steps.Write(owed)] if owed else []
