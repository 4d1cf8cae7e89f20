"""The queue, as people see it: since when a job waits and for whom, or who took it and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.words import duration, plain
from pushpals.model import HELD, JobState

if TYPE_CHECKING:
    from datetime import datetime

    from pushpals.model import JobRecord

NAME_LIMIT = 60


def queue_lines(job: JobRecord, dispatch: str) -> list[str]:
    """Return the lines on a job's wait, an empty one first; none for one that neither waits nor is held.

    `dispatch` is where the policy sends jobs.
    """
    if job.state is JobState.QUEUED and job.queued_at:
        since = f"Queued since {_time(job.queued_at)}"
        return ["", f"{since} {_for_whom(job, dispatch)}".rstrip(" .") + "."]
    if job.state in HELD and job.claimed_at:
        name = plain(job.holder.name, NAME_LIMIT) if job.holder else ""
        by = f"Held by `{name}` since" if name else "Under work since"
        waited = (job.claimed_at - job.queued_at).total_seconds() if job.queued_at else None
        after = f", after {duration(waited)} in the queue" if waited is not None and waited >= 0 else ""
        return ["", f"{by} {_time(job.claimed_at)}{after}."]
    return []


def _for_whom(job: JobRecord, dispatch: str) -> str:
    if dispatch == "worker":
        return (
            "for a worker (`dispatch: worker`). If none takes it within some minutes, look whether one runs: "
            "`pushpals worker`."
        )
    if dispatch == "actions" and job.runs_asked:
        asked = _time(job.runs_asked[-1])
        return (
            f"for a workflow run (`dispatch: actions`), asked for at {asked}. If none takes it, look at the "
            "*Actions* page, and whether the workflow is on the default branch."
        )
    return "for a workflow run (`dispatch: actions`)." if dispatch == "actions" else ""


def _time(at: datetime) -> str:
    return f"{at:%H:%M} UTC"
