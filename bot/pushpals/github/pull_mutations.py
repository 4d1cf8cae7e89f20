"""The writes that make, change and merge pull requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pushpals.github import parse
from pushpals.github.mutation import Json, Mutation, given
from pushpals.github.views import PullView
from pushpals.model import Sha

MergeMethod = Literal["MERGE", "SQUASH", "REBASE"]


class _MakesPull(Mutation):
    made = ("pullRequest",)
    selection = "...Pull"
    fragment = "Pull"

    def read(self, made: Json) -> PullView:
        """Return the pull request as it now is."""
        return parse.pull(made)


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
    creates_at = "head"

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
    """Change a pull request's title, body or base branch; None leaves it as it is."""

    pull_id: str
    title: str | None = None
    body: str | None = None
    base: str | None = None

    field = "updatePullRequest"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return given(
            {
                "pullRequestId": self.pull_id,
                "title": self.title,
                "body": self.body,
                "baseRefName": self.base,
            }
        )


@dataclass(frozen=True)
class _OfPull(_MakesPull):
    pull_id: str

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {"pullRequestId": self.pull_id}


class ReadyForReview(_OfPull):
    """Take a pull request out of draft."""

    field = "markPullRequestReadyForReview"


class ConvertToDraft(_OfPull):
    """Make a pull request a draft again."""

    field = "convertPullRequestToDraft"


class ClosePullRequest(_OfPull):
    """Close a pull request without merging it."""

    field = "closePullRequest"


class DisableAutoMerge(_OfPull):
    """Take back `EnableAutoMerge`."""

    field = "disablePullRequestAutoMerge"


@dataclass(frozen=True)
class _Merges(_MakesPull):
    pull_id: str
    head: Sha
    """The head that was judged: when the branch has moved on, nothing is merged."""
    method: MergeMethod = "MERGE"
    headline: str | None = None
    body: str | None = None

    merges = True
    creates_at = "pull_id"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return given(
            {
                "pullRequestId": self.pull_id,
                "expectedHeadOid": self.head,
                "mergeMethod": self.method,
                "commitHeadline": self.headline,
                "commitBody": self.body,
            }
        )


class MergePullRequest(_Merges):
    """Merge a pull request now."""

    field = "mergePullRequest"


class EnableAutoMerge(_Merges):
    """Let GitHub merge a pull request as soon as its branch's rules are met.

    The repository must allow auto-merge, and there must be something left to wait for.
    """

    field = "enablePullRequestAutoMerge"
