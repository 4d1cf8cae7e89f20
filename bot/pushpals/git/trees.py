"""Trees in and out: reading them, laying them out as files, and turning files back into a patch."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pushpals.git.errors import GitError, PatchDoesNotApply
from pushpals.git.process import Git
from pushpals.model import FileChange, Patch, Sha

_STATUS: Mapping[str, Literal["added", "modified", "deleted", "type_changed"]] = {
    "A": "added",
    "M": "modified",
    "D": "deleted",
    "T": "type_changed",
}
_NOTHING = "0" * 40
_DIFF = ("diff-tree", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")


@dataclass(frozen=True)
class TreeEntry:
    """One file of a tree. A path that is not UTF-8 is decoded with surrogate escapes."""

    path: str
    mode: str
    sha: Sha
    size: int | None
    """Bytes of the content; None for a submodule."""


@contextmanager
def private_index() -> Iterator[dict[str, str]]:
    """Yield an environment with an index of its own, so that any number of commands run side by side."""
    with tempfile.TemporaryDirectory(prefix="pushpals-index-") as folder:
        yield {"GIT_INDEX_FILE": str(Path(folder) / "index")}


async def entries(git: Git, treeish: str) -> list[TreeEntry]:
    """List all files of a commit or tree. Raises GitError when it is not here."""
    done = await git.run("ls-tree", "-r", "-z", "-l", "--full-tree", treeish)
    listed = []
    for record in os.fsdecode(done.out).split("\0")[:-1]:
        head, _, path = record.partition("\t")
        mode, _, sha, size = head.split()
        listed.append(TreeEntry(path, mode, sha, int(size) if size != "-" else None))
    return listed


async def materialise(git: Git, treeish: str, destination: Path) -> None:
    """Lay out a commit or tree as plain files in `destination`, which must be empty or missing."""

    def prepare() -> Path:
        destination.mkdir(parents=True, exist_ok=True)
        if any(destination.iterdir()):
            raise FileExistsError(f"{destination} is not empty. Give a new folder for a workspace.")
        return destination.absolute()

    place = await asyncio.to_thread(prepare)
    with private_index() as env:
        await git.run("read-tree", "--end-of-options", treeish, env=env)
        env["GIT_WORK_TREE"] = str(place)
        await git.run("checkout-index", "--all", "--force", "--quiet", env=env, cwd=place)


async def diff_files(git: Git, base: str, tree: str) -> tuple[FileChange, ...]:
    """List what differs between two commits or trees. Raises GitError for a name that is not UTF-8."""
    done = await git.run(*_DIFF, "-z", "--raw", "--numstat", "--end-of-options", base, tree)
    try:
        fields = done.out.decode().split("\0")[:-1]
    except UnicodeDecodeError as error:
        raise GitError(f"A changed file's name is not UTF-8: {error.object[:200]!r}. Rename it.") from None
    changes: dict[str, tuple[str, str]] = {}
    counts: dict[str, tuple[str, str]] = {}
    position = 0
    while position < len(fields):
        if fields[position].startswith(":"):
            _, mode, _, _, status = fields[position].split(" ")
            changes[fields[position + 1]] = (status, mode)
            position += 2
        else:
            added, removed, path = fields[position].split("\t", 2)
            counts[path] = (added, removed)
            position += 1
    return tuple(_change(path, *changes[path], *counts.get(path, ("0", "0"))) for path in sorted(changes))


def _change(path: str, status: str, mode: str, added: str, removed: str) -> FileChange:
    lines = [None if n == "-" else int(n) for n in (added, removed)]
    return FileChange(path=path, status=_STATUS[status[0]], added=lines[0], removed=lines[1], mode=mode)


async def diff(git: Git, base: str, tree: str) -> bytes:
    """Return the difference as `git apply` reads it: binary-safe, full object names, no renames."""
    shape = ("-p", "--binary", "--full-index", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short")
    return (await git.run(*_DIFF, *shape, "--end-of-options", base, tree)).out


async def edit(git: Git, treeish: str, edits: Mapping[str, tuple[str, Sha] | None]) -> Sha:
    """Write and return a tree with `edits` on it: path to (mode, object), or to None to delete it."""
    # Deletions first, so that a file can take the place of a folder, and the other way round.
    lines = [f"0 {_NOTHING}\t{path}\0" for path, to in edits.items() if to is None]
    lines += [f"{to[0]} {to[1]}\t{path}\0" for path, to in edits.items() if to is not None]
    with private_index() as env:
        await git.run("read-tree", "--end-of-options", treeish, env=env)
        if lines:
            options = ("-z", "--index-info")
            await git.run("update-index", *options, stdin=os.fsencode("".join(lines)), env=env)
        return (await git.run("write-tree", env=env)).text


async def overlay(git: Git, onto: str, source: str, paths: Collection[str]) -> Sha:
    """Write and return the tree of `onto` with `paths` (files) as they are in `source`, or gone as there."""
    there = {
        entry.path: (entry.mode, entry.sha) for entry in await entries(git, source) if entry.path in paths
    }
    return await edit(git, onto, {path: there.get(path) for path in paths})


async def apply(git: Git, patch: Patch) -> Sha:
    """Write and return the tree of `patch.base` with the patch on it.

    Raises PatchDoesNotApply when it does not fit, or changes other files than `patch.files` says.
    """
    tree = await apply_diff(git, patch.base, patch.diff)
    really = await diff_files(git, patch.base, tree)
    if really != tuple(sorted(patch.files, key=lambda f: f.path)):
        raise PatchDoesNotApply(
            "The patch changes other files, or other lines, than its list says. Export it again."
        )
    return tree


async def apply_diff(git: Git, base: Sha, diff: bytes) -> Sha:
    """Write and return the tree of `base` with a diff on it. Raises PatchDoesNotApply if it does not fit."""
    with private_index() as env:
        await git.run("read-tree", base, env=env)
        if diff:
            options = ("--cached", "--binary", "--whitespace=nowarn", "-")
            done = await git.run("apply", *options, stdin=diff, env=env, ok=(0, 1, 128))
            if done.code:
                raise PatchDoesNotApply(f"The patch does not fit {base}: {done.err}")
        return (await git.run("write-tree", env=env)).text
