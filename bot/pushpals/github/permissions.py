"""What an installation token may do. A token is asked for with no more than its step needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Permissions(Mapping[str, str]):
    """A frozen, hashable mapping of GitHub permission names to `read` or `write`."""

    def __init__(self, **grants: str) -> None:
        self._grants = dict(sorted(grants.items()))

    def __getitem__(self, name: str) -> str:
        return self._grants[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._grants)

    def __len__(self) -> int:
        return len(self._grants)

    def __hash__(self) -> int:
        return hash(tuple(self._grants.items()))

    def __repr__(self) -> str:
        return "Permissions(" + ", ".join(f"{k}={v!r}" for k, v in self._grants.items()) + ")"


LIST = Permissions(metadata="read")
"""Name the repositories of an installation: the one thing that no token of a single repository can do."""

OBSERVE = Permissions(
    actions="read",
    checks="read",
    contents="read",
    issues="read",
    metadata="read",
    pull_requests="read",
    statuses="read",
)
"""Look, and fetch. What the repository's own CI says is in checks, statuses and the logs of Actions."""

CONTROL = Permissions(**{**OBSERVE, "checks": "write", "issues": "write", "pull_requests": "write"})
"""Everything people see, but not one commit: comments, labels, checks, pull requests. It can fetch."""

READ_LOGS = Permissions(actions="read", metadata="read")
"""Read the logs of workflow jobs, and nothing else."""

PUSH = Permissions(contents="write", metadata="read")
"""Fetch and push, and nothing else."""
