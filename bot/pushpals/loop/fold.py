"""What our own writes made of the world, as their answers tell it: a subject as it is after them. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.github import (
    AddComment,
    AddLabels,
    AddReaction,
    AddReview,
    CheckRunView,
    CloseIssue,
    CommentView,
    CreateCheckRun,
    PullView,
    RemoveLabels,
    ReplyToThread,
    ResolveThread,
    ReviewView,
    UpdateComment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushpals.github import Mutation, SubjectView, ThreadView, Written


def fold(  # noqa: C901, PLR0911, PLR0912 - one arm a kind of write
    view: SubjectView, mutation: Mutation, result: Written
) -> SubjectView:
    """Return the subject as it is after `mutation`, which was answered with `result`.

    What an answer does not tell stays as it was read; a failed write changes nothing.
    """
    match mutation, result:
        case AddComment(subject_id=subject), CommentView() if subject != view.id:
            return _on_pull(view, subject, lambda pull: replace(pull, comments=(*pull.comments, result)))
        case AddComment(), CommentView():
            return replace(view, comments=(*view.comments, result))
        case UpdateComment(), CommentView():
            view = replace(view, comments=_changed(view.comments, result))
            return _each_pull(view, lambda pull: replace(pull, comments=_changed(pull.comments, result)))
        case ReplyToThread(thread_id=thread), CommentView():
            return _on_thread(view, thread, lambda t: replace(t, comments=(*t.comments, result)))
        case ResolveThread(thread_id=thread), _ if not isinstance(result, Exception):
            return _on_thread(view, thread, lambda t: replace(t, resolved=True))
        case AddReview(pull_id=subject), ReviewView():
            return _on_pull(view, subject, lambda pull: replace(pull, reviews=(*pull.reviews, result)))
        case AddReaction(), _ if not isinstance(result, Exception):
            return _with_reaction(view, mutation)
        case AddLabels(subject_id=subject), _ if subject == view.id and not isinstance(result, Exception):
            made = {name: key for name, key in view.repository.label_ids.items() if key in mutation.label_ids}
            return replace(view, labels={**view.labels, **made})
        case RemoveLabels(subject_id=subject), _ if subject == view.id and not isinstance(result, Exception):
            left = {name: key for name, key in view.labels.items() if key not in mutation.label_ids}
            return replace(view, labels=left)
        case CloseIssue(issue_id=issue), _ if issue == view.id and not isinstance(result, Exception):
            return replace(view, state="CLOSED")
        case _, PullView():
            return _with_pull(view, result)
        case _, CheckRunView():
            return replace(view, check_runs=_with_run(view, mutation, result))
        case _:
            return view


def _each_pull(view: SubjectView, change: Callable[[PullView], PullView]) -> SubjectView:
    pulls = {branch: tuple(change(pull) for pull in found) for branch, found in view.pulls.items()}
    return replace(view, pulls=pulls, pull=change(view.pull) if view.pull else None)


def _on_pull(view: SubjectView, pull_id: str, change: Callable[[PullView], PullView]) -> SubjectView:
    return _each_pull(view, lambda pull: change(pull) if pull.id == pull_id else pull)


def _on_thread(view: SubjectView, thread_id: str, change: Callable[[ThreadView], ThreadView]) -> SubjectView:
    def changed(pull: PullView) -> PullView:
        return replace(pull, threads=tuple(change(t) if t.id == thread_id else t for t in pull.threads))

    return _each_pull(view, changed)


def _changed(comments: tuple[CommentView, ...], new: CommentView) -> tuple[CommentView, ...]:
    return tuple(new if comment.id == new.id else comment for comment in comments)


def _with_reaction(view: SubjectView, mutation: AddReaction) -> SubjectView:
    wanted, content = mutation.subject_id, mutation.content

    def comments(given: tuple[CommentView, ...]) -> tuple[CommentView, ...]:
        return tuple(replace(c, reacted=c.reacted | {content}) if c.id == wanted else c for c in given)

    def pull(seen: PullView) -> PullView:
        reviews = tuple(
            replace(r, reacted=r.reacted | {content}) if r.id == wanted else r for r in seen.reviews
        )
        threads = tuple(replace(t, comments=comments(t.comments)) for t in seen.threads)
        return replace(seen, reviews=reviews, threads=threads, comments=comments(seen.comments))

    view = _each_pull(replace(view, comments=comments(view.comments)), pull)
    return replace(view, reacted=view.reacted | {content}) if wanted == view.id else view


def _with_pull(view: SubjectView, result: PullView) -> SubjectView:
    known = view.pulls.get(result.head_ref, ())
    if any(pull.id == result.id for pull in known):
        pulls = tuple(result.keeping(pull) if pull.id == result.id else pull for pull in known)
    else:
        pulls = (result, *known)
    view = replace(view, pulls={**view.pulls, result.head_ref: pulls})
    own = view.pull
    return replace(view, pull=result.keeping(own)) if own and own.id == result.id else view


def _with_run(
    view: SubjectView, mutation: Mutation, run: CheckRunView
) -> Mapping[str, tuple[CheckRunView, ...]]:
    known = next((sha for sha, runs in view.check_runs.items() if any(r.id == run.id for r in runs)), "")
    commit = mutation.head_sha if isinstance(mutation, CreateCheckRun) else known
    others = tuple(other for other in view.check_runs.get(commit, ()) if other.id != run.id)
    return {**view.check_runs, commit: (*others, run)}
