"""Resolvers of what hangs on a pull request: reviews, threads, and what checks say of its head."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pushpals.local.forge.app_entities import CommitStatus
from pushpals.local.forge.entities import (
    Account,
    AutoMerge,
    PullRequest,
    Repo,
    Review,
    ReviewComment,
    ReviewThread,
)
from pushpals.local.forge.resolvers import Bounds, Context, GitObject, Page, connection, resolver


@dataclass(frozen=True)
class Rollup:
    """All that is said of a commit."""

    repo: Repo
    sha: str
    state: str


@resolver("PullRequest", "reviews")
def _reviews(pull: PullRequest, context: Context, **bounds: Bounds) -> Page:
    return connection("reviews", context.store.reviews_of(pull), **bounds)


@resolver("PullRequest", "reviewThreads")
def _threads(pull: PullRequest, context: Context, **bounds: Bounds) -> Page:
    return connection("reviewThreads", context.store.threads_of(pull), **bounds)


@resolver("PullRequest", "autoMergeRequest")
def _auto_merge(pull: PullRequest, _: Context) -> AutoMerge | None:
    return pull.auto_merge


@resolver("AutoMergeRequest", "enabledBy")
def _enabled_by(wish: AutoMerge, context: Context) -> Account:
    return context.store.account(wish.enabled_by)


@resolver("AutoMergeRequest", "mergeMethod")
def _method(wish: AutoMerge, _: Context) -> str:
    return wish.method.upper()


@resolver("PullRequest", "mergeCommit")
def _merge_commit(pull: PullRequest, context: Context) -> GitObject | None:
    sha = pull.merge_commit_sha
    return GitObject(context.store.repos[pull.repo_id], sha, "commit") if sha else None


@resolver("PullRequest", "statusCheckRollup")
def _rollup_of_pull(pull: PullRequest, context: Context) -> Rollup | None:
    return _rollup(context, context.store.repos[pull.repo_id], pull.head_sha)


@resolver("Commit", "statusCheckRollup")
def _rollup_of_commit(commit: GitObject, context: Context) -> Rollup | None:
    return _rollup(context, commit.repo, commit.oid)


def _rollup(context: Context, repo: Repo, sha: str) -> Rollup | None:
    for permission in ("checks", "statuses"):
        context.grant.require(repo, "read", permission)
    state = context.store.rollup(repo.id, sha)
    return Rollup(repo, sha, state) if state else None


@resolver("StatusCheckRollup", "id")
def _rollup_id(rollup: Rollup, _: Context) -> str:
    return f"SCR_{rollup.repo.id}_{rollup.sha}"


@resolver("StatusCheckRollup", "contexts")
def _contexts(rollup: Rollup, context: Context, **bounds: Bounds) -> Page:
    return connection("contexts", context.store.contexts_on(rollup.repo.id, rollup.sha), **bounds)


@resolver("StatusContext", "state")
def _status_state(status: CommitStatus, _: Context) -> str:
    return status.state.upper()


@resolver("StatusContext", "creator")
def _creator(status: CommitStatus, context: Context) -> Account:
    return context.store.account(status.creator)


@resolver("PullRequestReview", "commit")
def _review_commit(review: Review, context: Context) -> GitObject:
    return GitObject(context.store.repos[review.repo_id], review.commit_oid, "commit")


@resolver("PullRequestReview", "url")
def _review_url(review: Review, context: Context) -> str:
    return str(context.renderer.review(review)["html_url"])


@resolver("PullRequestReview", "comments")
def _review_comments(review: Review, context: Context, **bounds: Bounds) -> Page:
    mine = [c for c in context.store.review_comments.values() if c.review_id == review.id]
    return connection("comments", mine, **bounds)


@resolver("PullRequestReviewThread", "isResolved")
def _is_resolved(thread: ReviewThread, _: Context) -> bool:
    return thread.resolved_by is not None


@resolver("PullRequestReviewThread", "isOutdated")
def _is_outdated(thread: ReviewThread, _: Context) -> bool:
    return thread.line is None


@resolver("PullRequestReviewThread", "comments")
def _thread_comments(thread: ReviewThread, context: Context, **bounds: Bounds) -> Page:
    return connection("comments", context.store.comments_in(thread), **bounds)


@resolver("PullRequestReviewComment", "path")
def _comment_path(comment: ReviewComment, context: Context) -> str:
    return context.store.threads[comment.thread_id].path


@resolver("PullRequestReviewComment", "line")
def _comment_line(comment: ReviewComment, context: Context) -> int | None:
    return context.store.threads[comment.thread_id].line


@resolver("PullRequestReviewComment", "outdated")
def _comment_outdated(comment: ReviewComment, context: Context) -> bool:
    return _comment_line(comment, context) is None


@resolver("PullRequestReviewComment", "replyTo")
def _reply_to(comment: ReviewComment, context: Context) -> ReviewComment | None:
    return context.store.review_comments.get(comment.reply_to or 0)


@resolver("PullRequestReviewComment", "pullRequestReview")
def _review_of(comment: ReviewComment, context: Context) -> Review:
    return context.store.reviews[comment.review_id]


@resolver("PullRequestReviewComment", "url")
def _review_comment_url(comment: ReviewComment, context: Context) -> str:
    shape: Mapping[str, Any] = context.renderer.review_comment(comment)
    return str(shape["html_url"])
