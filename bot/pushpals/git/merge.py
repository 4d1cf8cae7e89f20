"""Merging two commits by content: in the object database alone, without a workspace, hooks or filters."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pushpals.git.process import Git
from pushpals.model import Sha

CONFIG = {
    # The same result on every machine, whatever this git's defaults are.
    "merge.renames": "true",
    "merge.directoryRenames": "conflict",
    "merge.renameLimit": "2000",
    "diff.algorithm": "histogram",
}


@dataclass(frozen=True)
class Merge:
    """What merging two commits gives: a tree, or the paths where people have to decide.

    `tree` is set in both cases; where there are conflicts, its files hold both sides between markers.
    """

    tree: Sha
    conflicts: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """True when there is nothing left to decide."""
        return not self.conflicts


async def landed_in(git: Git, head: Sha, tip: Sha) -> Sha | None:
    """Return the first commit on the first-parent line of `tip` that holds `head`; None when it holds it not.

    For a branch that was merged this is the merge commit; for one that was fast-forwarded, what came next.
    """
    args = ("--first-parent", "--ancestry-path", f"{head}..{tip}")
    found = (await git.run("rev-list", *args, ok=(0, 128))).text.splitlines()
    return found[-1] if found else None


async def merge(git: Git, ours: Sha, theirs: Sha) -> Merge:
    """Merge the commit `theirs` into `ours`, both here with their history, and write the tree.

    Raises GitError when they have no common history, or one of them is not here.
    """
    # https://git-scm.com/docs/git-merge-tree: exit code 1 means conflicts. Names are listed once each.
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    done = await git.run("merge-tree", *options, ours, theirs, config=CONFIG, ok=(0, 1))
    tree, *paths = os.fsdecode(done.out).removesuffix("\0").split("\0")
    return Merge(tree, tuple(path for path in paths if path) if done.code else ())
