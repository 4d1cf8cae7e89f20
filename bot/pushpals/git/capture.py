"""Export by content: from a workspace nobody trusts to a patch that is only data."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pushpals.git import trees
from pushpals.git.errors import WorkspaceTooLarge
from pushpals.git.objects import ObjectStore
from pushpals.git.process import Git
from pushpals.git.trees import TreeEntry
from pushpals.git.workspace import GITLINK, SYMLINK, Found, Skipped, Workspace, is_utf8, printable
from pushpals.model import Patch, Sha

MAX_FILE_BYTES = 10_000_000
MAX_TOTAL_BYTES = 100_000_000
MAX_FILES = 2_000
_MAX_IGNORE_BYTES = 1_000_000


@dataclass(frozen=True)
class Capture:
    """What a workspace changed, its tree, and what was left out of it with the reasons."""

    patch: Patch
    tree: Sha
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class _Survey:
    """Phase one: what is there, compared with the base by content."""

    changed: tuple[Found, ...]
    untracked: tuple[Found, ...]
    deleted: tuple[str, ...]
    ignore_files: Mapping[str, bytes]
    skipped: Mapping[str, str]


class Exporter:
    """Exports workspaces against commits of one mirror."""

    def __init__(self, git: Git, store: ObjectStore) -> None:
        """Bind to a mirror's git and its objects."""
        self._git = git
        self._store = store

    async def capture(self, base: Sha, workspace: Path) -> Capture:
        """Compare `workspace` with the commit `base`. Raises WorkspaceTooLarge."""
        tracked = {entry.path: entry for entry in await trees.entries(self._git, base)}
        survey = await asyncio.to_thread(_survey, workspace, tracked)
        ignored = await self._ignored(survey)
        changed = [*survey.changed, *(f for f in survey.untracked if f.path not in ignored)]
        if len(changed) + len(survey.deleted) > MAX_FILES:
            raise WorkspaceTooLarge(
                f"More than {MAX_FILES} files changed. List generated ones in .gitignore."
            )
        blobs, unreadable = await asyncio.to_thread(self._store_blobs, workspace, changed)
        edits: dict[str, tuple[str, Sha] | None] = dict.fromkeys(survey.deleted)
        edits |= {file.path: (file.mode, blobs[file.path]) for file in changed if file.path in blobs}
        tree = await trees.edit(self._git, base, edits)
        patch = Patch(
            base=base,
            diff=await trees.diff(self._git, base, tree),
            files=await trees.diff_files(self._git, base, tree),
        )
        skipped = sorted({**survey.skipped, **unreadable}.items())
        return Capture(patch, tree, tuple(Skipped(printable(path), reason) for path, reason in skipped))

    async def _ignored(self, survey: _Survey) -> set[str]:
        """Which untracked files the workspace's own .gitignore files leave out.

        git reads copies of those files in a folder of ours: in the workspace, one could be a pipe.
        """
        if not survey.untracked:
            return set()
        with tempfile.TemporaryDirectory(prefix="pushpals-ignore-") as folder:
            await asyncio.to_thread(_lay_out, Path(folder), survey.ignore_files)
            done = await self._git.run(
                *("check-ignore", "--no-index", "-z", "--stdin"),
                # With "./" in front, a name that begins with a colon is not taken for pathspec magic.
                stdin=b"".join(b"./" + os.fsencode(f.path) + b"\0" for f in survey.untracked),
                env={"GIT_WORK_TREE": folder},
                cwd=Path(folder),
                ok=(0, 1),
            )
        return {path.removeprefix("./") for path in os.fsdecode(done.out).split("\0")}

    def _store_blobs(self, path: Path, files: Iterable[Found]) -> tuple[dict[str, Sha], dict[str, str]]:
        """Write the contents as blobs; returns them by path, and what could not be read."""
        blobs: dict[str, Sha] = {}
        total = 0
        with Workspace.opened(path) as workspace:
            for file in files:
                data = workspace.read(file, MAX_FILE_BYTES)
                if data is None:
                    continue
                total += len(data)
                if total > MAX_TOTAL_BYTES:
                    raise WorkspaceTooLarge(
                        f"More than {MAX_TOTAL_BYTES / 1e6:g} MB changed. Narrow the work."
                    )
                blobs[file.path] = self._store.put("blob", data)
        return blobs, workspace.skipped


def _survey(path: Path, tracked: Mapping[str, TreeEntry]) -> _Survey:
    folders = {str(parent) for name in tracked for parent in PurePosixPath(name).parents}
    submodules = {name for name, entry in tracked.items() if entry.mode == GITLINK}
    with Workspace.opened(path) as workspace:
        found = workspace.walk(folders, submodules)
        changed = tuple(
            f for f in found.values() if f.path in tracked and _differs(workspace, f, tracked[f.path])
        )
        ignore_files = _ignore_files(workspace, found.values())
    # A submodule stays even when its folder is gone: copies of a workspace lose empty folders.
    kept = workspace.skipped.keys() | submodules
    return _Survey(
        changed=changed,
        untracked=tuple(file for name, file in found.items() if name not in tracked),
        deleted=tuple(name for name in tracked if name not in found and not _is_kept(name, kept)),
        ignore_files=ignore_files,
        skipped=workspace.skipped,
    )


def _differs(workspace: Workspace, file: Found, entry: TreeEntry) -> bool:
    """Whether the base has something else at this path. What can not be read counts as the same."""
    if (file.mode, file.size) != (entry.mode, entry.size):
        return True
    return workspace.blob_name(file) not in {entry.sha, None}


def _ignore_files(workspace: Workspace, found: Iterable[Found]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for file in found:
        if file.path.rpartition("/")[2] == ".gitignore" and file.mode != SYMLINK:
            data = workspace.read(file, _MAX_IGNORE_BYTES)
            if data is not None:
                files[file.path] = data
                total += len(data)
        if total > MAX_FILE_BYTES:
            raise WorkspaceTooLarge("The .gitignore files of the workspace are absurdly large. Clean up.")
    return files


def _is_kept(name: str, kept: Collection[str]) -> bool:
    """Whether the base's file stays: we could not see it, or what stands at or above it was skipped."""
    return (
        not is_utf8(name)
        or name in kept
        or any(str(parent) in kept for parent in PurePosixPath(name).parents)
    )


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
