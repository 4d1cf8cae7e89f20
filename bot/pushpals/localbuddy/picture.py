"""What people should see on GitHub, compared with what they do see.

Each function returns the writes that are owed, as mutations; an empty tuple means the picture is true.
Pictures are never read back as facts: comments and check runs count as ours only by authorship, and
are redrawn from the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.github import (
    AddComment,
    AddReaction,
    CloseIssue,
    CreateCheckRun,
    Mutation,
    UpdateCheckRun,
    UpdateComment,
)
from pushpals.localbuddy import pull_picture
from pushpals.localbuddy.buttons import buttons_of
from pushpals.localbuddy.job_review import annotations_of, review_owed
from pushpals.localbuddy.plan_picture import plan_pull
from pushpals.model import ENDED, ON_A_BRANCH, JobState
from pushpals.policy.job import conclusion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pushpals.github import (
        CheckConclusion,
        CheckRunView,
        CommentView,
        LabelEvent,
        SubjectView,
    )
    from pushpals.ledger import Entry, LedgerDamaged
    from pushpals.model import JobId, JobRecord, RequestRecord, Sha
    from pushpals.policy.access import Refused
    from pushpals.policy.repo_policy import Dispatch, PolicyProblem, RepoPolicy

POLICY_CHECK = "PushPals / policy"
_SHORT_CONVERSATION = 20
"""Comments that are read from the beginning of a conversation; three times as many from its end."""
_TOLD = (ENDED - {JobState.MERGED}) | {JobState.WAITING}
"""States of a job that people learn of by the comment alone."""


_CONCLUSIONS: Mapping[str, CheckConclusion] = {
    "success": "SUCCESS",
    "neutral": "NEUTRAL",
    "failure": "FAILURE",
    "action_required": "ACTION_REQUIRED",
    "cancelled": "CANCELLED",
}


def check_name(job: JobRecord) -> str:
    """Return the name of a job's check run."""
    return f"PushPals / {job.id}"


def _marked(view: SubjectView, mark: str) -> CommentView | None:
    return next((c for c in view.comments if c.mine and c.body.startswith(mark)), None)


def progress_comment_of(view: SubjectView) -> CommentView | None:
    """Return our progress comment on this issue, if it is there."""
    return _marked(view, prose.PROGRESS_MARK)


def refusal_comment(view: SubjectView, cause: str) -> CommentView | None:
    """Return our refusal of one cause, if it was given before."""
    return _marked(view, prose.refusal_mark(cause))


def may_be_unread(view: SubjectView, since: datetime) -> bool:
    """True when a comment written after `since` may be among those in the middle that were not read.

    A long conversation is read from both ends. What may have been said there is not said again.
    """
    return view.comments_total > len(view.comments) and any(
        c.created_at > since for c in view.comments[20:21]
    )


def refusal(view: SubjectView, login: str, cause: str, refused: Refused, label: str) -> tuple[Mutation, ...]:
    """Return the polite comment to someone who may not start work."""
    return (AddComment(view.id, prose.access_refusal(login, cause, refused.reason, label)),)


def changed_text(view: SubjectView, login: str, cause: str, label: str) -> tuple[Mutation, ...]:
    """Return the comment that asks to read the text again: somebody changed it after it was labelled."""
    return (AddComment(view.id, prose.changed_refusal(login, cause, label)),)


def too_many(view: SubjectView, cause: str, policy: RepoPolicy) -> tuple[Mutation, ...]:
    """Return the comment that asks a maintainer whether a day may hold more jobs."""
    limit, where = policy.budget.jobs, policy.where("budget.jobs")
    return (AddComment(view.id, prose.too_many_refusal(cause, limit, where, policy.trigger.label)),)


def damaged_record(view: SubjectView, damage: LedgerDamaged) -> tuple[Mutation, ...]:
    """Return the comment that tells of a record which cannot be read, unless it stands there."""
    if _marked(view, prose.damage_mark(damage.sha)) is not None:
        return ()
    return (AddComment(view.id, prose.damage_refusal(damage.ref, damage.sha, damage.reason)),)


def broken_policy(
    view: SubjectView, base: Sha, cause: LabelEvent, problem: PolicyProblem
) -> tuple[Mutation, ...]:
    """Return the check run that quotes the broken line, and one comment that leads to it."""
    title, summary = prose.policy_check(
        problem.message, problem.line, problem.quoted_line, problem.suggestion
    )
    owed: list[Mutation] = []
    shown = [run for run in view.check_runs.get(base, ()) if run.name == POLICY_CHECK]
    if not any(run.summary == summary for run in shown):
        owed.append(
            CreateCheckRun(
                repository_id=view.repository.id,
                name=POLICY_CHECK,
                head_sha=base,
                external_id="policy",
                status="COMPLETED",
                conclusion="FAILURE",
                title=title,
                summary=summary,
            )
        )
    if _marked(view, prose.policy_mark(cause.id)) is None and not may_be_unread(view, cause.at):
        owed.append(AddComment(view.id, prose.policy_refusal(cause.id, problem.line, problem.message)))
    return tuple(owed)


@dataclass(frozen=True)
class Drawn:
    """What the picture is to show, and which parts of it are this process's to draw."""

    request: RequestRecord
    jobs: Sequence[Entry[JobRecord]]
    """The jobs of the plan."""
    mine: frozenset[JobId]
    """Those whose check runs and pull requests are drawn here."""
    before: Sequence[Entry[JobRecord]] = ()
    """Jobs of earlier plans whose check runs may not have been brought to their end."""
    comment: bool = True
    """Whether the comment is drawn here."""
    live: frozenset[JobId] = frozenset()
    """Jobs that are worked on here: their workers keep what is said of them moving."""
    sparing: bool = False
    """Whether a comment that is not needed yet is left out: GitHub limits what is created in an hour."""
    dispatch: Dispatch = "inline"
    """Where the policy sends jobs."""


def owed(view: SubjectView, drawn: Drawn) -> tuple[Mutation, ...]:
    """Return the writes that bring reaction, comment, check runs and pull requests in step.

    While a worker here keeps the picture moving, its check run is only created when missing, and the comment
    is only rewritten when more has changed than the worker's own line.
    """
    mine = [entry for entry in drawn.jobs if entry.record.id in drawn.mine]
    opened = [
        made for entry in mine for made in pull_picture.opened(view, drawn.request, drawn.jobs, entry.record)
    ]
    writes: list[Mutation] = []
    if drawn.comment and "EYES" not in view.reacted:
        writes.append(AddReaction(view.id, "EYES"))
    if not opened and drawn.comment:
        # First the pull request; what names it or points at it is brought in step with its number known.
        said = _comment(view, drawn)
        # Closed before the comment says that all is merged, and not again when somebody opens it after that.
        writes += [*_closing(view, drawn), *said] if said else []
    writes += opened
    for entry in mine:
        writes += _head_check(view, entry.record)
        writes += pull_picture.kept(view, drawn.request, drawn.jobs, entry.record)
        if not opened:
            writes += _live_check(view, entry, drawn)
            writes += review_owed(pull_picture.pull_of(view, entry.record), entry.record)
    if not opened and drawn.comment:
        for entry in drawn.before:
            writes += _live_check(view, entry, drawn)
    return tuple(writes)


def _closing(view: SubjectView, drawn: Drawn) -> list[Mutation]:
    """Of several pull requests none may close the issue: it is closed once the last one is merged."""
    tasks, jobs = drawn.request.plan.tasks, [entry.record for entry in drawn.jobs]
    merged = all(job.state is JobState.MERGED and not job.reverts for job in jobs)
    # Nor does anything else for one that never had a pull request of its own.
    shared = len(tasks) > 1 or any(job.gathered for job in jobs)
    done = shared and len(jobs) == len(tasks) and merged
    return [CloseIssue(view.id)] if done and view.state == "OPEN" else []


def _comment(view: SubjectView, drawn: Drawn) -> list[Mutation]:
    jobs = [entry.record for entry in drawn.jobs]
    numbers = pull_picture.pull_numbers(view, jobs)
    if plan := plan_pull(view, drawn.request):
        numbers[prose.PLAN] = plan.number
    body = prose.progress_comment(drawn.request, jobs, numbers)
    shown = progress_comment_of(view)
    if shown is None and view.comments_total > len(view.comments) and "EYES" in view.reacted:
        return []  # it was written before, and is among the comments in the middle that were not read
    if shown is None:
        return [] if drawn.sparing and _speaks_for_itself(view, drawn) else [AddComment(view.id, body)]
    live = any(job.id in drawn.live for job in jobs)
    same = prose.standing_of(shown.body) == prose.standing_of(body) if live else shown.body == body
    return [] if same else [UpdateComment(shown.id, body)]


def _speaks_for_itself(view: SubjectView, drawn: Drawn) -> bool:
    """True while people lose little without the comment: our reaction is there, and a pull request comes.

    Whatever ends otherwise, or needs a person's word, is told in the comment. In a long conversation it may
    not be found again later, so there it is written at once.
    """
    request, jobs = drawn.request, [entry.record for entry in drawn.jobs]
    waits = request.stopped or request.plan_commit or request.question
    plain = len(request.plan.tasks) <= 1 and not waits and view.comments_total <= _SHORT_CONVERSATION
    return plain and all(job.state not in _TOLD and not job.gathered for job in jobs)


def run_of(view: SubjectView, commit: Sha, job: JobRecord) -> CheckRunView | None:
    """Return our check run of a job on a commit, if it is there."""
    return next((run for run in view.check_runs.get(commit, ()) if run.external_id == job.id), None)


def _live_check(view: SubjectView, entry: Entry[JobRecord], drawn: Drawn) -> list[Mutation]:
    """The check run to watch while work goes on.

    It stands on the first commit of the job's own ref: a commit that belongs to this job alone, so that
    neither the default branch nor an unfinished branch is marked red or pending on its account.
    """
    job = entry.record
    run = run_of(view, entry.root, job)
    over = job.state in ENDED | ON_A_BRANCH | {JobState.WAITING}
    verdict = conclusion(job) if over else None
    title, summary = prose.check_title(job, verdict), prose.check_summary(job, dispatch=drawn.dispatch)
    if run is None:
        return [
            CreateCheckRun(
                repository_id=view.repository.id,
                name=check_name(job),
                head_sha=entry.root,
                external_id=job.id,
                status="COMPLETED" if over else "IN_PROGRESS",
                conclusion=_CONCLUSIONS[verdict] if verdict else None,
                title=title,
                summary=summary,
                actions=buttons_of(job),
            )
        ]
    moves = job.id in drawn.live or drawn.dispatch == "inline"
    if not over and moves and run.status != "COMPLETED":
        return []  # while work goes on here, the worker itself keeps it moving
    if (run.status == "COMPLETED") is over and run.title == title and run.summary == summary:
        return []
    return [
        UpdateCheckRun(
            repository_id=view.repository.id,
            check_run_id=run.id,
            name=check_name(job),
            external_id=job.id,
            status="COMPLETED" if over else "IN_PROGRESS",
            conclusion=_CONCLUSIONS[verdict] if verdict else None,
            title=title,
            summary=summary,
            actions=buttons_of(job),
        )
    ]


def _head_check(view: SubjectView, job: JobRecord) -> list[Mutation]:
    """The check run on the published commit, where reviewers and branch protection look."""
    if job.state not in ON_A_BRANCH or job.head is None or run_of(view, job.head, job):
        return []
    verdict = conclusion(job)
    return [
        CreateCheckRun(
            repository_id=view.repository.id,
            name=check_name(job),
            head_sha=job.head,
            external_id=job.id,
            status="COMPLETED",
            conclusion=_CONCLUSIONS[verdict] if verdict else None,
            title=prose.check_title(job, verdict),
            summary=prose.check_summary(job),
            annotations=annotations_of(job),
        )
    ]
