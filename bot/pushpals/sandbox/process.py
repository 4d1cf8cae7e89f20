"""A tree of processes in its own pid namespace: watched, ended whole, and known to be dead."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from pushpals.sandbox.command import FLOOD_BYTES
from pushpals.sandbox.output import OutputBuffer
from pushpals.sandbox.supervision import Supervision


class ProcessTree:
    """A running bubblewrap and everything in it.

    `status` is the reading end of the pipe given to bwrap as `--json-status-fd`; the tree
    owns it. The tree must be ended with `end`, on every way out.
    """

    def __init__(self, process: Process, status: int, output: OutputBuffer) -> None:
        self.exit_code: int | None = None
        """The command's, as bubblewrap reports it; None if it never started or was killed."""
        self.supervision = Supervision()
        self.first_pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The first process of the pid namespace, once it is there."""
        self._process = process
        self._output = output
        self._pidfd: int | None = None
        self._ending = False
        self._tasks = [
            asyncio.create_task(self._await_exit()),
            asyncio.create_task(self._follow_status(status)),
            asyncio.create_task(self._read_output()),
        ]

    @property
    def was_killed(self) -> bool:
        """Whether somebody else killed bubblewrap; known once the tree has ended."""
        return (self._process.returncode or 0) < 0

    async def end(self) -> None:
        """Kill what is left; return once the last process is dead and its output is read."""
        self.supervision.stop("killed")
        self._ending = True
        # Until bwrap has named the first process of its namespace, both are in one group;
        # after that we kill this process ourselves, because for some more moments it would
        # outlive bwrap in spite of `--die-with-parent`.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._kill_first()
        exiting, following, reading = self._tasks
        await exiting
        await following
        if self._pidfd is not None:
            await _dead(self._pidfd)
            os.close(self._pidfd)
        await reading

    def _kill_first(self) -> None:
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def _read_output(self) -> None:
        stdout = self._process.stdout
        if stdout is None:  # its type allows it; PIPE was asked for
            return
        while data := await stdout.read(65536):
            self._output.write(data)
            if self._output.total > FLOOD_BYTES:
                self.supervision.stop("output")

    async def _await_exit(self) -> None:
        await self._process.wait()
        self.supervision.stop("exited")

    async def _follow_status(self, status: int) -> None:
        """Read bwrap's JSON lines: the pid of the namespace's first process, the exit code."""
        async with contextlib.aclosing(_lines(status)) as lines:
            async for line in lines:
                if not line.endswith(b"\n"):
                    break  # bwrap was killed while it wrote, so nothing has been started
                said = json.loads(line)
                if "child-pid" in said:
                    self._pidfd = _open_first(said["child-pid"], said["pid-namespace"])
                    self.first_pid.set_result(said["child-pid"])
                    if self._ending:
                        self._kill_first()
                self.exit_code = said.get("exit-code", self.exit_code)
        self.first_pid.cancel()


async def start_tree(argv: Sequence[str], status: tuple[int, int], output: OutputBuffer) -> ProcessTree:
    """Start bubblewrap; of our own descriptors it gets the writing end of `status` alone.

    `status` are both ends of the pipe for `--json-status-fd`; this call takes them over.
    A cancelled start leaves no process behind.
    """
    starting = asyncio.create_task(_start(argv, status, output))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.create_task(_end_started(starting)))
        raise


async def _start(argv: Sequence[str], status: tuple[int, int], output: OutputBuffer) -> ProcessTree:
    reading, writing = status
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env={},
            pass_fds=(writing,),
            start_new_session=True,
        )
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return ProcessTree(process, reading, output)


async def _end_started(starting: asyncio.Task[ProcessTree]) -> None:
    with contextlib.suppress(OSError):  # then nothing was started
        await (await starting).end()


async def _lines(fd: int) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a pipe, then close it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
    )
    try:
        async for line in reader:
            yield line
    finally:
        transport.close()


def _open_first(pid: int, namespace: int) -> int | None:
    """Return a pidfd of the first process of a pid namespace, or None if it is gone."""
    try:
        pidfd = os.pidfd_open(pid)
        # Its number may mean another process by now; its namespace cannot.
        if Path(f"/proc/{pid}/ns/pid").stat().st_ino == namespace:
            return pidfd
    except (FileNotFoundError, ProcessLookupError):
        return None
    os.close(pidfd)
    return None


async def _dead(pidfd: int) -> None:
    """Wait until a process is dead.

    For the first process of a pid namespace this comes after the death of all others in it
    (pid_namespaces(7)).
    """
    loop = asyncio.get_running_loop()
    dead = asyncio.Event()
    loop.add_reader(pidfd, dead.set)
    try:
        await dead.wait()
    finally:
        loop.remove_reader(pidfd)
