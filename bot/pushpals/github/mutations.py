"""The writes. Each is a value; `RepoClient.write` sends those of one step as a single document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pushpals.github import parse
from pushpals.github.check_runs import CheckAction, CreateCheckRun, UpdateCheckRun
from pushpals.github.mutation import Json, Mutation, Written, given
from pushpals.github.views import CommentView, Done, PullView

Reaction = Literal["CONFUSED", "EYES", "HEART", "HOORAY", "LAUGH", "ROCKET", "THUMBS_DOWN", "THUMBS_UP"]
CloseReason = Literal["COMPLETED", "NOT_PLANNED", "DUPLICATE"]

__all__ = [
    "AddComment",
    "AddLabels",
    "AddReaction",
    "CheckAction",
    "CloseIssue",
    "CreateCheckRun",
    "CreatePullRequest",
    "Mutation",
    "ReadyForReview",
    "RemoveLabels",
    "UpdateCheckRun",
    "UpdateComment",
    "UpdatePullRequest",
    "Written",
]


class _MakesPull(Mutation):
    made = ("pullRequest",)
    selection = "...Pull"
    fragment = "Pull"

    def read(self, made: Json) -> PullView:
        """Return the pull request as it now is."""
        return parse.pull(made)


@dataclass(frozen=True)
class AddReaction(Mutation):
    """React to an issue, pull request, comment or review. Doing it twice changes nothing."""

    subject_id: str
    content: Reaction = "EYES"

    field = "addReaction"
    made = ("subject",)
    selection = "id"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"subjectId": self.subject_id, "content": self.content}

    def read(self, made: Json) -> Done:
        """Return the id of what was reacted to."""
        return Done(made["id"])


@dataclass(frozen=True)
class AddComment(Mutation):
    """Comment on an issue or pull request. At most 65,536 characters."""

    subject_id: str
    body: str

    field = "addComment"
    made = ("commentEdge", "node")
    selection = "...Comment"
    fragment = "Comment"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"subjectId": self.subject_id, "body": self.body}

    def read(self, made: Json) -> CommentView:
        """Return the new comment."""
        return parse.comment(made)


@dataclass(frozen=True)
class UpdateComment(Mutation):
    """Replace the text of a comment."""

    comment_id: str
    body: str

    field = "updateIssueComment"
    made = ("issueComment",)
    selection = "...Comment"
    fragment = "Comment"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"id": self.comment_id, "body": self.body}

    def read(self, made: Json) -> CommentView:
        """Return the comment as it now is."""
        return parse.comment(made)


@dataclass(frozen=True)
class CreatePullRequest(_MakesPull):
    """Open a pull request from branch `head` to branch `base` of the same repository.

    Where one is already open, the answer is a WriteFailed of kind `already_exists`.
    """

    repository_id: str
    base: str
    head: str
    title: str
    body: str
    draft: bool = False

    field = "createPullRequest"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {
            "repositoryId": self.repository_id,
            "baseRefName": self.base,
            "headRefName": self.head,
            "title": self.title,
            "body": self.body,
            "draft": self.draft,
        }


@dataclass(frozen=True)
class UpdatePullRequest(_MakesPull):
    """Change a pull request's title or body; None leaves it as it is."""

    pull_id: str
    title: str | None = None
    body: str | None = None

    field = "updatePullRequest"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return given({"pullRequestId": self.pull_id, "title": self.title, "body": self.body})


@dataclass(frozen=True)
class ReadyForReview(_MakesPull):
    """Take a pull request out of draft."""

    pull_id: str

    field = "markPullRequestReadyForReview"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"pullRequestId": self.pull_id}


@dataclass(frozen=True)
class _Labels(Mutation):
    subject_id: str
    label_ids: tuple[str, ...]

    made = ("labelable",)
    selection = "... on Node { id }"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"labelableId": self.subject_id, "labelIds": list(self.label_ids)}

    def read(self, made: Json) -> Done:
        """Return the id of what was labelled."""
        return Done(made["id"])


class AddLabels(_Labels):
    """Add labels, by id, to an issue or pull request."""

    field = "addLabelsToLabelable"


class RemoveLabels(_Labels):
    """Remove labels, by id, from an issue or pull request."""

    field = "removeLabelsFromLabelable"


@dataclass(frozen=True)
class CloseIssue(Mutation):
    """Close an issue."""

    issue_id: str
    reason: CloseReason = "COMPLETED"

    field = "closeIssue"
    made = ("issue",)
    selection = "id"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"issueId": self.issue_id, "stateReason": self.reason}

    def read(self, made: Json) -> Done:
        """Return the id of the issue."""
        return Done(made["id"])
