"""The rules of the product: a pure function from a snapshot to the steps that are owed.

No I/O, no clock (the time is in the snapshot), no environment. The first step is performed, then
the loop decides again; a list with several steps only shows what would follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.localbuddy import picture
from pushpals.loop import steps
from pushpals.model import ENDED, HELD, Failure, FailureKind, JobState
from pushpals.policy.access import Refused, may_start, roles_that_may
from pushpals.policy.repo_policy import PolicyProblem, RepoPolicy

if TYPE_CHECKING:
    from pushpals.github import LabelEvent, SubjectView
    from pushpals.ledger import LedgerDamaged, LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Person, RequestRecord

MAX_ATTEMPTS = 3
DEFAULT_POLICY = RepoPolicy()
BEFORE_PUBLICATION = frozenset(JobState) - ENDED - {JobState.PUBLISHED}
NEEDS_ASKER = frozenset({JobState.QUEUED, JobState.PROPOSED, JobState.GATED})
"""States whose next step starts or publishes work: the asker's role is read again for these."""


def decide(s: Snapshot) -> list[steps.Step]:
    """Return the steps owed for one issue, the most urgent first; empty when all is quiet."""
    if s.view.kind != "issue":
        return []
    if s.ledger.damaged:
        return _with_damaged_record(s, s.ledger.damaged[0])
    if isinstance(s.policy, PolicyProblem):
        return _with_broken_policy(s, s.policy)
    return _cause_steps(s, s.policy) or _job_steps(s, s.policy) or _picture_steps(s)


def labelled(view: SubjectView, label: str) -> bool:
    """True when the subject carries `label`; GitHub does not tell letter case apart in label names."""
    return any(name.casefold() == label.casefold() for name in view.labels)


def newest_cause(view: SubjectView, ledger: LedgerView, label: str) -> LabelEvent | None:
    """Return the label event that asks for work and has no answer yet, if there is one."""
    if view.state != "OPEN" or not labelled(view, label):
        return None
    events = [
        event
        for event in view.labelled
        if event.label.casefold() == label.casefold()
        and not (event.actor and event.actor.id == view.viewer.id)
    ]
    if not events:
        return None
    newest = events[-1]
    if ledger.request and newest.id in ledger.request.record.causes:
        return None
    return newest


def changed_since(view: SubjectView, cause: LabelEvent) -> tuple[Person | None, ...]:
    """Return who changed the title or the text after the label was put, so that it is not what was labelled.

    None stands for an account that is gone. GitHub's times are whole seconds: within one, nobody knows what
    came first.
    """
    edited = view.last_edited_at is not None and view.last_edited_at >= cause.at
    renamed = (event.actor for event in view.renamed if event.at >= cause.at)
    return (*((view.editor,) if edited else ()), *renamed)


def people_to_check(view: SubjectView, ledger: LedgerView, label: str) -> tuple[Person, ...]:
    """Return the people whose role `decide` will ask for, so that `observe` reads just these."""
    cause = newest_cause(view, ledger, label)
    fresh = cause is not None and not _refused_before(view, cause.id)
    people = [who for who in (cause.actor, *changed_since(view, cause)) if who] if cause and fresh else []
    going_on = any(job.record.state in NEEDS_ASKER | HELD for job in ledger.jobs[-1:])
    if ledger.request and (going_on or _lacks_job(ledger)):
        people.append(ledger.request.record.request.asker)
    return tuple({person.id: person for person in people}.values())


def _lacks_job(ledger: LedgerView) -> bool:
    """True when the newest request has no job yet: a process may end between the two."""
    if ledger.request is None:
        return False
    cause = ledger.request.record.request.cause
    return not any(job.record.cause == cause for job in ledger.jobs)


def _refused_before(view: SubjectView, cause: str) -> bool:
    return picture.refusal_comment(view, cause) is not None


def _cause_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """A new cause is answered once: by a job, by joining the job under way, or by a refusal."""
    cause = newest_cause(s.view, s.ledger, policy.trigger.label)
    if cause is None or _refused_before(s.view, cause.id):
        return []
    asker = _allowed(s, policy, cause.actor)
    meddlers = [who for who in changed_since(s.view, cause) if isinstance(_allowed(s, policy, who), Refused)]
    if isinstance(asker, Refused) or meddlers:
        if picture.may_be_unread(s.view, cause.at):
            return []
        if isinstance(asker, Refused):
            login = cause.actor.login if cause.actor else "ghost"
            return [steps.Write(picture.refusal(s.view, login, cause.id, asker, policy.trigger.label))]
        login = meddlers[0].login if meddlers[0] else "ghost"
        return [steps.Write(picture.changed_text(s.view, login, cause.id, policy.trigger.label))]
    last = s.ledger.jobs[-1].record if s.ledger.jobs else None
    if last and last.state not in ENDED:
        return [steps.JoinRequest(cause.id)]
    return [steps.OpenRequest(cause.id, asker, cause.at)]


def _allowed(s: Snapshot, policy: RepoPolicy, person: Person | None) -> Person | Refused:
    if person is None:
        return Refused("the account that added the label is gone.", roles_that_may(policy))
    verdict = may_start(s.roles.get(person.id), policy, person)
    return verdict if isinstance(verdict, Refused) else person


def _job_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    if s.ledger.request is None:
        return []
    request = s.ledger.request.record
    if _lacks_job(s.ledger):
        return [steps.QueueJob()]
    job = s.ledger.jobs[-1].record
    if job.state in BEFORE_PUBLICATION:
        return _stop(s, job, policy.trigger.label) or _advance(s, policy, request, job)
    if job.state is JobState.PUBLISHED:
        return _after_publication(s, job)
    return []


def _stop(s: Snapshot, job: JobRecord, label: str | None) -> list[steps.Step]:
    """Closing the issue or removing the label stops the work, up to the moment of publication.

    `label` None: which label counts is not known, since the policy cannot be read.
    """
    if s.view.state != "OPEN":
        cause = "The issue was closed before the work was published."
    elif label is not None and not labelled(s.view, label):
        cause = f"The label `{label}` was removed before the work was published."
    else:
        return []
    again = "Nothing was published. To start again, add the label to the open issue once more."
    return [steps.EndJob(job.id, Failure(kind=FailureKind.CANCELLED, cause=cause, next_step=again))]


def _advance(s: Snapshot, policy: RepoPolicy, request: RequestRecord, job: JobRecord) -> list[steps.Step]:
    """One step of a job on its way to publication."""
    if job.state in NEEDS_ASKER or _orphaned(s, job):
        asker = _allowed(s, policy, request.request.asker)
        if isinstance(asker, Refused):
            return [steps.EndJob(job.id, _access_lost(request.request.asker.login, asker))]
    match job.state:
        case JobState.QUEUED if job.not_before and job.not_before > s.now:
            return [*_picture_steps(s), steps.Wake(job.not_before)]
        case JobState.QUEUED if not _ours(s, job) and picture.progress_comment_of(s.view) is None:
            return []  # whoever made the job is about to acknowledge it
        case JobState.QUEUED:
            # The acknowledgement goes first: a person should not wait for a worker to hear of it.
            return [*_picture_steps(s), *([steps.StartJob(job.id)] if s.free else [])]
        case JobState.CLAIMED | JobState.RUNNING:
            return _held(s, job)
        case JobState.PROPOSED if _ours(s, job) and job.id not in s.working:
            return [steps.GateJob(job.id)]
        case JobState.GATED if _ours(s, job):
            return [steps.PublishJob(job.id)]
        case _:
            return _picture_steps(s)


def _ours(s: Snapshot, job: JobRecord) -> bool:
    """True when this process goes on with a job: it wrote the last record, or its writer seems to be gone.

    Records are safe from races by compare-and-swap, but comments and check runs are not: so that two
    replicas do not draw the same picture twice, only the writer of a record draws it.
    """
    return job.by is None or job.by.instance == s.holder.instance or job.id in s.abandoned


def _orphaned(s: Snapshot, job: JobRecord) -> bool:
    """True when nobody works any more on a job that is held."""
    if job.state not in HELD or job.id in s.working:
        return False
    predecessor = job.holder is not None and job.holder.instance == s.holder.instance
    return predecessor or job.id in s.abandoned


def _held(s: Snapshot, job: JobRecord) -> list[steps.Step]:
    if not _orphaned(s, job):
        return _picture_steps(s)
    if job.attempt >= MAX_ATTEMPTS:
        return [steps.EndJob(job.id, _gave_up(job))]
    return [steps.StartJob(job.id)] if s.free else _picture_steps(s)


def _after_publication(s: Snapshot, job: JobRecord) -> list[steps.Step]:
    pulls = s.view.pulls.get(job.branch, ())
    if any(pull.merged for pull in pulls):
        return [steps.MarkMerged(job.id)]
    if pulls and all(pull.state == "CLOSED" for pull in pulls):
        failure = Failure(
            kind=FailureKind.CANCELLED,
            cause=f"Pull request #{pulls[0].number} was closed without merging.",
            next_step="To try again, remove the label and add it again.",
        )
        return [steps.EndJob(job.id, failure)]
    return []


def _picture_steps(s: Snapshot) -> list[steps.Step]:
    if s.ledger.request is None:
        return []
    jobs = s.ledger.jobs
    if jobs and not _ours(s, jobs[-1].record):
        return []
    owed = picture.owed(
        s.view, s.ledger.request.record, jobs, live=bool(jobs) and jobs[-1].record.id in s.working
    )
    return [steps.Write(owed)] if owed else []


def _with_broken_policy(s: Snapshot, problem: PolicyProblem) -> list[steps.Step]:
    """Nothing starts and nothing is published under a policy that cannot be read."""
    job = s.ledger.jobs[-1].record if s.ledger.jobs else None
    if job and job.state in BEFORE_PUBLICATION and (stop := _stop(s, job, label=None)):
        return stop
    if job and job.state is JobState.PUBLISHED and (after := _after_publication(s, job)):
        return after
    if job and job.state in {JobState.PROPOSED, JobState.GATED}:
        cause = f"`.github/pushpals.yml` is not valid (line {problem.line}: {problem.message})."
        rule = f".github/pushpals.yml line {problem.line}"
        next_step = "Mend the file on the default branch, then remove the label and add it again."
        return [
            steps.EndJob(
                job.id, Failure(kind=FailureKind.POLICY, cause=cause, next_step=next_step, rule=rule)
            )
        ]
    # Which label starts work cannot be known from a file that cannot be read: the default one counts.
    cause_event = newest_cause(s.view, s.ledger, DEFAULT_POLICY.trigger.label)
    if cause_event is None:
        return _picture_steps(s)
    owed = picture.broken_policy(s.view, s.ledger.base, cause_event, problem)
    return [steps.Write(owed)] if owed else _picture_steps(s)


def _with_damaged_record(s: Snapshot, damage: LedgerDamaged) -> list[steps.Step]:
    """Nothing is built on a record that cannot be read; who asked for work is told so once."""
    policy = s.policy if isinstance(s.policy, RepoPolicy) else DEFAULT_POLICY
    if s.view.state != "OPEN" or not labelled(s.view, policy.trigger.label):
        return []
    owed = picture.damaged_record(s.view, damage)
    return [steps.Write(owed)] if owed else []


def _access_lost(login: str, refused: Refused) -> Failure:
    return Failure(
        kind=FailureKind.ACCESS,
        cause=f"`{login}` asked for this and may no longer: {refused.reason}",
        next_step=f"Somebody with the role {' or '.join(refused.who_may)} can add the label again.",
        rule=refused.rule,
    )


def _gave_up(job: JobRecord) -> Failure:
    return Failure(
        kind=FailureKind.INFRASTRUCTURE,
        cause=f"The process that worked on it ended {job.attempt} times without finishing.",
        next_step="Look at the server's log and `pushpals doctor`, then remove the label and add it again.",
    )
