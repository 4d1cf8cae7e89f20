"""The writes of reviews and of their threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pushpals.github import parse
from pushpals.github.mutation import Json, Mutation, given
from pushpals.github.views import CommentView, Done, ReviewView
from pushpals.model import Sha


@dataclass(frozen=True)
class LineComment:
    """A remark on a line of the new version of a file. GitHub takes only lines that the diff shows."""

    path: str
    line: int
    body: str


@dataclass(frozen=True)
class AddReview(Mutation):
    """Review a pull request without approving it or asking for changes: a bot's review never counts."""

    pull_id: str
    body: str
    comments: tuple[LineComment, ...] = ()
    commit: Sha | None = None
    """The commit that was read; None: the head."""

    field = "addPullRequestReview"
    creates_at = "pull_id"
    made = ("pullRequestReview",)
    selection = "...Review"
    fragment = "Review"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        threads = [{"path": c.path, "line": c.line, "body": c.body} for c in self.comments]
        return given(
            {
                "pullRequestId": self.pull_id,
                "event": "COMMENT",
                "body": self.body,
                "commitOID": self.commit,
                "threads": threads or None,
            }
        )

    @property
    def creations(self) -> int:
        """Count the review and each of its remarks: GitHub does not say that they are one."""
        return 1 + len(self.comments)

    def read(self, made: Json) -> ReviewView:
        """Return the review."""
        return parse.review(made)


@dataclass(frozen=True)
class ReplyToThread(Mutation):
    """Answer in a review thread."""

    thread_id: str
    body: str

    field = "addPullRequestReviewThreadReply"
    creates_at = "thread_id"
    made = ("comment",)
    selection = "...ThreadComment"
    fragment = "ThreadComment"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"pullRequestReviewThreadId": self.thread_id, "body": self.body}

    def read(self, made: Json) -> CommentView:
        """Return the new comment."""
        return parse.comment(made)


@dataclass(frozen=True)
class ResolveThread(Mutation):
    """Mark a review thread as resolved."""

    thread_id: str

    field = "resolveReviewThread"
    made = ("thread",)
    selection = "id"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"threadId": self.thread_id}

    def read(self, made: Json) -> Done:
        """Return the id of the thread."""
        return Done(made["id"])
