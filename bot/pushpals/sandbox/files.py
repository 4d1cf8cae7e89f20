"""Read and write a workspace from outside the sandbox, trusting nothing in it.

A command in the sandbox may plant symbolic links, FIFOs or absurd names before we look. So
every path is opened one component at a time, relative to the directory opened before it and
never through a link: there is no moment between a check and its use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

WORKSPACE = "/workspace"
"""Where the workspace is mounted inside every sandbox, and where commands start."""

SKIPPED_NAMES = frozenset(
    {
        ".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache",
        ".hypothesis", ".tox", ".nox", ".venv", "venv", "node_modules",
    }
)  # fmt: skip
"""Directories that hold history, caches or other people's code; listings leave them out."""

READ_LIMIT = 5_000_000
"""Bytes `read` returns at most unless told otherwise."""

_MAX_DEPTH = 64
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait for a writer that never comes.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafePath(ValueError):  # noqa: N818 - reads as the state it reports
    """A path does not name something inside the workspace. The message says what to do."""


class FileTooLarge(ValueError):  # noqa: N818 - reads as the state it reports
    """A file is larger than the caller wants to hold. The message says what to do."""


class WorkspaceFiles:
    """The files under one directory, for code that holds more power than the sandbox.

    Paths are relative to the workspace, with `/` between components; the name a command
    would use, `/workspace/...`, means the same file. Symbolic links are never followed.
    """

    def __init__(self, root: Path) -> None:
        """Give access to what is below `root`, an existing directory."""
        self.root = root

    def read(self, path: str, *, limit: int = READ_LIMIT) -> bytes:
        """Return a regular file's bytes.

        Raises `UnsafePath`, `FileTooLarge` (more than `limit` bytes), `FileNotFoundError`
        or `IsADirectoryError`.
        """
        with self._parent(path) as (directory, name):
            with _explained(path):
                fd = os.open(name, _FILE, dir_fd=directory)
            with _closing(fd):
                _require_regular(os.fstat(fd), path)
                with os.fdopen(fd, "rb", closefd=False) as file:
                    data = file.read(limit + 1)
        if len(data) > limit:
            message = f"{path} is larger than {limit} bytes; read a part of it with a command"
            raise FileTooLarge(message)
        return data

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a regular file at once, making parent directories.

        An existing file's permissions are kept. Raises `UnsafePath` or `IsADirectoryError`.
        """
        with self._parent(path, create=True) as (directory, name):
            mode = 0o644
            with contextlib.suppress(FileNotFoundError), _explained(path):
                before = os.stat(name, dir_fd=directory, follow_symlinks=False)
                _require_regular(before, path)
                mode = stat.S_IMODE(before.st_mode) & 0o777
            temporary = f".pushpals-{secrets.token_hex(8)}"
            with _explained(path):
                fd = os.open(temporary, _NEW_FILE, 0o600, dir_fd=directory)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(data)
                    os.fchmod(fd, mode)
                    _give_to_owner(fd, os.fstat(directory))
                with _explained(path):
                    os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=directory)
                raise

    def exists(self, path: str) -> bool:
        """Say whether a regular file or a directory is there. Raises `UnsafePath`."""
        parts = _components(path)
        if not parts:
            return True
        try:
            with self._parent(path) as (directory, name), _explained(path):
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISDIR(found.st_mode):
            _require_regular(found, path)
        return True

    def listdir(self, path: str = ".") -> list[str]:
        """Return the sorted names in a directory; those of directories end in `/`.

        History and caches are left out. Raises `UnsafePath`, `FileNotFoundError` or
        `NotADirectoryError`.
        """
        names: list[str] = []
        with self._directory(_components(path), path) as fd, os.scandir(fd) as entries:
            for entry in entries:
                if entry.name in SKIPPED_NAMES:
                    continue
                is_directory = entry.is_dir(follow_symlinks=False)
                names.append(entry.name + "/" if is_directory else entry.name)
        return sorted(names)

    def walk(self, path: str = ".") -> Iterator[str]:
        """Yield the paths of all regular files below a directory, in sorted order.

        Links, special files, history, caches and anything more than 64 directories deep
        are left out; so is what disappears meanwhile.
        """
        pending = [_components(path)]
        while pending:
            parts = pending.pop()
            below: list[tuple[str, ...]] = []
            try:
                files, directories = self._scan(parts)
            except (FileNotFoundError, NotADirectoryError, PermissionError, UnsafePath):
                if parts == _components(path):
                    raise
                continue
            yield from ("/".join((*parts, name)) for name in files)
            if len(parts) < _MAX_DEPTH:
                below = [(*parts, name) for name in directories]
            pending.extend(reversed(below))

    def _scan(self, parts: tuple[str, ...]) -> tuple[list[str], list[str]]:
        files: list[str] = []
        directories: list[str] = []
        shown = "/".join(parts) or "."
        with self._directory(parts, shown) as fd, os.scandir(fd) as entries:
            for entry in entries:
                if entry.name in SKIPPED_NAMES:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
        return sorted(files), sorted(directories)

    @contextlib.contextmanager
    def _parent(self, path: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """Open the directory that holds `path` and give its descriptor and the last name."""
        *above, name = _components(path) or ("",)
        if not name:
            raise IsADirectoryError(errno.EISDIR, "This is the workspace itself", path)
        with self._directory(tuple(above), path, create=create) as fd:
            yield fd, name

    @contextlib.contextmanager
    def _directory(self, parts: tuple[str, ...], path: str, *, create: bool = False) -> Iterator[int]:
        """Open a directory below the root, one component after the other."""
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                with _explained(path):
                    if create:
                        _make_directory(part, fd)
                    below = os.open(part, _DIRECTORY, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)


def _components(path: str) -> tuple[str, ...]:
    """Split a path into names, refusing whatever could lead out of the workspace."""
    if "\0" in path:
        message = "A path cannot hold a NUL character; name a file in the workspace"
        raise UnsafePath(message)
    inside = path
    if path == WORKSPACE or path.startswith(f"{WORKSPACE}/"):
        inside = path[len(WORKSPACE) :].lstrip("/")
    elif path.startswith("/"):
        message = f"{path} is absolute; give a path relative to the workspace, like src/main.py"
        raise UnsafePath(message)
    parts = tuple(part for part in inside.split("/") if part not in {"", "."})
    if ".." in parts:
        message = f"{path} climbs with ..; give the path from the top of the workspace"
        raise UnsafePath(message)
    if any(part.lower() == ".git" for part in parts):
        message = f"{path} is inside .git, which is not part of the work; leave it alone"
        raise UnsafePath(message)
    if len(parts) > _MAX_DEPTH:
        message = f"The path is more than {_MAX_DEPTH} directories deep; use a shorter one"
        raise UnsafePath(message)
    return parts


def _require_regular(found: os.stat_result, path: str) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "This is a directory; list it instead", path)
    kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
    message = f"{path} is {kind}; use the path of a real file"
    raise UnsafePath(message)


def _make_directory(name: str, parent: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        return
    with _closing(os.open(name, _DIRECTORY, dir_fd=parent)) as fd:
        _give_to_owner(fd, os.fstat(parent))


def _give_to_owner(fd: int, parent: os.stat_result) -> None:
    """Let commands change what root wrote for them: it belongs to whoever owns the parent."""
    if os.geteuid() == 0:
        os.fchown(fd, parent.st_uid, parent.st_gid)


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn the system's errors about `path` into ones a reader can act on."""
    try:
        yield
    except FileNotFoundError:
        message = "There is no such file in the workspace"
        raise FileNotFoundError(errno.ENOENT, message, path) from None
    except NotADirectoryError:
        # With O_NOFOLLOW | O_DIRECTORY a link to a directory ends up here as well.
        message = "A part of this path is a file or a symbolic link, not a directory"
        raise NotADirectoryError(errno.ENOTDIR, message, path) from None
    except PermissionError:
        message = "The permissions of this path forbid it; change them with a command"
        raise PermissionError(errno.EACCES, message, path) from None
    except UnicodeEncodeError:
        message = "The path holds characters that no file name can; use plain text"
        raise UnsafePath(message) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = f"{path} is a symbolic link; use the path of a real file"
        elif error.errno == errno.ENAMETOOLONG:
            message = "A name in the path is too long for a file; use a shorter one"
        elif error.errno in {errno.ENXIO, errno.ENODEV}:
            message = f"{path} is not a regular file; use the path of a real file"
        else:
            raise
        raise UnsafePath(message) from None
