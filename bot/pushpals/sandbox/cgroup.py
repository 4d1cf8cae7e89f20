"""A control group for each command, where this process may make one (cgroups(7), version 2)."""

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

_JOIN = 'echo 0 > "$1" && shift && exec "$@"'
_NEEDED = {"memory", "pids"}


@dataclass(frozen=True)
class CommandGroup:
    """One group: its limits hold for all processes of a command together."""

    path: Path

    def joining(self, argv: list[str]) -> list[str]:
        """Return an argv that enters the group and then becomes `argv`."""
        return ["/bin/sh", "-c", _JOIN, "sh", str(self.path / "cgroup.procs"), *argv]

    def out_of_memory(self) -> bool:
        """Say whether the kernel killed something in the group for its memory."""
        events = (self.path / "memory.events").read_text().split()
        counts = dict(zip(events[::2], events[1::2], strict=False))
        return counts.get("oom_kill", "0") != "0"


def find_parent(
    membership: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> Path | None:
    """Return a group below which this process may make others, with memory and pids limited.

    Where both are delegated, that is the parent of our own group, because a group that holds
    processes cannot pass controllers on. The arguments are where the kernel tells.
    """
    for line in membership.read_text().splitlines():
        if line.startswith("0::/"):
            own = mount / line.removeprefix("0::/")
            return next((group for group in (own, own.parent) if _usable(group, mount)), None)
    return None


@contextlib.asynccontextmanager
async def command_group(parent: Path, limits: Limits) -> AsyncIterator[CommandGroup]:
    """Make a group below `parent` and remove it at the end; raises OSError if that fails."""
    path = parent / f"pushpals-{secrets.token_hex(8)}"
    path.mkdir()
    try:
        (path / "memory.max").write_text(str(limits.memory_mb * MIB))
        (path / "pids.max").write_text(str(limits.processes))
        # Half a killed command is of no use to anyone: all of it goes.
        (path / "memory.oom.group").write_text("1")
        with contextlib.suppress(FileNotFoundError):  # a kernel without swap accounting
            (path / "memory.swap.max").write_text("0")
        yield CommandGroup(path)
    finally:
        await _remove(path)


async def _remove(group: Path) -> None:
    """Remove a group whose processes are dead, as soon as the kernel has noticed that too."""
    for _ in range(50):
        try:
            group.rmdir()  # noqa: ASYNC240 - as above
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            await asyncio.sleep(0.01)
        else:
            return


def _usable(group: Path, mount: Path) -> bool:
    if not group.is_relative_to(mount):
        return False
    try:
        passed_on = set((group / "cgroup.subtree_control").read_text().split())
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return False
    writable = os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)
    return passed_on >= _NEEDED and writable
