"""Follow-ups on published jobs: what reviewers remark, red checks of the repository, conflicts with the base.

Each makes one further round on the same branch. What people ask for in a command comes from `conversation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.text import clean_untrusted
from pushpals.localbuddy.commands import commands_of
from pushpals.localbuddy.pull_picture import kept, pull_of
from pushpals.loop import steps
from pushpals.loop.rules.common import allowed, ours, plan_jobs
from pushpals.model import JobState, Order, OrderKind, Person
from pushpals.policy.job import MAX_OWN_ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushpals.github import CommentView, PullView, SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord
    from pushpals.policy.repo_policy import RepoPolicy

TEXT_LIMIT = 8_000
MERGE_TEXT = (
    "Merge the base branch: files hold both sides between conflict markers. Keep what both sides meant, "
    "and leave no marker."
)
MOST_PEOPLE = 30
"""People whose remarks are looked at, of all those who wait for an answer."""
OPEN_TO_ROUNDS = frozenset({JobState.PUBLISHED, JobState.APPROVED})


def round_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """Begin a round for each published job that something is asked of."""
    found: list[steps.Step] = []
    for entry in plan_jobs(s.ledger):
        job, pull = entry.record, pull_of(s.view, entry.record)
        if pull is None or pull.state != "OPEN" or not ours(s, job) or not free_for_a_round(s, job):
            continue
        remarks = tuple(
            order
            for order in remarks_of(pull, job)
            if order.by and isinstance(allowed(s, policy, order.by), Person)
        )
        if remarks:
            found.append(steps.GoOn(job.id, remarks, pull.head_sha))
        elif conflict := _conflict(s, job, pull):
            found.append(steps.GoOn(job.id, (conflict,), pull.head_sha, s.view.repository.default_sha))
        elif red := _red_ci(s, job, pull):
            found.append(steps.GoOn(job.id, (red,), pull.head_sha))
    return found


def free_for_a_round(s: Snapshot, job: JobRecord) -> bool:
    """True when another round may begin: the job is published, and the last round's answers stand there."""
    request = s.ledger.request
    if job.state not in OPEN_TO_ROUNDS or request is None:
        return False
    return next(kept(s.view, request.record, plan_jobs(s.ledger), job), None) is None


def people_of_rounds(view: SubjectView, ledger: LedgerView) -> list[Person]:
    """Return the people whose remarks may begin a round, so that their role is read.

    Each costs a request at each look, and a crowd of outsiders may remark what it likes: so only the last
    `MOST_PEOPLE` of them count. Whoever has the role is among those when their remark arrives.
    """
    remarks: list[Order] = []
    for entry in plan_jobs(ledger):
        pull = pull_of(view, entry.record)
        if entry.record.state in OPEN_TO_ROUNDS and pull is not None and pull.state == "OPEN":
            remarks += remarks_of(pull, entry.record)
    newest = sorted(remarks, key=lambda order: order.at, reverse=True)
    people = {order.by.id: order.by for order in newest if order.by}
    return list(people.values())[:MOST_PEOPLE]


def remarks_of(pull: PullView, job: JobRecord) -> Iterator[Order]:
    """Return what people remarked in reviews and review threads, and no round has served.

    Commands are none of them: they say themselves what they want. A resolved thread asks for nothing.
    """
    for review in pull.reviews:
        asks = review.state == "CHANGES_REQUESTED" and not review.mine and not job.knows(review.id)
        if asks and review.author and review.body.strip() and not commands_of(review.id, review.body):
            at = review.submitted_at or job.updated_at
            yield _order(review.id, review.body, review.author, at=at)
    for thread in pull.threads:
        for comment in () if thread.resolved else thread.comments:
            if _is_remark(comment, job):
                order = _order(comment.id, comment.body, comment.author, at=comment.created_at)
                yield order.model_copy(update={"path": thread.path, "line": thread.line, "thread": thread.id})


def _is_remark(comment: CommentView, job: JobRecord) -> bool:
    author = comment.author
    if comment.mine or author is None or author.bot or job.knows(comment.id):
        return False
    # Somebody else may have rewritten it since; then whose word it is cannot be told.
    same = comment.editor is None or comment.editor.id == author.id
    return same and bool(comment.body.strip()) and not commands_of(comment.id, comment.body)


def _order(cause: str, text: str, by: Person | None, *, at: object) -> Order:
    return Order.model_validate(
        {
            "kind": OrderKind.REVIEW,
            "cause": cause,
            "text": clean_untrusted(text).text[:TEXT_LIMIT],
            "at": at,
            "by": by,
        }
    )


def _conflict(s: Snapshot, job: JobRecord, pull: PullView) -> Order | None:
    """Return the order to resolve a conflict with the default branch.

    The branch's tip is that of the view, which was read together with the news of the conflict: the ledger's
    may be older.
    """
    cause = f"conflict:{pull.head_sha}:{s.view.repository.default_sha}"
    into_default = pull.base_ref == s.view.repository.default_branch
    if pull.mergeable != "CONFLICTING" or not into_default or job.conflict_rounds >= MAX_OWN_ROUNDS:
        return None
    if job.knows(cause):
        return None
    return Order(kind=OrderKind.CONFLICT, cause=cause, text=MERGE_TEXT, at=s.now)


def _red_ci(s: Snapshot, job: JobRecord, pull: PullView) -> Order | None:
    """Return the order to mend the repository's own checks, once all of them have ended and some failed."""
    cause = f"ci:{pull.head_sha}"
    checks = [check for check in pull.ci if not check.mine]
    red = [check for check in checks if check.state == "failure"]
    if not red or any(check.state == "pending" for check in checks) or job.ci_rounds >= MAX_OWN_ROUNDS:
        return None
    if pull.head_sha != job.head or job.knows(cause):
        return None
    names = ", ".join(f"{check.name} ({check.conclusion.lower()})" for check in red[:10])
    runs = tuple(check.run_id for check in red[:3] if check.run_id)
    said = "\n".join(check.summary for check in red[:3] if check.summary)
    text = clean_untrusted(f"Red: {names}.\n{said}").text[:TEXT_LIMIT]
    return Order(kind=OrderKind.CI, cause=cause, text=text, at=s.now, runs=runs)
