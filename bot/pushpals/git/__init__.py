"""git, hardened: a bare mirror per repository, workspaces out of it, patches into it, pushes by lease."""

from pushpals.git.capture import Capture
from pushpals.git.errors import (
    GitDenied,
    GitError,
    GitUnavailable,
    LeaseLost,
    PatchDoesNotApply,
    PushRefused,
    RefMissing,
    WorkspaceTooLarge,
)
from pushpals.git.merge import Merge
from pushpals.git.mirror import LogEntry, Mirror
from pushpals.git.objects import Identity
from pushpals.git.remote import RefUpdate, TokenSource
from pushpals.git.trees import TreeEntry
from pushpals.git.workspace import Skipped

__all__ = [
    "Capture",
    "GitDenied",
    "GitError",
    "GitUnavailable",
    "Identity",
    "LeaseLost",
    "LogEntry",
    "Merge",
    "Mirror",
    "PatchDoesNotApply",
    "PushRefused",
    "RefMissing",
    "RefUpdate",
    "Skipped",
    "TokenSource",
    "TreeEntry",
    "WorkspaceTooLarge",
]
