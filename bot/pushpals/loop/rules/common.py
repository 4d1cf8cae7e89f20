"""What several rules ask of a snapshot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pushpals.model import ENDED, HELD, ON_A_BRANCH, JobState
from pushpals.policy.access import Refused, may_start, roles_that_may
from pushpals.policy.plan_gate import waits_for_people
from pushpals.policy.repo_policy import RepoPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pushpals.github import SubjectView
    from pushpals.ledger import Entry, LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Person, RequestRecord

DEFAULT_POLICY = RepoPolicy()
BEFORE_PUBLICATION = frozenset(JobState) - ENDED - ON_A_BRANCH
PATIENCE = timedelta(minutes=10)
"""What another process was to do with a request's plan is done here after so long."""
NEEDS_ASKER = frozenset({JobState.QUEUED, JobState.PROPOSED, JobState.GATED})
"""States whose next step starts or publishes work: the asker's role is read again for these."""
UNDER_WORK = HELD | {JobState.PROPOSED, JobState.GATED}
"""States of a job that somebody has claimed and not let go of."""


def labelled(view: SubjectView, label: str) -> bool:
    """True when the subject carries `label`; GitHub does not tell letter case apart in label names."""
    return any(name.casefold() == label.casefold() for name in view.labels)


def asked_by_command(request: RequestRecord) -> bool:
    """True when a command asked, so that no label stands for it. Keys of commands have a colon in them."""
    return ":" in request.request.cause


def plan_jobs(ledger: LedgerView) -> tuple[Entry[JobRecord], ...]:
    """Return the jobs of the plan that counts; those of earlier plans of the same issue are left out."""
    if ledger.request is None:
        return ()
    first = ledger.request.record.first
    return tuple(entry for entry in ledger.jobs if number_of(entry.record) >= first)


def number_of(job: JobRecord) -> int:
    """Return a job's number within its request: 2 for `42-2`."""
    return int(job.id.partition("-")[2])


def newest(jobs: Sequence[Entry[JobRecord]]) -> Entry[JobRecord] | None:
    """Return the job whose record was written last."""
    return max(jobs, key=lambda entry: (entry.record.updated_at, number_of(entry.record)), default=None)


def jobs_by_task(ledger: LedgerView) -> dict[int, Entry[JobRecord]]:
    """Return the job of each task of the plan that has one, by the task's index."""
    if ledger.request is None:
        return {}
    first = ledger.request.record.first
    return {number_of(entry.record) - first: entry for entry in plan_jobs(ledger)}


def changed_since(view: SubjectView, at: datetime) -> tuple[Person | None, ...]:
    """Return who changed the title or the text since `at`, when it was asked for as it read then.

    None stands for an account that is gone. GitHub's times are whole seconds: within one, nobody knows what
    came first.
    """
    edited = view.last_edited_at is not None and view.last_edited_at >= at
    renamed = (event.actor for event in view.renamed if event.at >= at)
    return (*((view.editor,) if edited else ()), *renamed)


def question_open(record: RequestRecord) -> bool:
    """True while a question waits for its answer."""
    return record.question is not None and record.question.answer is None


def plan_waits(record: RequestRecord) -> bool:
    """True while nothing of the plan may begin: it is being made, asked about, or not approved yet."""
    if record.stopped:
        return False
    return record.drafted_by is not None or question_open(record) or waits_for_people(record)


def written_here(s: Snapshot, record: RequestRecord) -> bool:
    """True when this process, or an earlier life of it, wrote the request's record last."""
    return record.by is None or record.by.instance == s.holder.instance


def away(s: Snapshot, job: JobRecord) -> bool:
    """True while the holder of a job works on a copy of its record, and so moves nothing here."""
    return job.state in UNDER_WORK and job.away_until is not None and s.now < job.away_until


def ours(s: Snapshot, job: JobRecord) -> bool:
    """True when this process goes on with a job: it wrote the last record, or its writer seems to be gone.

    Records are safe from races by compare-and-swap, but comments and check runs are not: so that two
    replicas do not draw the same picture twice, only the writer of a record draws it.
    """
    if away(s, job):
        return job.by == s.holder
    return job.by is None or job.by.instance == s.holder.instance or job.id in s.abandoned


def orphaned(s: Snapshot, job: JobRecord) -> bool:
    """True when nobody works any more on a job that is held."""
    if job.state not in HELD or job.id in s.working or away(s, job):
        return False
    predecessor = job.holder is not None and job.holder.instance == s.holder.instance
    return predecessor or job.id in s.abandoned


def allowed(s: Snapshot, policy: RepoPolicy, person: Person | None) -> Person | Refused:
    """Return a person who may start work, else why not."""
    if person is None:
        return Refused("the account that added the label is gone.", roles_that_may(policy))
    verdict = may_start(s.roles.get(person.id), policy, person)
    return verdict if isinstance(verdict, Refused) else person
