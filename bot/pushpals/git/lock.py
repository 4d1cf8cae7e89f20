"""One writer of a mirror's refs at a time, between processes too."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pushpals.git.errors import GitUnavailable

_LOCK = "pushpals.lock"
_POLL_SECONDS = 0.02


@asynccontextmanager
async def exclusive(git_dir: Path, patience: float = 600.0) -> AsyncIterator[int]:
    """Hold the mirror's writer lock; yields its file descriptor, to be passed on to the git command.

    The lock belongs to the open file, so a git command that outlives a killed parent goes on holding
    it. Raises GitUnavailable when somebody else holds it for `patience` seconds.
    """
    descriptor = os.open(git_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            async with asyncio.timeout(patience):
                while not _try_lock(descriptor):  # noqa: ASYNC110 - other processes set no event of ours
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise GitUnavailable(
                f"Another process holds {git_dir} for {patience:g} seconds. End it."
            ) from None
        yield descriptor
    finally:
        os.close(descriptor)


def remove_stale_locks(git_dir: Path) -> None:
    """Remove the lock files that killed git commands left behind (blocking).

    Only for the holder of the writer lock: nobody else writes refs, so no such file is in use.
    """
    for places in (git_dir.glob("*.lock"), (git_dir / "refs").rglob("*.lock")):
        for place in places:
            if place.name != _LOCK:
                place.unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
