"""What a change may touch: write scope, protected paths, path names, modes, size, lock files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pushpals.model import UNBOUND, Bounds, FileChange, Finding
from pushpals.policy.globs import first_match
from pushpals.policy.paths import path_problem, printable
from pushpals.policy.repo_policy import LOCKED_PATHS, RELEASABLE_PATHS, RepoPolicy

BUILT_IN: Final = "built-in"
DELETED: Final = "000000"
_FILE_MODES: Final = frozenset({"100644", "100755"})
_MODE_NAMES: Final = {"120000": "a symbolic link", "160000": "a submodule"}

LOCK_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "Cargo.lock": ("Cargo.toml",),
    "Gemfile.lock": ("Gemfile",),
    "Pipfile.lock": ("Pipfile",),
    "bun.lock": ("package.json",),
    "composer.lock": ("composer.json",),
    "go.sum": ("go.mod",),
    "npm-shrinkwrap.json": ("package.json",),
    "package-lock.json": ("package.json",),
    "pdm.lock": ("pyproject.toml",),
    "pnpm-lock.yaml": ("package.json", "pnpm-workspace.yaml"),
    "poetry.lock": ("pyproject.toml",),
    "uv.lock": ("pyproject.toml",),
    "yarn.lock": ("package.json",),
}
"""Files that package managers write, and the manifests one of which must change with them, in any folder."""


def check_scope(
    files: Sequence[FileChange],
    task_scope: Sequence[str],
    policy: RepoPolicy,
    added_bytes: Mapping[str, int] | None = None,
    bounds: Bounds = UNBOUND,
) -> tuple[Finding, ...]:
    """Return the blocking findings of a change; empty when it may be published as far as its shape goes.

    `task_scope` narrows the policy's write scope, and `bounds`, those of the task's role, narrow it further;
    `added_bytes` is the number of bytes each path gains. Each message names the rule and where it is set.
    """
    return (
        *(finding for file in files for finding in _file_findings(file, task_scope, policy)),
        *_role_findings(files, bounds),
        *_size_findings(files, policy, added_bytes or {}),
        *_lock_findings(files),
    )


def protected_by(path: str, policy: RepoPolicy) -> str | None:
    """Return which rule protects `path`, as "built-in rule `CODEOWNERS`" or "policy line 14", or None."""
    released = policy.scope.unprotect
    built_in = (*LOCKED_PATHS, *(glob for glob in RELEASABLE_PATHS if glob not in released))
    # Letter case is ignored: on macOS and Windows `.GitHub/Workflows` is the same folder.
    if glob := first_match(built_in, path, ignore_case=True):
        return f"{BUILT_IN} rule `{glob}`"
    if glob := first_match(policy.scope.protected, path, ignore_case=True):
        index = policy.scope.protected.index(glob)
        return f"{policy.where(f'scope.protected.{index}')}, `{glob}`"
    return None


def _file_findings(file: FileChange, task_scope: Sequence[str], policy: RepoPolicy) -> Iterator[Finding]:
    name = printable(file.path)
    if problem := path_problem(file.path):
        yield _finding("path", f"{name} {problem} ({BUILT_IN} rule).", file.path)
        return
    if rule := protected_by(file.path, policy):
        yield _finding("scope.protected", f"{name} is protected ({rule}).", file.path)
    elif first_match(policy.scope.write, file.path) is None:
        where = policy.where("scope.write")
        yield _finding(
            "scope.write", f"{name} is outside the paths that may be changed ({where}).", file.path
        )
    elif first_match(task_scope, file.path) is None:
        scope = ", ".join(f"`{glob}`" for glob in task_scope[:5]) or "nothing"
        yield _finding("task.scope", f"{name} is outside this task's scope (the plan: {scope}).", file.path)
    yield from _kind_findings(file, name)


def _role_findings(files: Sequence[FileChange], bounds: Bounds) -> Iterator[Finding]:
    """Check what the task's role leaves its worker."""
    for file in files:
        if first_match(bounds.within, file.path) is None:
            text = f"{printable(file.path)} is outside what this task's role may change (the role's scope)."
            yield _finding("role.scope", text, file.path)
    if bounds.files is not None and len(files) > bounds.files:
        text = f"{len(files)} files change; the limit of this task's role is {bounds.files}."
        yield _finding("role.limits.files", text)
    lines = sum((file.added or 0) + (file.removed or 0) for file in files)
    if bounds.lines is not None and lines > bounds.lines:
        text = f"{lines} lines change; the limit of this task's role is {bounds.lines}."
        yield _finding("role.limits.lines", text)


def _kind_findings(file: FileChange, name: str) -> Iterator[Finding]:
    """Check what the path becomes: an ordinary text file, or nothing."""
    if file.status == "deleted" and file.mode == DELETED:
        return
    if file.mode not in _FILE_MODES:
        what = _MODE_NAMES.get(file.mode, f"of the unusual mode {file.mode[:10]}")
        yield _finding(
            "mode", f"{name} is {what}; only ordinary files are published ({BUILT_IN} rule).", file.path
        )
    elif file.added is None:
        yield _finding(
            "binary", f"{name} is a binary file, which nobody can review ({BUILT_IN} rule).", file.path
        )


def _size_findings(
    files: Sequence[FileChange], policy: RepoPolicy, added_bytes: Mapping[str, int]
) -> Iterator[Finding]:
    limits = policy.limits
    if len(files) > limits.files:
        where = policy.where("limits.files")
        yield _finding("limits.files", f"{len(files)} files change; the limit is {limits.files} ({where}).")
    lines = sum((file.added or 0) + (file.removed or 0) for file in files)
    if lines > limits.lines:
        where = policy.where("limits.lines")
        yield _finding("limits.lines", f"{lines} lines change; the limit is {limits.lines} ({where}).")
    where = policy.where("limits.file_bytes")
    for path, gained in added_bytes.items():
        if gained > limits.file_bytes:
            text = f"{printable(path)} gains {gained} bytes; the limit is {limits.file_bytes} ({where})."
            yield _finding("limits.file_bytes", text, path)


def _lock_findings(files: Sequence[FileChange]) -> Iterator[Finding]:
    """A lock file that changes alone changes what is installed without saying so."""
    changed = {file.path.rpartition("/")[2] for file in files}
    for file in files:
        manifests = LOCK_FILES.get(file.path.rpartition("/")[2], ())
        if manifests and not changed.intersection(manifests):
            text = f"{printable(file.path)} changes without `{manifests[0]}` ({BUILT_IN} rule)."
            yield _finding("lockfile", text, file.path)


def _finding(rule: str, message: str, path: str | None = None) -> Finding:
    return Finding(rule=rule, message=message, path=path, blocking=True)
