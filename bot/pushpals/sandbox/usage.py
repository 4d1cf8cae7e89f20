"""Watch what a command uses, for the limits that the kernel does not keep for us."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pushpals.sandbox.api import Ended, Limits
from pushpals.sandbox.command import MIB

_INTERVAL = 0.2
"""Seconds between two looks. A command shorter than this is never looked at."""


@dataclass(frozen=True)
class Usage:
    """What a tree of processes uses at one moment."""

    threads: int
    memory: int
    """Bytes, pages shared within the tree counted once where the kernel tells."""


def tree_usage(root: int, *, enough: int) -> Usage:
    """Measure the process `root` and all its descendants.

    Resident sizes count a page once per process that maps it; only where their sum exceeds
    `enough` bytes is the slower, exact figure read.
    """
    tree = list(_descendants(root))
    threads = sum(process.threads for process in tree)
    memory = sum(process.resident for process in tree)
    if memory > enough:
        memory = sum(_proportional(process) for process in tree)
    return Usage(threads, memory)


def written_since(directory: Path, start: float) -> int:
    """Return the bytes on disk of the files below `directory` changed since `start` (Unix time)."""
    total = 0
    pending = [str(directory)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                        continue
                    found = entry.stat(follow_symlinks=False)
                    if found.st_ctime >= start:
                        total += found.st_blocks * 512
        except OSError:
            continue  # removed meanwhile, or named beyond reach: nothing to count
    return total


class Watch:
    """Compares a command's use with its limits, a few times per second."""

    def __init__(self, workspace: Path, limits: Limits) -> None:
        """Start counting the growth of `workspace` from now."""
        self._workspace = workspace
        self._limits = limits
        self._started = time.time()
        self._free = _free_bytes(workspace)

    async def until_exceeded(self, first_pid: asyncio.Future[int] | None) -> tuple[Ended, str]:
        """Return why the command must be stopped, and in words; wait until it must.

        `first_pid` gives the root of the tree of processes; it is None if the kernel limits
        memory and processes, so that only the disk is left to watch.
        """
        # Shielded, for it is not ours: whoever made it still wants to set it.
        root = None if first_pid is None else await asyncio.shield(first_pid)
        while True:
            await asyncio.sleep(_INTERVAL)
            exceeded = await asyncio.to_thread(self._look, root)
            if exceeded is not None:
                return exceeded

    def _look(self, root: int | None) -> tuple[Ended, str] | None:
        limits = self._limits
        if root is not None:
            usage = tree_usage(root, enough=limits.memory_mb * MIB)
            if usage.memory > limits.memory_mb * MIB:
                return "memory", f"it used more than {limits.memory_mb} MiB of memory"
            if usage.threads > limits.processes:
                return "killed", f"it had more than {limits.processes} processes"
        # Free space is one cheap call, but others use the disk too: count before accusing.
        allowed = limits.disk_mb * MIB
        if self._free - _free_bytes(self._workspace) > allowed:
            if written_since(self._workspace, self._started) > allowed:
                return "killed", f"it wrote more than {limits.disk_mb} MiB to the workspace"
            self._free = _free_bytes(self._workspace)
        return None


@dataclass(frozen=True)
class _Process:
    pid: int
    threads: int
    resident: int


def _descendants(root: int) -> Iterator[_Process]:
    children: dict[int, list[_Process]] = defaultdict(list)
    first: _Process | None = None
    page = os.sysconf("SC_PAGE_SIZE")
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            stat = (directory / "stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # proc_pid_stat(5): the name in parentheses may hold anything, so count from its end.
        fields = stat[stat.rindex(b")") + 2 :].split()
        process = _Process(int(directory.name), int(fields[17]), int(fields[21]) * page)
        children[int(fields[1])].append(process)
        if process.pid == root:
            first = process
    pending = [first] if first else []
    while pending:
        process = pending.pop()
        yield process
        pending += children[process.pid]


def _proportional(process: _Process) -> int:
    """Return a process's share of memory: shared pages are divided among their users."""
    try:
        lines = Path("/proc", str(process.pid), "smaps_rollup").read_bytes().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return process.resident
    for line in lines:
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _free_bytes(directory: Path) -> int:
    found = os.statvfs(directory)
    return found.f_bfree * found.f_frsize
