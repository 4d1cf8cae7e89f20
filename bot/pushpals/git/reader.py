"""One `git cat-file --batch` for many reads: a job reads some thirty times, and a process costs milliseconds.

It is started at the first read and ended when nobody has read for a while, so that a server of a thousand
repositories does not hold a thousand of them. It ends by itself when this process dies: its input is at an
end then. Objects and refs that come later are seen, since git looks again for what it does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import weakref
from collections.abc import Callable, Sequence
from typing import Final

from pushpals.git.errors import GitUnavailable
from pushpals.git.process import Git

IDLE_SECONDS: Final = 3.0
READ_SECONDS: Final = 120.0
_ABSENT: Final = frozenset({b"missing", b"ambiguous", b"submodule"})
"""How an answer ends that no bytes follow; newer git says "submodule" (git-cat-file(1))."""


class ObjectReader:
    """Reads objects of one repository. For the tasks of one event loop at a time; they take turns."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def read(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of each object, None where there is none. No name may hold a line break.

        Raises GitError when git cannot be started, GitUnavailable when it does not answer.
        """
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            fresh = self._process is None
            try:
                try:
                    return await self._ask(names)
                except (EOFError, OSError):
                    if fresh:
                        raise
                    self._drop()  # somebody ended it since the last read
                    return await self._ask(names)
            except (EOFError, OSError) as error:
                self._drop()
                raise GitUnavailable(f"git cat-file ended too early ({error}). Try again.") from None
            except BaseException:
                self._drop()  # half an answer may be on its way
                raise
            finally:
                if self._process is not None:
                    self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._drop)

    async def _ask(self, names: Sequence[str]) -> list[bytes | None]:
        try:
            async with asyncio.timeout(READ_SECONDS):
                if self._process is None:
                    self._process = await self._started()
                    self._end = weakref.finalize(self, _end, self._process)
                return await asyncio.to_thread(_answers, self._process, names)
        except TimeoutError:
            raise GitUnavailable(
                f"git cat-file did not end within {READ_SECONDS:g} seconds. Try again."
            ) from None

    async def _started(self) -> subprocess.Popen[bytes]:
        """Start the process; a cancelled start leaves none behind."""
        starting = asyncio.create_task(self._git.lasting("cat-file", "--batch"))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            _end(await starting)
            raise

    def _drop(self) -> None:
        if self._end is not None:
            self._end()
        self._process = self._end = None


def _answers(process: subprocess.Popen[bytes], names: Sequence[str]) -> list[bytes | None]:
    """Ask for one object after the other (blocking): neither pipe can fill up then."""
    if process.stdin is None or process.stdout is None:
        raise TypeError("the process was started without pipes")
    found: list[bytes | None] = []
    for name in names:
        process.stdin.write(os.fsencode(f"{name}\n"))
        process.stdin.flush()
        head = process.stdout.readline()
        if not head.endswith(b"\n"):
            raise EOFError("its answer is cut")
        last = head.rstrip(b"\n").rsplit(b" ", 1)[-1]
        if last in _ABSENT:
            found.append(None)
            continue
        size = int(last)
        data = process.stdout.read(size + 1)
        if len(data) <= size:
            raise EOFError("its answer is cut")
        found.append(data[:size])
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and take note of its death; it holds nothing that could be lost."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
