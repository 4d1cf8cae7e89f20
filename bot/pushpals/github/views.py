"""What GitHub shows, as frozen values. States are GitHub's GraphQL words, in capitals.

Authors are None for accounts that were deleted, or became an organization. Times are aware. Nothing here
decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from pushpals.model import Person, Sha

CheckStatus = Literal["QUEUED", "IN_PROGRESS", "COMPLETED", "PENDING", "WAITING", "REQUESTED"]
CheckConclusion = Literal[
    "ACTION_REQUIRED",
    "CANCELLED",
    "FAILURE",
    "NEUTRAL",
    "SKIPPED",
    "STALE",
    "STARTUP_FAILURE",
    "SUCCESS",
    "TIMED_OUT",
]
SubjectState = Literal["OPEN", "CLOSED", "MERGED"]
ReviewState = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"]
Mergeable = Literal["MERGEABLE", "CONFLICTING", "UNKNOWN"]
CiState = Literal["pending", "success", "failure", "neutral"]


class Role(NamedTuple):
    """What a person may do in a repository. `user_id` is None when GitHub knows no such collaborator."""

    user_id: int | None
    name: str
    """`admin`, `maintain`, `write`, `triage`, `read`, `none`, or the name of a custom role."""


@dataclass(frozen=True)
class CommentView:
    """A comment of an issue, a pull request or a review thread. `mine` is True when this App wrote it."""

    id: str
    database_id: int
    author: Person | None
    body: str
    created_at: datetime
    last_edited_at: datetime | None
    editor: Person | None
    mine: bool
    url: str
    reacted: frozenset[str] = frozenset()
    """Reactions of this App, such as `EYES`."""


@dataclass(frozen=True)
class LabelEvent:
    """Somebody added `label`."""

    id: str
    at: datetime
    actor: Person | None
    label: str


@dataclass(frozen=True)
class RenameEvent:
    """Somebody changed the title. `last_edited_at` of a subject speaks of the body alone."""

    id: str
    at: datetime
    actor: Person | None
    before: str
    after: str


@dataclass(frozen=True)
class ReviewView:
    """A review of a pull request, and the commit it was given on (None when that is gone)."""

    id: str
    database_id: int
    author: Person | None
    state: ReviewState
    body: str
    submitted_at: datetime | None
    last_edited_at: datetime | None
    editor: Person | None
    commit: Sha | None
    mine: bool
    url: str
    reacted: frozenset[str] = frozenset()
    """Reactions of this App, such as `EYES`."""


@dataclass(frozen=True)
class ThreadView:
    """A review thread: comments on a line of the diff. `comments` are the last ten, the newest last."""

    id: str
    resolved: bool
    outdated: bool
    """Whether the line has changed since."""
    path: str
    line: int | None
    """Line in the new version of the file: where it is now, else where it was when the thread began."""
    comments: tuple[CommentView, ...] = ()


@dataclass(frozen=True)
class CiCheck:
    """What a check run or a commit status says of the head of a pull request."""

    name: str
    state: CiState
    """`neutral` neither proves nor blocks; what was cancelled or timed out counts as `failure`."""
    conclusion: str
    """GitHub's own word for it: the conclusion of a check run that ended, else its status."""
    summary: str
    url: str
    mine: bool
    """Whether it is a check run of this App."""
    run_id: int | None
    """Database id of a check run, to ask for its log and annotations; None for a commit status."""
    app: str
    """Slug of the App behind a check run, such as `github-actions`; empty for a commit status."""


@dataclass(frozen=True)
class CiAnnotation:
    """What a check run remarked on lines of a file. `level` is `notice`, `warning` or `failure`."""

    path: str
    line: int
    level: str
    message: str


@dataclass(frozen=True)
class PullView:
    """A pull request.

    Of `reviews` there are the last twenty, of `comments` and `threads` the last thirty, the newest last; of
    `ci` the first hundred. The answer to a write has none of them, nor labels: see `keeping`.
    """

    id: str
    number: int
    title: str
    body: str
    state: SubjectState
    draft: bool
    merged: bool
    merged_at: datetime | None
    merged_by: Person | None
    head_ref: str
    head_sha: Sha
    base_ref: str
    cross_repository: bool
    mergeable: Mergeable
    url: str
    reviews: tuple[ReviewView, ...] = ()
    author: Person | None = None
    base_sha: Sha | None = None
    merge_sha: Sha | None = None
    """The commit on the base branch that merged it."""
    auto_merge: bool = False
    """Whether GitHub merges it as soon as it may."""
    labels: frozenset[str] = frozenset()
    comments: tuple[CommentView, ...] = ()
    threads: tuple[ThreadView, ...] = ()
    ci: tuple[CiCheck, ...] = ()

    def keeping(self, old: PullView) -> PullView:
        """Return this answer to a write with what it does not tell taken from what was read before."""
        ci = old.ci if self.head_sha == old.head_sha else ()
        talk = replace(self, comments=old.comments, threads=old.threads, reviews=old.reviews)
        return replace(talk, labels=old.labels, ci=ci)


@dataclass(frozen=True)
class CheckRunView:
    """A check run of this App."""

    id: str
    database_id: int
    name: str
    external_id: str
    status: CheckStatus
    conclusion: CheckConclusion | None
    title: str
    summary: str
    url: str


@dataclass(frozen=True)
class RepositoryView:
    """A repository. The default branch is None while the repository is empty."""

    id: str
    database_id: int
    full_name: str
    private: bool
    default_branch: str | None
    default_sha: Sha | None
    url: str
    label_ids: Mapping[str, str]
    """Ids of the labels that were asked for and exist, by name."""


@dataclass(frozen=True)
class SubjectView:
    """An issue or pull request with everything one decision needs, read in one query."""

    kind: Literal["issue", "pull"]
    id: str
    number: int
    title: str
    body: str
    state: SubjectState
    author: Person | None
    created_at: datetime
    last_edited_at: datetime | None
    editor: Person | None
    url: str
    labels: Mapping[str, str]
    """Ids of its labels, by name."""
    comments: tuple[CommentView, ...]
    """The first twenty and the last sixty, in order. `comments_total` counts all."""
    comments_total: int
    labelled: tuple[LabelEvent, ...]
    renamed: tuple[RenameEvent, ...]
    reacted: frozenset[str]
    """Reactions of this App, such as `EYES`."""
    repository: RepositoryView
    viewer: Person
    """The App itself, as the author of what it writes."""
    pull: PullView | None
    pulls: Mapping[str, tuple[PullView, ...]]
    """Pull requests of this repository by head branch, for every branch asked for, the newest first."""
    check_runs: Mapping[Sha, tuple[CheckRunView, ...]]
    """This App's check runs for every commit asked for."""


@dataclass(frozen=True)
class OpenIssues:
    """What may be owed something: open issues with a label, and whatever was touched last."""

    labelled: tuple[int, ...]
    touched: Mapping[int, datetime]
    """When the issues and pull requests that were touched last were touched; thirty of each at most."""


@dataclass(frozen=True)
class OldIssue:
    """An issue as it reads now, whatever became of it."""

    number: int
    title: str
    body: str
    open: bool
    created_at: datetime
    url: str
    labels: tuple[str, ...]
    author: str
    """Login; `ghost` for an account that is gone."""


@dataclass(frozen=True)
class NewcomerView:
    """A repository that PushPals is to be brought to."""

    id: str
    has_label: bool
    issues: tuple[OldIssue, ...]
    """The last ones, the newest first."""
    pull: str | None
    """Address of the newest pull request from the branch that was asked for."""
    pull_state: str | None
    """`OPEN`, `CLOSED` or `MERGED`."""


@dataclass(frozen=True)
class LinkedView:
    """An issue or pull request that a text mentions."""

    kind: Literal["issue", "pull"]
    number: int
    title: str
    state: SubjectState


@dataclass(frozen=True)
class PullOutcome:
    """What became of a pull request."""

    number: int
    url: str
    state: SubjectState
    head: Sha
    """The last commit of its branch; once it is merged or closed, the last one then."""
    created_at: datetime
    merged_at: datetime | None


@dataclass(frozen=True)
class Done:
    """A write that has nothing to show but the id of what it changed."""

    id: str
