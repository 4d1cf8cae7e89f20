"""GitHub: App authentication, one query to see a subject, one document to write a step.

github = GitHub(AppAuth(app_id, private_key), Endpoints.github())
repo = github.repo(RepoRef.parse("octo/names"))
view = await repo.subject(42, branches=["agent/bug_fixer/42-1"])
comment, reaction = await repo.write(AddComment(view.id, "…"), AddReaction(view.id))
"""

from pushpals.github.auth import AppAuth
from pushpals.github.client import AppInfo, GitHub, Installation
from pushpals.github.endpoints import Endpoints
from pushpals.github.errors import (
    AccessDenied,
    BadCredentials,
    GitHubError,
    GitHubUnavailable,
    NotFound,
    RateLimited,
    Refused,
    WriteFailed,
)
from pushpals.github.mutations import (
    AddComment,
    AddLabels,
    AddReaction,
    CheckAction,
    CloseIssue,
    CreateCheckRun,
    CreatePullRequest,
    Mutation,
    ReadyForReview,
    RemoveLabels,
    UpdateCheckRun,
    UpdateComment,
    UpdatePullRequest,
    Written,
)
from pushpals.github.permissions import CONTROL, OBSERVE, PUSH, Permissions
from pushpals.github.repo import RepoClient
from pushpals.github.views import (
    CheckConclusion,
    CheckRunView,
    CheckStatus,
    CommentView,
    Done,
    LabelEvent,
    PullView,
    RenameEvent,
    RepositoryView,
    ReviewView,
    Role,
    SubjectView,
)

__all__ = [
    "CONTROL",
    "OBSERVE",
    "PUSH",
    "AccessDenied",
    "AddComment",
    "AddLabels",
    "AddReaction",
    "AppAuth",
    "AppInfo",
    "BadCredentials",
    "CheckAction",
    "CheckConclusion",
    "CheckRunView",
    "CheckStatus",
    "CloseIssue",
    "CommentView",
    "CreateCheckRun",
    "CreatePullRequest",
    "Done",
    "Endpoints",
    "GitHub",
    "GitHubError",
    "GitHubUnavailable",
    "Installation",
    "LabelEvent",
    "Mutation",
    "NotFound",
    "Permissions",
    "PullView",
    "RateLimited",
    "ReadyForReview",
    "Refused",
    "RemoveLabels",
    "RenameEvent",
    "RepoClient",
    "RepositoryView",
    "ReviewView",
    "Role",
    "SubjectView",
    "UpdateCheckRun",
    "UpdateComment",
    "UpdatePullRequest",
    "WriteFailed",
    "Written",
]
