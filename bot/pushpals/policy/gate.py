"""The whole gate of a patch in one call: shape, scope, size and secrets."""

from __future__ import annotations

from collections.abc import Sequence

from pushpals.model import UNBOUND, Bounds, FileChange, Finding
from pushpals.policy.diff import DiffError, read_diff
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.policy.scope import check_scope
from pushpals.policy.secrets import find_secrets


def check_patch(
    diff: bytes,
    files: Sequence[FileChange],
    task_scope: Sequence[str],
    policy: RepoPolicy,
    bounds: Bounds = UNBOUND,
) -> tuple[Finding, ...]:
    """Return everything that stops a change from being published; empty when nothing does.

    `bounds` are those of the task's role. `files` is what git says changed. It must
    name just the files of the diff, so that neither can hide one.
    """
    try:
        diffs = read_diff(diff)
    except DiffError as error:
        return (_unreadable(f"The diff cannot be read: {error} (built-in rule)."),)
    if sorted(file.path for file in files) != sorted(part.path for part in diffs):
        return (_unreadable("The diff and the list of changed files name different files (built-in rule)."),)
    return (
        *check_scope(files, task_scope, policy, {part.path: part.added_bytes for part in diffs}, bounds),
        *find_secrets({part.path: part.added for part in diffs}),
    )


def _unreadable(message: str) -> Finding:
    return Finding(rule="diff", message=message, blocking=True)
