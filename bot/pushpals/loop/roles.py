"""Reads the files of roles: those of the package, and a repository's own at a commit."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from pushpals.policy.roles import BUILT_IN_ROLES, MAX_ROLES, ROLES_FOLDER, Roles, gather

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.git import Mirror
    from pushpals.model import Sha
    from pushpals.policy.repo_policy import RepoPolicy


@cache
def built_in_texts() -> Mapping[str, str]:
    """Return the text of every role that comes with PushPals, by its file's name."""
    folder = resources.files("pushpals") / "roles"
    return {f"{name}.md": (folder / f"{name}.md").read_text(encoding="utf-8") for name in BUILT_IN_ROLES}


async def roles_at(
    mirror: Mirror, commit: Sha, policy: RepoPolicy, paths: Sequence[str] | None = None
) -> Roles:
    """Return a repository's roles as they are at `commit`; `paths` are its files, where they are known."""
    known = await mirror.tree_paths(commit) if paths is None else paths
    own = sorted(path for path in known if path.startswith(f"{ROLES_FOLDER}/") and path.endswith(".md"))
    texts: dict[str, str] = {}
    for path in own[: MAX_ROLES + 1]:
        data = await mirror.read(commit, path)
        texts[path] = (data or b"").decode(errors="replace")
    return gather(built_in_texts(), texts, policy)


async def instructions_of(mirror: Mirror, commit: Sha, policy: RepoPolicy, role: str) -> str:
    """Return what a worker of a role is told, by the files at `commit`; a role that is gone tells nothing."""
    if role in BUILT_IN_ROLES and await mirror.read(commit, f"{ROLES_FOLDER}/{role}.md") is None:
        return gather(built_in_texts(), {}, policy).by_name[role].instructions
    found = (await roles_at(mirror, commit, policy)).get(role)
    return found.instructions if found else ""
