"""A job's pull request: opened once, kept in step with further rounds, and answered in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.audit.prose.reviews import OBJECTION
from pushpals.github import (
    AddComment,
    ConvertToDraft,
    CreatePullRequest,
    Mutation,
    ReadyForReview,
    ReplyToThread,
    UpdatePullRequest,
)
from pushpals.model import JobState, OrderKind
from pushpals.policy.job import MAX_OWN_ROUNDS
from pushpals.policy.plan_gate import held_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushpals.github import CommentView, PullView, SubjectView
    from pushpals.ledger import Entry
    from pushpals.model import JobRecord, RequestRecord

PULL_READ = 30
THREAD_READ = 10
"""How many comments are read of a pull request, and of a review thread: the last ones."""


def pull_of(view: SubjectView, job: JobRecord) -> PullView | None:
    """Return a job's pull request: an open or merged one rather than one that was closed."""
    pulls = view.pulls.get(job.branch, ())
    return next((pull for pull in pulls if pull.state != "CLOSED"), pulls[0] if pulls else None)


def pull_numbers(view: SubjectView, jobs: Sequence[JobRecord]) -> dict[str, int]:
    """Return the number of each job's pull request."""
    return {job.id: pull.number for job in jobs if (pull := pull_of(view, job))}


def base_branch(view: SubjectView, jobs: Sequence[Entry[JobRecord]], job: JobRecord) -> str | None:
    """Return the branch that a job's pull request goes to.

    That is the branch of the job it builds on for as long as that is not merged, else the default branch.
    """
    below = next((entry.record for entry in jobs if entry.record.branch == job.onto), None)
    unmerged = below is not None and below.state is not JobState.MERGED
    return job.onto if unmerged else view.repository.default_branch


def opened(
    view: SubjectView, request: RequestRecord, jobs: Sequence[Entry[JobRecord]], job: JobRecord
) -> list[Mutation]:
    """Return the pull request to open, if a published job has none."""
    base = base_branch(view, jobs, job)
    if job.state is not JobState.PUBLISHED or view.pulls.get(job.branch) or base is None:
        return []
    return [
        CreatePullRequest(
            repository_id=view.repository.id,
            base=base,
            head=job.branch,
            title=prose.pull_title(request, job),
            body=prose.pull_body(request, job),
            draft=_unfit(request, job),
        )
    ]


def _unfit(request: RequestRecord, job: JobRecord) -> bool:
    """True when what is published is a draft: the review objects, or it is riskier than what was approved."""
    objected = any(finding.blocking for finding in job.report.findings)
    return objected or held_back(request, job) is not None


def kept(
    view: SubjectView, request: RequestRecord, jobs: Sequence[Entry[JobRecord]], job: JobRecord
) -> Iterator[Mutation]:
    """Yield what keeps an open pull request true: its base, its report after a round, our answers in it."""
    pull = pull_of(view, job)
    if pull is None or pull.state != "OPEN" or job.state is not JobState.PUBLISHED:
        return
    base = base_branch(view, jobs, job)
    if pull.base_ref == job.onto and base is not None and base != job.onto:
        yield UpdatePullRequest(pull.id, base=base)
    mark = prose.report_mark(job)
    if job.round and not job.setback and mark not in pull.body:
        yield UpdatePullRequest(pull.id, body=prose.pull_body(request, job))
        if _unfit(request, job) and not pull.draft:
            yield ConvertToDraft(pull.id)
        elif pull.draft and OBJECTION in pull.body and not _unfit(request, job):
            yield ReadyForReview(pull.id)  # it was a draft for that alone
    yield from _answers(pull, job)
    yield from _given_up(view, pull, job)


def _given_up(view: SubjectView, pull: PullView, job: JobRecord) -> Iterator[Mutation]:
    """Yield the one call for a person, where rounds of our own did not mend what is still wrong."""
    if pull.head_sha != job.head:
        return
    theirs = [check for check in pull.ci if not check.mine]
    red = [check.name for check in theirs if check.state == "failure"]
    over = not any(check.state == "pending" for check in theirs)
    left = {
        OrderKind.CI: red if over and job.ci_rounds >= MAX_OWN_ROUNDS else [],
        OrderKind.CONFLICT: [view.repository.default_branch or "the base branch"]
        if pull.mergeable == "CONFLICTING" and job.conflict_rounds >= MAX_OWN_ROUNDS
        else [],
    }
    for kind, names in left.items():
        mark = prose.reply_mark(f"left:{kind}")
        if names and not _stands(mark, pull.comments, PULL_READ, job):
            yield AddComment(pull.id, prose.left_to_a_person(kind, names, mark))


def _stands(mark: str, read: Sequence[CommentView], most: int, job: JobRecord) -> bool:
    """True when our answer with `mark` is there, or was pushed out of what is read of a long conversation."""
    if any(comment.mine and comment.body.startswith(mark) for comment in read):
        return True
    return len(read) >= most and read[0].created_at > job.updated_at


def _answers(pull: PullView, job: JobRecord) -> Iterator[Mutation]:
    """Yield our answer, once, to each thing that the last round was asked."""
    for order in job.orders:
        if order.kind is OrderKind.FINDINGS:
            continue  # nobody but ourselves asked for it; the report says what came of it
        mark = prose.reply_mark(order.cause)
        if order.thread:
            thread = next((thread for thread in pull.threads if thread.id == order.thread), None)
            if thread and not _stands(mark, thread.comments, THREAD_READ, job):
                yield ReplyToThread(thread.id, prose.round_reply(job, order.cause))
        elif not _stands(mark, pull.comments, PULL_READ, job):
            yield AddComment(pull.id, prose.round_reply(job, order.cause))
