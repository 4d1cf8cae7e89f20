"""Reviews of pull requests, and the threads on the lines of their diffs."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pushpals.local.forge.entities import PullRequest, Review, ReviewComment, ReviewState, ReviewThread
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.git import Git
from pushpals.local.forge.issues import check_body, rewritten
from pushpals.local.forge.store import Event, Store

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_SHOWN_BEFORE = 3  # Lines of the diff that a thread shows above its own.


class Remark(NamedTuple):
    """A comment on a line of the new version of a file."""

    path: str
    line: int
    body: str


class Located(NamedTuple):
    """A remark with the lines of the diff that lead to it."""

    remark: Remark
    hunk: str


async def locate(store: Store, git: Git, pull: PullRequest, remarks: Sequence[Remark]) -> list[Located]:
    """Find remarks in the diff. Raises UnprocessableError for a line that it does not show."""
    pull = store.fresh(pull)
    return [Located(remark, await _hunk_at(git, store, pull, remark)) for remark in remarks]


def submit_review(
    store: Store,
    actor: str,
    pull: PullRequest,
    state: ReviewState,
    body: str = "",
    remarks: Sequence[Located] = (),
    commit: str | None = None,
) -> Review:
    """Review a pull request, its present head unless another commit is named, with comments on lines.

    Raises UnprocessableError for an approval of one's own.
    """
    pull = store.fresh(pull)
    if actor == pull.author and state != "COMMENTED":
        verb = "approve" if state == "APPROVED" else "request changes on"
        raise UnprocessableError(f"Can not {verb} your own pull request")
    blank = state == "APPROVED" or bool(remarks)
    with store.transaction():
        review = _new_review(store, actor, pull, state, check_body(body, blank=blank), commit)
        repo = store.repos[pull.repo_id]
        store.emit(
            Event("pull_request_review", "submitted", repo, actor, {"pull_request": pull, "review": review})
        )
        for remark, hunk in remarks:
            thread = store.put(
                ReviewThread(
                    **store.identity(ReviewThread, pull.repo_id),
                    repo_id=pull.repo_id,
                    number=pull.number,
                    path=remark.path,
                    line=remark.line,
                    original_line=remark.line,
                    commit_oid=review.commit_oid,
                )
            )
            _comment(store, actor, thread, review, remark.body, hunk)
        return review


def reply(store: Store, actor: str, thread: ReviewThread, body: str) -> ReviewComment:
    """Answer in a thread. GitHub makes a review of each answer, without a text of its own."""
    thread = store.fresh(thread)
    pull = _pull_of(store, thread)
    first = store.comments_in(thread)[0]
    with store.transaction():
        review = _new_review(store, actor, pull, "COMMENTED", "", None)
        return _comment(store, actor, thread, review, body, first.diff_hunk, reply_to=first.id)


def set_resolved(store: Store, actor: str, thread: ReviewThread, *, resolved: bool = True) -> ReviewThread:
    """Resolve a thread, or open it again; no change is no event."""
    thread = store.fresh(thread)
    if (thread.resolved_by is not None) == resolved:
        return thread
    with store.transaction():
        new = store.put(thread.model_copy(update={"resolved_by": actor if resolved else None}))
        action = "resolved" if resolved else "unresolved"
        pull = _pull_of(store, thread)
        repo = store.repos[thread.repo_id]
        parts = {"pull_request": pull, "thread": new}
        store.emit(Event("pull_request_review_thread", action, repo, actor, parts))
        return new


def edit_review(store: Store, actor: str, review: Review, body: str) -> Review:
    """Change a review's text; the same text is no edit."""
    review = store.fresh(review)
    if review.body == body:
        return review
    with store.transaction():
        new = store.put(rewritten(store, actor, review, check_body(body)))
        parts = {"pull_request": _pull_of(store, new), "review": new, "changes": _changes(review)}
        store.emit(Event("pull_request_review", "edited", store.repos[new.repo_id], actor, parts))
        return new


def dismiss_review(store: Store, actor: str, review: Review) -> Review:
    """Let an approval, or a request for changes, count no more."""
    review = store.fresh(review)
    if review.state not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise UnprocessableError("Can not dismiss a commented pull request review")
    with store.transaction():
        new = store.put(review.model_copy(update={"state": "DISMISSED", "updated_at": store.now()}))
        parts = {"pull_request": _pull_of(store, new), "review": new}
        store.emit(Event("pull_request_review", "dismissed", store.repos[new.repo_id], actor, parts))
        return new


def edit_review_comment(store: Store, actor: str, comment: ReviewComment, body: str) -> ReviewComment:
    """Change a comment in a thread; the same text is no edit."""
    comment = store.fresh(comment)
    if comment.body == body:
        return comment
    with store.transaction():
        new = store.put(rewritten(store, actor, comment, check_body(body, blank=False)))
        parts = {"pull_request": _pull_of(store, new), "comment": new, "changes": _changes(comment)}
        store.emit(Event("pull_request_review_comment", "edited", store.repos[new.repo_id], actor, parts))
        return new


async def carry_threads(store: Store, git: Git, pull: PullRequest, new: str) -> list[ReviewThread]:
    """The threads that a new head changes: moved with their line, or outdated."""
    repo = store.repos[pull.repo_id]
    here = [thread for thread in store.threads_of(pull) if thread.line is not None]
    changed = []
    for path in {thread.path for thread in here}:
        span = (pull.head_sha, new, "--", path)
        diff = await git.run(repo, "--literal-pathspecs", "diff", "--unified=0", "--no-renames", *span)
        hunks = [[int(n) if n is not None else 1 for n in found.groups()] for found in _HUNK.finditer(diff)]
        for thread in (thread for thread in here if thread.path == path):
            line = _line_after(hunks, thread.line or 0)
            if line != thread.line:
                changed.append(thread.model_copy(update={"line": line}))
    return changed


def _line_after(hunks: list[list[int]], line: int) -> int | None:
    """Where a line is after a change; None if it was changed itself."""
    moved = line
    for start, removed, _, added in hunks:
        if start <= line < start + removed:
            return None
        if (start + removed - 1 if removed else start) < line:
            moved += added - removed
    return moved


async def _hunk_at(git: Git, store: Store, pull: PullRequest, remark: Remark) -> str:
    """The lines of the diff above and at a line. Raises UnprocessableError if the diff does not show it."""
    repo = store.repos[pull.repo_id]
    span = f"{pull.base_sha}...{pull.head_sha}"
    nowhere = UnprocessableError("Line could not be resolved: it must be part of the diff")
    names = await git.run(repo, "diff", "--no-renames", "--name-only", "-z", span)
    if not remark.path or remark.path not in names.split("\0"):
        raise nowhere
    diff = await git.run(repo, "--literal-pathspecs", "diff", "--no-renames", span, "--", remark.path)
    for found in _HUNK.finditer(diff):
        begin, lines = int(found[3]), diff[found.end() :].split("\n@@ ", 1)[0].split("\n")[1:]
        number = begin - 1
        for index, text in enumerate(lines):
            number += not text.startswith(("-", "\\"))
            if number == remark.line and not text.startswith("-"):
                shown = lines[max(0, index - _SHOWN_BEFORE) : index + 1]
                return "\n".join([found[0], *shown])
    raise nowhere


def _new_review(
    store: Store, actor: str, pull: PullRequest, state: ReviewState, body: str, commit: str | None
) -> Review:
    now = store.now()
    return store.put(
        Review(
            **store.identity(Review, pull.repo_id),
            repo_id=pull.repo_id,
            number=pull.number,
            author=actor,
            body=body,
            state=state,
            commit_oid=commit or pull.head_sha,
            submitted_at=now,
            created_at=now,
            updated_at=now,
        )
    )


def _comment(
    store: Store,
    actor: str,
    thread: ReviewThread,
    review: Review,
    body: str,
    hunk: str,
    reply_to: int | None = None,
) -> ReviewComment:
    now = store.now()
    comment = store.put(
        ReviewComment(
            **store.identity(ReviewComment, thread.repo_id),
            repo_id=thread.repo_id,
            number=thread.number,
            author=actor,
            body=check_body(body, blank=False),
            created_at=now,
            updated_at=now,
            thread_id=thread.id,
            review_id=review.id,
            reply_to=reply_to,
            commit_oid=review.commit_oid,
            diff_hunk=hunk,
        )
    )
    parts = {"pull_request": _pull_of(store, comment), "comment": comment}
    store.emit(Event("pull_request_review_comment", "created", store.repos[thread.repo_id], actor, parts))
    return comment


def _pull_of(store: Store, record: Review | ReviewThread | ReviewComment) -> PullRequest:
    pull = store.subject(record.repo_id, record.number)
    assert isinstance(pull, PullRequest)  # noqa: S101 - only pull requests have reviews.
    return pull


def _changes(old: Review | ReviewComment) -> dict[str, Any]:
    return {"body": {"from": old.body}}
