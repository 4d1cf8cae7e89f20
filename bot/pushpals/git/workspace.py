"""Reading a workspace that somebody hostile may have written.

No git command ever looks at a workspace. Files are found and read by us, below one directory
descriptor, never through a symbolic link, never from anything but a regular file.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pushpals.git.errors import WorkspaceTooLarge

MAX_ENTRIES = 500_000
"""Files and folders looked at in one workspace, before we call it a bomb."""
MAX_PATH_BYTES = 4_000

CACHES = frozenset(
    {"__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", "node_modules"},
)
"""Folders that tools fill; they are no part of anybody's change unless the base already has them."""

FILE, EXECUTABLE, SYMLINK, GITLINK = "100644", "100755", "120000", "160000"

_HFS_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Found:
    """A file or symbolic link of a workspace, as git would call its mode."""

    path: str
    mode: str
    size: int


@dataclass(frozen=True)
class Skipped:
    """Something in a workspace that is not exported, and why, in a few plain words."""

    path: str
    reason: str


def is_dotgit(name: str) -> bool:
    """Whether some file system would take `name` for `.git` (the rules of git's `verify_path`)."""
    folded = _HFS_IGNORED.sub("", name).lower()
    return any(part.rstrip(" .") in {".git", "git~1"} for part in re.split(r"[\\:]", folded))


def _is_gitmodules(name: str) -> bool:
    folded = _HFS_IGNORED.sub("", name).lower().lstrip("\\")
    return folded.startswith((".gitmodules", "gitmod~", "gi7eba~"))


class Workspace:
    """One workspace, opened by descriptor. All methods block; run them in a thread."""

    def __init__(self, root: int, tracked_folders: Collection[str], submodules: Collection[str]) -> None:
        """Bind to the open folder `root`; the base has files in `tracked_folders`."""
        self._root = root
        self._tracked_folders = tracked_folders
        self._submodules = submodules
        self.skipped: list[Skipped] = []
        self.present_submodules: set[str] = set()

    @classmethod
    @contextmanager
    def opened(
        cls, path: Path, tracked_folders: Collection[str], submodules: Collection[str]
    ) -> Iterator[Workspace]:
        """Open the workspace at `path` for the length of a `with` block."""
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield cls(root, tracked_folders, submodules)
        finally:
            os.close(root)

    def walk(self) -> dict[str, Found]:
        """Find every file and symbolic link; what is left out is noted in `skipped`."""
        found: dict[str, Found] = {}
        folders = [""]
        seen = 0
        while folders:
            folder = folders.pop()
            for entry, path in self._entries(folder):
                seen += 1
                if seen > MAX_ENTRIES or len(os.fsencode(path)) > MAX_PATH_BYTES:
                    raise WorkspaceTooLarge(
                        f"The workspace holds more than {MAX_ENTRIES} files, or {path[:80]} …"
                    )
                if entry.is_dir(follow_symlinks=False):
                    if self._enters(entry.name, path):
                        folders.append(path)
                elif file := self._file(entry, path):
                    found[path] = file
        return found

    def _entries(self, folder: str) -> Iterator[tuple[os.DirEntry[str], str]]:
        try:
            descriptor = self._open(folder, _FOLDER)
        except OSError:
            self.skipped.append(Skipped(folder, "a folder that can not be read"))
            return
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    yield entry, f"{folder}/{entry.name}" if folder else entry.name
        finally:
            os.close(descriptor)

    def _enters(self, name: str, path: str) -> bool:
        if is_dotgit(name):
            self.skipped.append(Skipped(path, "a git folder"))
            return False
        if path in self._submodules:
            self.present_submodules.add(path)
            return False
        return name not in CACHES or path in self._tracked_folders

    def _file(self, entry: os.DirEntry[str], path: str) -> Found | None:
        status = entry.stat(follow_symlinks=False)
        link = stat.S_ISLNK(status.st_mode)
        if is_dotgit(entry.name):
            reason = "a git file"
        elif link and _is_gitmodules(entry.name):
            reason = "a .gitmodules that is a symbolic link"
        elif not link and not stat.S_ISREG(status.st_mode):
            reason = "neither a file nor a link (a pipe, socket or device)"
        elif not _is_utf8(path):
            reason = "a name that is not UTF-8"
        else:
            executable = bool(status.st_mode & stat.S_IXUSR)
            return Found(path, SYMLINK if link else EXECUTABLE if executable else FILE, status.st_size)
        self.skipped.append(Skipped(os.fsencode(path).decode(errors="backslashreplace"), reason))
        return None

    def blob_name(self, file: Found) -> str | None:
        """Return the sha git would give the content, or None (noted) when it can not be read."""
        # The name of a git object is a SHA-1 by definition; nothing here rests on its strength.
        try:
            with self._content(file) as (size, chunks):
                digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
                for chunk in chunks:
                    digest.update(chunk)
        except OSError:
            self.skipped.append(Skipped(file.path, "a file that can not be read"))
            return None
        return digest.hexdigest()

    def read(self, file: Found, limit: int) -> bytes:
        """Return the content. Raises WorkspaceTooLarge past `limit` bytes, OSError when unreadable."""
        data = bytearray()
        with self._content(file) as (_, chunks):
            for chunk in chunks:
                data += chunk
                if len(data) > limit:
                    raise WorkspaceTooLarge(f"{file.path} is larger than {limit / 1e6:g} MB. Leave it out.")
        return bytes(data)

    @contextmanager
    def _content(self, file: Found) -> Iterator[tuple[int, Iterator[bytes]]]:
        if file.mode == SYMLINK:
            folder, _, name = file.path.rpartition("/")
            descriptor = self._open(folder, _FOLDER)
            try:
                target = os.fsencode(os.readlink(name, dir_fd=descriptor))
            finally:
                os.close(descriptor)
            yield len(target), iter([target])
            return
        with os.fdopen(self._open(file.path, _READ), "rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{file.path} is no longer a file")
            yield status.st_size, iter(lambda: stream.read(_CHUNK) or b"", b"")

    def _open(self, path: str, flags: int) -> int:
        """Open `path` below the root, one component at a time, following no symbolic link."""
        descriptor = os.dup(self._root)
        parts = path.split("/") if path else ["."]
        try:
            for part in parts[:-1]:
                deeper = os.open(part, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = deeper
            return os.open(parts[-1], flags, dir_fd=descriptor)
        finally:
            os.close(descriptor)


def _is_utf8(text: str) -> bool:
    return not any("\udc80" <= c <= "\udcff" for c in text)
