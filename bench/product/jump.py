"""An event loop for simulations: its clock jumps to whatever is due next, so that a day takes no day."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """Never waits: what the loop would have waited for has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let `timeout` seconds pass."""
        if timeout is None:
            raise RuntimeError("Nothing is due any more, and the simulation has not ended.")
        self.now += max(0.0, timeout)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """The loop; `time` is seconds since it began. Tasks see only this time, by `asyncio.sleep` and timers."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._jumping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns, without waiting for anything."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)
