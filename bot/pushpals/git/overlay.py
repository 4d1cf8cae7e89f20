"""A tree with some of its paths taken from another: how the gate judges code by another tree's tests."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pushpals.git.process import Git
from pushpals.git.trees import private_index
from pushpals.model import Sha

NOTHING = "0" * 40


async def overlay(git: Git, onto: Sha, source: Sha, paths: Sequence[str]) -> Sha:
    """Write and return the tree of `onto` (a commit or tree) with `paths` as they are in `source`.

    A path that `source` does not have is removed. Raises GitError when either is not in the mirror.
    """
    literal = {"GIT_LITERAL_PATHSPECS": "1"}
    listed = await git.run("ls-tree", "-r", "-z", "--full-tree", source, "--", *paths, env=literal)
    there: dict[str, str] = {}
    for record in os.fsdecode(listed.out).split("\0")[:-1]:
        head, _, path = record.partition("\t")
        mode, _, sha = head.split(" ")
        there[path] = f"{mode} {sha}\t{path}"
    lines = [there.get(path, f"0 {NOTHING}\t{path}") for path in paths]
    with private_index() as env:
        await git.run("read-tree", onto, env=env)
        # A file may stand where the other tree has a folder: what is in the way goes first.
        removed = "".join(f"0 {NOTHING}\t{path}\0" for path in paths)
        await git.run("update-index", "-z", "--index-info", stdin=os.fsencode(removed), env=env)
        await git.run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(f"{x}\0" for x in lines)), env=env)
        return (await git.run("write-tree", env=env)).text
