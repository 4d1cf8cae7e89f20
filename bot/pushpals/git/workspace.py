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
MAX_PATH_BYTES = 3_900
"""Somewhat below the 4,096 bytes of the system, because copies of files get a longer path."""

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
    """A file or symbolic link of a workspace, as git would call its mode; `size` in bytes."""

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
    return any(part.rstrip(" .") in {".git", "git~1"} for part in re.split(r"[\\:]", _folded(name)))


def is_utf8(path: str) -> bool:
    """Whether `path`, decoded with surrogate escapes, was UTF-8."""
    return not any("\udc80" <= c <= "\udcff" for c in path)


def _is_gitmodules(name: str) -> bool:
    return any(
        part.startswith((".gitmodules", "gitmod~", "gi7eba~")) for part in re.split(r"[\\:]", _folded(name))
    )


def _folded(name: str) -> str:
    return _HFS_IGNORED.sub("", name).lower()


class Workspace:
    """One workspace, opened by descriptor. All methods block; run them in a thread.

    `skipped` tells what was left out: path (with surrogate escapes) to reason.
    """

    def __init__(self, root: int) -> None:
        """Bind to the open folder `root`."""
        self._root = root
        self.skipped: dict[str, str] = {}

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Workspace]:
        """Open the workspace at `path` for the length of a `with` block."""
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield cls(root)
        finally:
            os.close(root)

    def walk(self, tracked_folders: Collection[str], submodules: Collection[str]) -> dict[str, Found]:
        """Find every file and symbolic link by path.

        Caches are passed over unless the base has files there (`tracked_folders`), and so are
        `submodules`, which are another repository's business.
        """
        found: dict[str, Found] = {}
        folders = [""]
        seen = 0
        while folders:
            for entry, path in self._entries(folders.pop()):
                seen += 1
                if seen > MAX_ENTRIES or len(os.fsencode(path)) > MAX_PATH_BYTES:
                    raise WorkspaceTooLarge(
                        f"The workspace holds more than {MAX_ENTRIES} files, or paths of more than "
                        f"{MAX_PATH_BYTES} bytes, like {printable(path[:80])}. Clean up after the work."
                    )
                if entry.is_dir(follow_symlinks=False):
                    if path in submodules:
                        self._note_submodule(path)
                    elif self._enters(entry.name, path, tracked_folders):
                        folders.append(path)
                elif file := self._file(entry, path):
                    found[path] = file
        return found

    def _entries(self, folder: str) -> Iterator[tuple[os.DirEntry[str], str]]:
        try:
            descriptor = self._open(folder, _FOLDER)
        except OSError:
            self.skipped[folder] = "a folder that can not be read"
            return
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    yield entry, f"{folder}/{entry.name}" if folder else entry.name
        finally:
            os.close(descriptor)

    def _enters(self, name: str, path: str, tracked_folders: Collection[str]) -> bool:
        if is_dotgit(name):
            self.skipped[path] = "a git folder"
            return False
        return name not in CACHES or path in tracked_folders

    def _note_submodule(self, path: str) -> None:
        if any(True for _ in self._entries(path)):
            self.skipped[path] = "files of a submodule"

    def _file(self, entry: os.DirEntry[str], path: str) -> Found | None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            self.skipped[path] = "a file that vanished while we looked"
            return None
        link = stat.S_ISLNK(status.st_mode)
        if is_dotgit(entry.name):
            self.skipped[path] = "a git file"
        elif link and _is_gitmodules(entry.name):
            self.skipped[path] = "a .gitmodules that is a symbolic link"
        elif not link and not stat.S_ISREG(status.st_mode):
            self.skipped[path] = "neither a file nor a link (a pipe, socket or device)"
        elif not is_utf8(path):
            self.skipped[path] = "a name that is not UTF-8"
        else:
            executable = bool(status.st_mode & stat.S_IXUSR)
            return Found(path, SYMLINK if link else EXECUTABLE if executable else FILE, status.st_size)
        return None

    def blob_name(self, file: Found) -> str | None:
        """Return the sha git would give the content; None (noted) when it can not be read."""
        # The name of a git object is a SHA-1 by definition; no safety rests on its strength here.
        digest = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
        try:
            for chunk in self._content(file, file.size):
                digest.update(chunk)
        except OSError:
            self.skipped[file.path] = "a file that can not be read"
            return None
        return digest.hexdigest()

    def read(self, file: Found, limit: int) -> bytes | None:
        """Return the content; None (noted) when it can not be read.

        Raises WorkspaceTooLarge past `limit` bytes.
        """
        try:
            data = b"".join(self._content(file, limit))
        except OSError:
            self.skipped[file.path] = "a file that can not be read"
            return None
        if len(data) > limit:
            raise WorkspaceTooLarge(f"{file.path} is larger than {limit / 1e6:g} MB. Leave it out.")
        return data

    def _content(self, file: Found, limit: int) -> Iterator[bytes]:
        """Yield the content in pieces, and stop soon after `limit` bytes: the file may be growing."""
        if file.mode == SYMLINK:
            folder, _, name = file.path.rpartition("/")
            descriptor = self._open(folder, _FOLDER)
            try:
                yield os.fsencode(os.readlink(name, dir_fd=descriptor))
            finally:
                os.close(descriptor)
            return
        with os.fdopen(self._open(file.path, _READ), "rb", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError(f"{file.path} is no longer a file")
            read = 0
            while read <= limit and (chunk := stream.read(_CHUNK)):
                read += len(chunk)
                yield chunk

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


def printable(path: str) -> str:
    """Return `path` with what is not UTF-8 written as escapes."""
    return os.fsencode(path).decode(errors="backslashreplace")
