"""The writes. Each is a value; `RepoClient.write` sends those of one step as a single document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pushpals.github import parse
from pushpals.github.check_runs import Annotation, CheckAction, CreateCheckRun, UpdateCheckRun
from pushpals.github.mutation import Json, Mutation, Written
from pushpals.github.pull_mutations import (
    ClosePullRequest,
    ConvertToDraft,
    CreatePullRequest,
    DisableAutoMerge,
    EnableAutoMerge,
    MergePullRequest,
    ReadyForReview,
    UpdatePullRequest,
)
from pushpals.github.reviews import AddReview, LineComment, ReplyToThread, ResolveThread
from pushpals.github.views import CommentView, Done

Reaction = Literal["CONFUSED", "EYES", "HEART", "HOORAY", "LAUGH", "ROCKET", "THUMBS_DOWN", "THUMBS_UP"]
CloseReason = Literal["COMPLETED", "NOT_PLANNED", "DUPLICATE"]

__all__ = [
    "AddComment",
    "AddLabels",
    "AddReaction",
    "AddReview",
    "Annotation",
    "CheckAction",
    "CloseIssue",
    "ClosePullRequest",
    "ConvertToDraft",
    "CreateCheckRun",
    "CreatePullRequest",
    "DisableAutoMerge",
    "EnableAutoMerge",
    "LineComment",
    "MergePullRequest",
    "Mutation",
    "ReadyForReview",
    "RemoveLabels",
    "ReplyToThread",
    "ResolveThread",
    "UpdateCheckRun",
    "UpdateComment",
    "UpdatePullRequest",
    "Written",
]


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
    creates_at = "subject_id"
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
