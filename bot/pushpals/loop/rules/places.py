"""Where something is said, and so what it is about: one job's pull request, or a request as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.loop.rules.common import plan_jobs

if TYPE_CHECKING:
    from pushpals.localbuddy.utterances import Place
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Person, Sha


def jobs_here(s: Snapshot, place: Place) -> tuple[JobRecord, ...]:
    """Return the jobs that something said at `place` is about: of its pull request, else all of the plan."""
    jobs = tuple(entry.record for entry in plan_jobs(s.ledger))
    job = job_branch(place)
    return jobs if job is None else tuple(each for each in jobs if each.branch == job)


def job_branch(place: Place) -> str | None:
    """Return the branch of the job that a place belongs to; None where it belongs to the whole request."""
    ours = place.pull is not None and place.pull.head_ref.startswith("agent/")
    return place.pull.head_ref if place.pull and ours else None


def is_own(s: Snapshot, person: Person, place: Place) -> bool:
    """True where the issue or pull request is the person's own."""
    author = place.pull.author if place.pull else s.view.author
    return author is not None and author.id == person.id


def head_of(s: Snapshot, job: JobRecord) -> Sha | None:
    """Return where the branch of a published job stands; people may have pushed to it."""
    pulls = s.view.pulls.get(job.branch, ())
    return (pulls[0].head_sha if pulls else job.head) if job.head else None
