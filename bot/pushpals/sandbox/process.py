"""Helpers around processes that asyncio does not have."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal


async def wait_dead(pidfd: int) -> None:
    """Wait until the process behind `pidfd` is dead.

    For the first process of a pid namespace this is after the death of all others in it
    (pid_namespaces(7)).
    """
    loop = asyncio.get_running_loop()
    dead: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not dead.done():
            dead.set_result(None)

    loop.add_reader(pidfd, readable)
    try:
        await dead
    finally:
        loop.remove_reader(pidfd)


def kill_group(leader: int) -> None:
    """Kill a process group, if it still exists."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
