"""A control group for each command, where this process may make one (cgroups(7)).

Version 2 bounds memory and processes together. Where a machine still mounts version 1, its
pids controller is used alone: it is the one thing that bounds the processes of root, whom
RLIMIT_NPROC does not concern (setrlimit(2)); memory is then watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pushpals.sandbox.api import Limits
from pushpals.sandbox.command import MIB

_MOUNT = Path("/sys/fs/cgroup")
_JOIN = 'echo 0 > "$1" && shift && exec "$@"'
_NAME = "pushpals"
_REMOVAL_TRIES = 100


@dataclass(frozen=True)
class GroupParent:
    """A group below which this process may make others."""

    path: Path
    bounds_memory: bool
    """Whether groups below it can limit memory as well as the number of processes."""

    def remove_leftovers(self) -> None:
        """Remove the groups of processes that were killed before they could do so."""
        for group in self.path.glob(f"{_NAME}-*-*"):
            maker = group.name.split("-")[1]
            if not Path("/proc", maker).exists():
                with contextlib.suppress(OSError):  # not empty after all, or not ours
                    group.rmdir()


@dataclass(frozen=True)
class CommandGroup:
    """One group: its limits hold for all processes of a command together."""

    path: Path
    bounds_memory: bool

    def joining(self, argv: list[str]) -> list[str]:
        """Return an argv that enters the group and then becomes `argv`."""
        return ["/bin/sh", "-c", _JOIN, "sh", str(self.path / "cgroup.procs"), *argv]

    def out_of_memory(self) -> bool:
        """Say whether the kernel killed something in the group for its memory."""
        if not self.bounds_memory:
            return False
        events = (self.path / "memory.events").read_text().split()
        return dict(zip(events[::2], events[1::2], strict=False)).get("oom_kill", "0") != "0"


def find_parent(membership: Path = Path("/proc/self/cgroup"), mount: Path = _MOUNT) -> GroupParent | None:
    """Return where this process may make groups, or None. The arguments are where Linux tells.

    In version 2 that is mostly the parent of our own group, because a group that holds
    processes cannot pass its controllers on.
    """
    for line in membership.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own = mount / controllers / path.lstrip("/")
        if not controllers:
            for group in (own, own.parent):
                if (
                    group.is_relative_to(mount)
                    and _passes_on(group) >= {"memory", "pids"}
                    and _writable(group)
                ):
                    return GroupParent(group, bounds_memory=True)
        elif controllers == "pids" and _writable(own):
            return GroupParent(own, bounds_memory=False)
    return None


@contextlib.asynccontextmanager
async def command_group(parent: GroupParent, limits: Limits) -> AsyncIterator[CommandGroup]:
    """Make a group below `parent` and remove it at the end; raises OSError if that fails."""
    path = parent.path / f"{_NAME}-{os.getpid()}-{secrets.token_hex(8)}"
    path.mkdir()
    try:
        _limit(path, limits, memory=parent.bounds_memory)
        yield CommandGroup(path, parent.bounds_memory)
    finally:
        await _remove(path)


def _limit(group: Path, limits: Limits, *, memory: bool) -> None:
    (group / "pids.max").write_text(str(limits.processes))
    if memory:
        (group / "memory.max").write_text(str(limits.memory_mb * MIB))
        # Half a killed command is of no use to anyone: all of it goes.
        (group / "memory.oom.group").write_text("1")
        if (group / "memory.swap.max").exists():  # not where the kernel counts no swap
            (group / "memory.swap.max").write_text("0")


async def _remove(group: Path) -> None:
    """Remove a group whose processes are dead, as soon as the kernel has noticed that too."""
    for _ in range(_REMOVAL_TRIES):
        try:
            group.rmdir()  # noqa: ASYNC240 - as above
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            await asyncio.sleep(0.01)
        else:
            return


def _passes_on(group: Path) -> set[str]:
    """Return the controllers that groups below this one get."""
    try:
        return set((group / "cgroup.subtree_control").read_text().split())
    except OSError:
        return set()


def _writable(group: Path) -> bool:
    return os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)
