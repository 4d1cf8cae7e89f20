"""How a command is started, the same in every kind of sandbox."""

from __future__ import annotations

import posixpath

from pushpals.sandbox.api import Limits
from pushpals.sandbox.files import WORKSPACE

MIB = 1024 * 1024

FLOOD_BYTES = 64 * MIB
"""Output beyond this stops the command: it writes for the sake of writing."""

TMP = "/tmp"  # noqa: S108 - the sandbox's own, new and empty for each command

_LONGEST_COMMAND = 120_000
"""Bytes; Linux takes no single argument longer than 128 KiB (execve(2), MAX_ARG_STRLEN)."""

# "$1" is the command, "$2" the directory. Bash where it is there: models write for it.
_LAUNCH = """\
cd -- "$2" || exit 126
if [ -x /bin/bash ]; then exec /bin/bash -c "$1"; fi
exec /bin/sh -c "$1"
"""

# The engine has a pipe for each of the two outputs, and would mix up their order.
# In a container other processes would live on: whatever is still there goes with the shell.
# `kill -9 -1` spares the caller and the first process of the container (kill(2)).
_LAUNCH_AND_CLEAR = """\
exec 2>&1
mkdir -p "$HOME"
cd -- "$2" || exit 126
shell=/bin/sh
if [ -x /bin/bash ]; then shell=/bin/bash; fi
"$shell" -c "$1"
code=$?
kill -9 -1
exit $code
"""

# Lowering a limit below what it already is must not fail the command: it is strict enough.
# `-u` is bash's and `-p` is dash's name for the number of processes.
_ULIMITS = """\
ulimit -c 0
ulimit -n {files} 2>/dev/null
ulimit -f {blocks} 2>/dev/null
ulimit -u {processes} 2>/dev/null || ulimit -p {processes} 2>/dev/null
"""


def launch_argv(command: str, directory: str, *, ulimits: str = "") -> list[str]:
    """Return the argv that runs a shell command in a directory, inside the sandbox."""
    return ["/bin/sh", "-c", ulimits + _LAUNCH, "sh", command, directory]


def contained_argv(command: str, directory: str, search_path: str) -> list[str]:
    """Return the argv that does the same in a container, with nothing of its variables."""
    variables = [f"{name}={value}" for name, value in environment(search_path).items()]
    shell = ["/bin/sh", "-c", _LAUNCH_AND_CLEAR, "sh", command, directory]
    return ["/usr/bin/env", "-i", *variables, *shell]


def ulimits(limits: Limits, *, memory: bool) -> str:
    """Return shell lines that set resource limits (setrlimit(2)) for what follows.

    They hold per process, except for the number of processes. `memory` bounds the data of
    each process; not the address space, of which many runtimes reserve far more than they use.
    """
    lines = _ULIMITS.format(
        files=limits.open_files,
        blocks=limits.disk_mb * (MIB // 512),
        processes=limits.processes,
    )
    return lines + (f"ulimit -d {limits.memory_mb * 1024} 2>/dev/null\n" if memory else "")


def environment(search_path: str) -> dict[str, str]:
    """Return all variables that a command sees."""
    return {
        "PATH": search_path,
        "HOME": f"{TMP}/home",
        "TMPDIR": TMP,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def tmp_bytes(limits: Limits) -> int:
    """Return the size of /tmp. It lives in memory, so it may not take all of that."""
    return min(limits.disk_mb, max(64, limits.memory_mb // 2)) * MIB


def directory_inside(cwd: str) -> str:
    """Return the absolute path, inside the sandbox, of a directory relative to the workspace."""
    return posixpath.normpath(posixpath.join(WORKSPACE, cwd))


def why_refused(command: str, directory: str) -> str | None:
    """Say, for whoever wrote the command, why it cannot even be started; None if it can."""
    if "\0" in command or "\0" in directory:
        return "Refused: a command cannot hold a NUL character.\n"
    try:
        size = len(command.encode()) + len(directory.encode())
    except UnicodeEncodeError:
        return "Refused: the command holds characters that are not text.\n"
    if size > _LONGEST_COMMAND:
        return "Refused: the command is too long; write long text to a file first.\n"
    if directory != WORKSPACE and not directory.startswith(f"{WORKSPACE}/"):
        return f"Refused: {directory} is outside {WORKSPACE}.\n"
    return None
