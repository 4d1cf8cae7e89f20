"""Commands in bubblewrap: a fresh set of namespaces for each, nothing left afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import posixpath
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pushpals.sandbox.api import (
    CommandResult,
    Ended,
    Limits,
    SandboxUnavailable,
)
from pushpals.sandbox.files import WORKSPACE, WorkspaceFiles
from pushpals.sandbox.output import OutputBuffer
from pushpals.sandbox.process import kill_group, wait_dead
from pushpals.sandbox.system import ETC_FILES, SANDBOX_UID, System

_MIB = 1024 * 1024
_FLOOD_BYTES = 64 * _MIB
"""Output beyond this stops the command: it writes for the sake of writing."""

_LONGEST_COMMAND = 120_000
"""Bytes; Linux takes no single argument longer than 128 KiB (execve(2), MAX_ARG_STRLEN)."""

# Lowering a limit below what it already is must not fail the command: it is strict enough.
# `-u` is bash's and `-p` is dash's name for the number of processes.
_LAUNCH = """\
ulimit -c 0; ulimit -n {files} 2>/dev/null; ulimit -f {blocks} 2>/dev/null
ulimit -d {kilobytes} 2>/dev/null
ulimit -u {processes} 2>/dev/null || ulimit -p {processes} 2>/dev/null
cd -- "$3" || exit 126
exec "$1" -c "$2"
"""

_ISOLATION = [
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
    "--unshare-cgroup", "--disable-userns", "--die-with-parent", "--new-session",
    "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox",
    "--uid", str(SANDBOX_UID), "--gid", str(SANDBOX_UID),
]  # fmt: skip


class BubblewrapProvider:
    """Sandboxes made with the `bwrap` at one path, showing one `System`."""

    name: Literal["bubblewrap"] = "bubblewrap"

    def __init__(self, program: Path, system: System) -> None:
        """Use the executable `program` and show `system` read-only."""
        self._program = program
        self._system = system

    def describe(self) -> str:
        """Say what isolates the commands."""
        return "bubblewrap, no network"

    async def check(self) -> None:
        """Run `true` in a sandbox; raises `SandboxUnavailable` with what bwrap says."""
        arguments = [*_ISOLATION, *_mounts(self._system, {}, _tmp_size(Limits()))]
        process = await asyncio.create_subprocess_exec(
            self._program, *arguments, "/bin/sh", "-c", "true",
            stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env={},
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 30)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        if process.returncode != 0:
            said = output.decode(errors="replace").strip()
            raise SandboxUnavailable(f"{self._program} cannot make a sandbox here: {said}")

    async def open(self, workspace: Path, limits: Limits) -> BubblewrapSandbox:
        """Make a sandbox around `workspace`; costs nothing until a command runs."""
        return BubblewrapSandbox(self._program, self._system, workspace.resolve(), limits)


class BubblewrapSandbox:
    """One workspace; each command gets its own bubblewrap, so nothing survives it."""

    name: Literal["bubblewrap"] = "bubblewrap"

    def __init__(self, program: Path, system: System, workspace: Path, limits: Limits) -> None:
        """See `BubblewrapProvider.open`."""
        self.files = WorkspaceFiles(workspace)
        self._workspace = workspace
        self._program = program
        self._system = system
        self._limits = limits
        self._running: set[_Run] = set()

    async def run(
        self,
        command: str,
        *,
        timeout: float | None = None,
        cwd: str = ".",
    ) -> CommandResult:
        """Run `command`; see `Sandbox.run`."""
        directory = posixpath.normpath(posixpath.join(WORKSPACE, cwd))
        refusal = why_refused(command, directory)
        if refusal:
            return CommandResult(command, 126, refusal, truncated=False, seconds=0, ended="exited")
        seconds = self._limits.command_seconds if timeout is None else timeout
        started = time.monotonic()
        async with self._start(command, directory) as run:
            ended = await run.supervise(seconds)
        code = run.exit_code if ended == "exited" else None
        if ended == "exited" and code is None:
            raise SandboxUnavailable(f"bubblewrap failed: {run.output.text().strip()}")
        elapsed = time.monotonic() - started
        return CommandResult(command, code, run.output.text(), run.output.truncated, elapsed, ended)

    async def close(self) -> None:
        """Stop whatever runs."""
        for run in list(self._running):
            run.stop("killed")

    @contextlib.asynccontextmanager
    async def _start(self, command: str, directory: str) -> AsyncIterator[_Run]:
        status, status_end = os.pipe()
        try:
            spawning = asyncio.create_task(self._spawn(command, directory, status_end))
            try:
                process = await asyncio.shield(spawning)
            except asyncio.CancelledError:
                # The process may exist before we hold it: take it, then end it whole.
                kill_group((await spawning).pid)
                raise
            finally:
                os.close(status_end)
            run = _Run(process, status, OutputBuffer(self._limits.output_bytes))
        except BaseException:
            os.close(status)
            raise
        self._running.add(run)
        try:
            yield run
        finally:
            self._running.discard(run)
            await asyncio.shield(run.end())

    async def _spawn(self, command: str, directory: str, status_end: int) -> Process:
        launch = _LAUNCH.format(
            files=self._limits.open_files,
            blocks=self._limits.disk_mb * 2048,
            kilobytes=self._limits.memory_mb * 1024,
            processes=self._limits.processes,
        )
        shell = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
        with _etc_files() as etc:
            return await asyncio.create_subprocess_exec(
                self._program,
                "--json-status-fd", str(status_end),
                *_ISOLATION,
                *_mounts(self._system, etc, _tmp_size(self._limits), self._workspace),
                "/bin/sh", "-c", launch, "sh", shell, command, directory,
                stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env={},
                pass_fds=(status_end, *etc.values()), start_new_session=True,
            )  # fmt: skip


@dataclass(eq=False)
class _Run:
    """One bubblewrap process tree being watched."""

    process: Process
    status: int
    output: OutputBuffer
    exit_code: int | None = None

    def __post_init__(self) -> None:
        self._verdict: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._init: int | None = None
        self._reading = asyncio.create_task(self._read_output())
        self._following = asyncio.create_task(self._follow_status())
        self._exiting = asyncio.create_task(self._await_exit())

    def stop(self, why: Ended) -> None:
        """Settle why the command ends; the first word counts."""
        if not self._verdict.done():
            self._verdict.set_result(why)

    async def supervise(self, seconds: float) -> Ended:
        """Wait until the command ends by itself or must be ended."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._verdict)
        except TimeoutError:
            self.stop("timeout")
        return self._verdict.result()

    async def end(self) -> None:
        """Kill what is left, and return once the last process is dead and its output read."""
        self.stop("killed")
        kill_group(self.process.pid)
        await self._exiting
        await self._following
        if self._init is not None:
            await wait_dead(self._init)
            os.close(self._init)
        await self._reading

    async def _read_output(self) -> None:
        stdout = self.process.stdout
        if stdout is None:  # asyncio's types cannot say that PIPE was asked for
            return
        while data := await stdout.read(65536):
            self.output.write(data)
            if self.output.total > _FLOOD_BYTES:
                self.stop("output")

    async def _await_exit(self) -> None:
        await self.process.wait()
        self.stop("exited")

    async def _follow_status(self) -> None:
        """Read bwrap's JSON lines: the pid of the namespace's first process, the exit code."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(self.status, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            async for line in reader:
                said = json.loads(line)
                if "child-pid" in said:
                    with contextlib.suppress(ProcessLookupError):
                        self._init = os.pidfd_open(said["child-pid"])
                self.exit_code = said.get("exit-code", self.exit_code)
        finally:
            transport.close()


def why_refused(command: str, directory: str) -> str | None:
    """Say, for whoever wrote the command, why it cannot even be started."""
    if "\0" in command or "\0" in directory:
        return "Refused: a command cannot hold a NUL character.\n"
    if len(command.encode(errors="surrogateescape")) > _LONGEST_COMMAND:
        return "Refused: the command is too long; write long text to a file first.\n"
    if directory != WORKSPACE and not directory.startswith(f"{WORKSPACE}/"):
        return f"Refused: {directory} is outside {WORKSPACE}.\n"
    return None


def _tmp_size(limits: Limits) -> int:
    """Bytes of /tmp. It lives in memory, so it may not take all of that."""
    return min(limits.disk_mb, max(64, limits.memory_mb // 2)) * _MIB


@contextlib.contextmanager
def _etc_files() -> Iterator[dict[str, int]]:
    """Give descriptors from which bubblewrap reads the made-up files of /etc, by path."""
    with contextlib.ExitStack() as stack:
        descriptors: dict[str, int] = {}
        for path, content in ETC_FILES.items():
            fd = os.memfd_create(posixpath.basename(path))
            stack.callback(os.close, fd)
            os.write(fd, content)
            os.lseek(fd, 0, os.SEEK_SET)
            descriptors[path] = fd
        yield descriptors


def _mounts(system: System, etc: dict[str, int], tmp_bytes: int, workspace: Path | None = None) -> list[str]:
    """Return the file system of a sandbox, from the outside in, then made read-only."""
    variables = {
        "PATH": system.search_path(),
        "HOME": "/tmp/home",  # noqa: S108 - the sandbox's own, empty for each command
        "TMPDIR": "/tmp",  # noqa: S108
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
    arguments = [
        "--proc", "/proc", "--dev", "/dev",
        "--size", str(tmp_bytes), "--perms", "1777", "--tmpfs", "/tmp",
        "--size", str(min(tmp_bytes, 64 * _MIB)), "--perms", "1777", "--tmpfs", "/dev/shm",
        *system.arguments(),
        "--dir", "/tmp/home",
    ]  # fmt: skip
    for path, fd in etc.items():
        arguments += ["--ro-bind-data", str(fd), path]
    if workspace is None:
        arguments += ["--dir", WORKSPACE]
    else:
        arguments += ["--bind", str(workspace), WORKSPACE]
    # A sandbox of root's would otherwise hold root's right to change the kernel's settings:
    # files below /proc/sys ask for the uid, not for a capability.
    arguments += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
    arguments += ["--chdir", WORKSPACE]
    for name, value in variables.items():
        arguments += ["--setenv", name, value]
    return arguments
