"""What the forge remembers of people, repositories, issues and pull requests: frozen, typed records.

Every record has an integer ``id`` (GitHub's database id) and an opaque ``node_id`` (GitHub's global node id).
People are referred to by login, because the forge never renames an account. Times are whole seconds in UTC,
as GitHub's are.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

AccountType = Literal["User", "Bot", "Organization"]
State = Literal["open", "closed"]
ReviewState = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"]
MergeMethod = Literal["merge", "squash", "rebase"]


class ReactionContent(StrEnum):
    """The eight reactions, by their GraphQL names."""

    THUMBS_UP = "THUMBS_UP"
    THUMBS_DOWN = "THUMBS_DOWN"
    LAUGH = "LAUGH"
    HOORAY = "HOORAY"
    CONFUSED = "CONFUSED"
    HEART = "HEART"
    ROCKET = "ROCKET"
    EYES = "EYES"


class Record(BaseModel):
    """A frozen value; change it with :meth:`model_copy`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Entity(Record):
    """A record with an identity of its own."""

    id: int
    node_id: str


class Account(Entity):
    """A person, an organization, or the bot user of an App (login ``slug[bot]``)."""

    login: str
    type: AccountType
    name: str | None = None
    created_at: datetime

    @property
    def email(self) -> str:
        """The private commit address GitHub gives every account."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


class Role(Record):
    """A role on a repository: a built-in one, or a custom one of any name that extends a built-in base."""

    name: str
    base: Literal["none", "read", "triage", "write", "maintain", "admin"]


class Repo(Entity):
    """A repository. ``roles`` holds collaborators by lower-case login; the owner is always an admin."""

    owner: str
    name: str
    private: bool = False
    description: str | None = None
    default_branch: str = "main"
    roles: dict[str, Role] = {}
    next_number: int = 1
    created_at: datetime
    pushed_at: datetime

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"


class Label(Entity):
    """A label of one repository."""

    repo_id: int
    name: str
    color: str = "ededed"
    description: str | None = None


class Reaction(Record):
    """One reaction by one account."""

    id: int
    user: str
    content: ReactionContent
    created_at: datetime


class Edit(Record):
    """One earlier text of a body, and who replaced it when."""

    editor: str
    edited_at: datetime
    previous: str


class Authored(Entity):
    """Text somebody wrote and somebody (else) may have edited."""

    repo_id: int
    number: int
    author: str
    body: str
    created_at: datetime
    updated_at: datetime
    edits: tuple[Edit, ...] = ()
    reactions: tuple[Reaction, ...] = ()

    @property
    def editor(self) -> str | None:
        """Login of the last editor of the body, if it was ever edited."""
        return self.edits[-1].editor if self.edits else None

    @property
    def last_edited_at(self) -> datetime | None:
        """When the body was last edited, if it was."""
        return self.edits[-1].edited_at if self.edits else None


class Subject(Authored):
    """What issues and pull requests share: a number, a title, labels, an open or closed state."""

    title: str
    state: State = "open"
    state_reason: str | None = None
    label_ids: tuple[int, ...] = ()
    closed_at: datetime | None = None
    closed_by: str | None = None


class Issue(Subject):
    """An issue."""


class PullRequest(Subject):
    """A pull request inside one repository. ``issue_id`` is the id under which REST shows it as an issue."""

    issue_id: int
    base_ref: str
    base_sha: str
    head_ref: str
    head_sha: str
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None
    commits: int = 0
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0
    auto_merge: "AutoMerge | None" = None


class AutoMerge(Record):
    """Who wants a pull request merged as soon as nothing stands against it, and how."""

    enabled_by: str
    enabled_at: datetime
    method: MergeMethod


class Comment(Authored):
    """A comment on an issue or on the conversation of a pull request."""

    minimized: bool = False


class Review(Authored):
    """A submitted review, bound to the head commit it was given on."""

    state: ReviewState
    commit_oid: str
    submitted_at: datetime


class ReviewThread(Entity):
    """Comments on a line of a pull request's diff. ``line`` is None when the line has changed since."""

    repo_id: int
    number: int
    path: str
    line: int | None
    original_line: int
    commit_oid: str
    resolved_by: str | None = None


class ReviewComment(Authored):
    """A comment in a thread, made in a review."""

    thread_id: int
    review_id: int
    reply_to: int | None = None
    commit_oid: str
    diff_hunk: str


class TimelineEvent(Entity):
    """Something that happened to an issue or pull request besides comments and reviews.

    ``kind`` is GitHub's event name: labeled, unlabeled, closed, reopened, merged, ready_for_review,
    convert_to_draft, renamed, base_ref_changed, head_ref_deleted.
    ``before`` and ``after`` are the titles of a rename, or the base branches of a change of base.
    """

    repo_id: int
    number: int
    kind: str
    actor: str
    label_id: int | None = None
    commit_oid: str | None = None
    before: str | None = None
    after: str | None = None
    created_at: datetime
