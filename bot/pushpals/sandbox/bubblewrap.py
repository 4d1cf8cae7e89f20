"""Commands in bubblewrap: a fresh set of namespaces for each, nothing left afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from pushpals.sandbox.api import CommandResult, Limits, SandboxUnavailable
from pushpals.sandbox.cgroup import CommandGroup, GroupParent, command_group
from pushpals.sandbox.command import (
    MIB,
    TMP,
    directory_inside,
    environment,
    launch_argv,
    tmp_bytes,
    ulimits,
    why_refused,
)
from pushpals.sandbox.files import WORKSPACE, WorkspaceFiles
from pushpals.sandbox.output import OutputBuffer
from pushpals.sandbox.process import ProcessTree, start_tree
from pushpals.sandbox.system import SANDBOX_UID, System
from pushpals.sandbox.usage import Watch

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the sandbox's own
_ISOLATION = [
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
    "--unshare-cgroup", "--disable-userns", "--die-with-parent", "--new-session",
    "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox",
    "--uid", str(SANDBOX_UID), "--gid", str(SANDBOX_UID),
]  # fmt: skip


class BubblewrapProvider:
    """Sandboxes made with the `bwrap` at one path, showing one `System`.

    `groups` is a control group below which commands may get their own (see `find_parent`);
    without one, limits are kept per process by the kernel and as a whole by watching.
    """

    name: Literal["bubblewrap"] = "bubblewrap"

    def __init__(self, program: Path, system: System, groups: GroupParent | None = None) -> None:
        self._program = program
        self._system = system
        self._groups = groups

    def describe(self) -> str:
        """Say what isolates the commands."""
        return "bubblewrap, no network"

    async def check(self) -> None:
        """Run a command for real; raises `SandboxUnavailable` with what bubblewrap says."""
        with tempfile.TemporaryDirectory(prefix="pushpals-check-") as directory:
            sandbox = await self.open(Path(directory), Limits())
            result = await sandbox.run("true", timeout=30)
        if result.exit_code != 0:
            raise SandboxUnavailable(f"A trial command failed in bubblewrap: {result.output}")

    async def open(self, workspace: Path, limits: Limits) -> BubblewrapSandbox:
        """Make a sandbox around `workspace`; costs nothing until a command runs."""
        return BubblewrapSandbox(self._program, self._system, self._groups, workspace, limits)


class BubblewrapSandbox:
    """One workspace; each command gets its own bubblewrap, so nothing survives it.

    Commands may run at the same time. Each starts with an empty /tmp.
    """

    name: Literal["bubblewrap"] = "bubblewrap"

    def __init__(
        self, program: Path, system: System, groups: GroupParent | None, workspace: Path, limits: Limits
    ) -> None:
        self.files = WorkspaceFiles(workspace)
        self._workspace = workspace
        self._program = program
        self._system = system
        self._groups = groups
        self._limits = limits
        self._running: set[ProcessTree] = set()

    async def run(self, command: str, *, timeout: float | None = None, cwd: str = ".") -> CommandResult:
        """Run `command`; see `Sandbox.run`."""
        directory = directory_inside(cwd)
        refusal = why_refused(command, directory)
        if refusal:
            return CommandResult(command, 126, refusal, truncated=False, seconds=0, ended="exited")
        seconds = self._limits.command_seconds if timeout is None else timeout
        started = time.monotonic()
        output = OutputBuffer(self._limits.output_bytes)
        async with contextlib.AsyncExitStack() as stack:
            group = None
            if self._groups is not None:
                group = await stack.enter_async_context(command_group(self._groups, self._limits))
            watch = Watch(self._workspace, self._limits)
            async with self._tree(command, directory, group, output) as tree:
                # Where the kernel itself bounds them all together, nothing of this is watched.
                first_pid = None if group and group.bounds_memory else tree.first_pid
                ended = await tree.supervision.settled(seconds, watch, first_pid)
            if group and tree.exit_code != 0 and group.out_of_memory():
                ended = "memory"
        if ended == "exited" and tree.was_killed:
            ended = "killed"
        if ended == "exited" and tree.exit_code is None:
            raise SandboxUnavailable(f"bubblewrap could not start the command: {output.text().strip()}")
        code = tree.exit_code if ended == "exited" else None
        text = output.text() + tree.supervision.words
        return CommandResult(command, code, text, output.truncated, time.monotonic() - started, ended)

    async def close(self) -> None:
        """Stop whatever runs; each `run` then returns with `ended="killed"`."""
        for tree in list(self._running):
            tree.supervision.stop("killed")

    @contextlib.asynccontextmanager
    async def _tree(
        self, command: str, directory: str, group: CommandGroup | None, output: OutputBuffer
    ) -> AsyncIterator[ProcessTree]:
        status = os.pipe()
        memory = not (group and group.bounds_memory)
        argv = [
            str(self._program), "--json-status-fd", str(status[1]), *_ISOLATION,
            *_mounts(self._system, self._workspace, self._limits),
            *launch_argv(command, directory, ulimits=ulimits(self._limits, memory=memory)),
        ]  # fmt: skip
        tree = await start_tree(group.joining(argv) if group else argv, status, output)
        self._running.add(tree)
        try:
            yield tree
        finally:
            # Cancelling once more must not leave the tree half dead: ending it goes on.
            ending = asyncio.create_task(tree.end())
            ending.add_done_callback(lambda _: self._running.discard(tree))
            await asyncio.shield(ending)


def _mounts(system: System, workspace: Path, limits: Limits) -> list[str]:
    """Return the file system and variables of a sandbox, from the outside in."""
    size = tmp_bytes(limits)
    arguments = [
        "--proc", "/proc", "--dev", "/dev",
        "--size", str(size), "--perms", "1777", "--tmpfs", TMP,
        "--size", str(min(size, 64 * MIB)), "--perms", "1777", "--tmpfs", _SHARED_MEMORY,
        *system.arguments(),
        "--dir", f"{TMP}/home",
    ]  # fmt: skip
    arguments += ["--bind", str(workspace.absolute()), WORKSPACE, "--chdir", WORKSPACE]
    # A sandbox started by root would otherwise hold root's right to change the kernel's
    # settings: files below /proc/sys ask for the uid, not for a capability.
    arguments += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in environment(system.search_path()).items():
        arguments += ["--setenv", name, value]
    return arguments
