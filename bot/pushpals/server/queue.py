"""A bounded queue of hints that coalesces: a subject stands in it once, however often it is hinted at.

What a hint carries besides its subject, the presses of buttons, is joined, and kept until it was handled.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

from pushpals.loop.tracing import SUBJECT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from pushpals.model import Hint

log = logging.getLogger(__name__)

BACKOFF = (2.0, 10.0, 60.0, 300.0)
"""Seconds before a subject is looked at again after an error, by how many errors in a row it had."""


class HintQueue:
    """Hands hints to a handler, the longest waiting first, each subject by one worker at a time.

    Hints may come before it is started. When more than `limit` subjects wait, further ones are dropped and
    `overflowed` is set: reconciliation finds them again.
    """

    def __init__(self, *, workers: int = 4, limit: int = 10_000, backoff: Sequence[float] = BACKOFF) -> None:
        self._handle: Callable[[Hint], Awaitable[datetime | None]]
        self._now: Callable[[], datetime]
        self._expected: tuple[type[Exception], ...] = ()
        self._limit = limit
        self._workers = workers
        self._backoff = backoff
        self._waiting: OrderedDict[str, Hint] = OrderedDict()
        self._busy: dict[str, Hint] = {}
        self._again: dict[str, Hint] = {}
        self._errors: dict[str, int] = {}
        self._timers: dict[str, tuple[asyncio.TimerHandle, Hint]] = {}
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.overflowed = False

    def start(
        self,
        handle: Callable[[Hint], Awaitable[datetime | None]],
        now: Callable[[], datetime],
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        """Start the workers on the running event loop.

        `handle` returns the time at which the subject wants to be looked at again, or None. `now` must be of
        the clock that those times are on. After an error a subject is tried again; one of the `expected`
        kinds is logged in a line, any other with its traceback.
        """
        self._handle = handle
        self._now = now
        self._expected = expected
        self._tasks = [asyncio.create_task(self._work(), name=f"queue-{n}") for n in range(self._workers)]

    async def close(self) -> None:
        """Stop the workers; what waits is dropped, since reconciliation finds it again."""
        for timer, _ in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def depth(self) -> int:
        """Return how many subjects wait or are being looked at."""
        return len(self._waiting) + len(self._busy)

    @property
    def holds_presses(self) -> bool:
        """True while the press of a button is not dealt with: it is known to nobody but this queue."""
        later = (hint for _, hint in self._timers.values())
        held = (*self._waiting.values(), *self._busy.values(), *self._again.values(), *later)
        return any(hint.presses for hint in held)

    async def idle(self) -> None:
        """Wait until nothing waits, is looked at, or is to be looked at later."""
        await self._until(lambda: not (self.depth or self._timers))

    async def put(self, hint: Hint) -> None:
        """Add a hint. One for a subject that already waits changes nothing."""
        self._add(hint)

    def put_later(self, hint: Hint, seconds: float) -> None:
        """Add a hint after `seconds`; an earlier timer of the same subject is replaced."""
        if old := self._timers.pop(hint.shown, None):
            old[0].cancel()
            hint = old[1].joined(hint)
        elif len(self._timers) >= self._limit and not hint.presses:
            self._overflow()
            return
        loop = asyncio.get_running_loop()
        self._timers[hint.shown] = loop.call_later(max(0.0, seconds), self._ring, hint), hint

    def _ring(self, hint: Hint) -> None:
        del self._timers[hint.shown]
        self._add(hint)

    def _add(self, hint: Hint) -> None:
        key = hint.shown
        if key in self._busy:
            old = self._again.get(key)
            self._again[key] = old.joined(hint) if old else hint
        elif old := self._waiting.get(key):
            self._waiting[key] = old.joined(hint)
        elif len(self._waiting) < self._limit:
            self._waiting[key] = hint
        else:
            self._overflow()
        self._changed.set()

    def _overflow(self) -> None:
        if not self.overflowed:
            log.warning("%d subjects wait; the next look around finds what comes now", self._limit)
        self.overflowed = True

    async def _until(self, true: Callable[[], object]) -> None:
        """Wait until something is true of the queue. Nothing happens between look and sleep."""
        while not true():
            self._changed.clear()
            await self._changed.wait()

    async def _work(self) -> None:
        while True:
            await self._until(lambda: self._waiting)
            _, hint = self._waiting.popitem(last=False)
            self._busy[hint.shown] = hint
            SUBJECT.set(hint.shown)
            try:
                await self._one(hint)
            finally:
                self._done(hint)

    def _done(self, hint: Hint) -> None:
        self._busy.pop(hint.shown, None)
        again = self._again.pop(hint.shown, None)
        if again:
            self._waiting[again.shown] = again
        self._changed.set()

    async def _one(self, hint: Hint) -> None:
        """Handle one hint. This is the error boundary of everything that happens on behalf of a hint."""
        try:
            wake = await self._handle(hint)
        except self._expected as error:
            seconds = self._retry(hint, not_before=getattr(error, "until", None))
            log.warning("%s could not be worked on, trying again in %.0f s: %s", hint.ref, seconds, error)
        except Exception:
            code = secrets.token_hex(4)
            log.exception("error %s on %s; trying again in %.0f s", code, hint.ref, self._retry(hint))
        else:
            self._errors.pop(hint.shown, None)
            if wake is not None:
                seen = hint.model_copy(update={"presses": ()})
                self.put_later(seen, (wake - self._now()).total_seconds())

    def _retry(self, hint: Hint, not_before: float | None = None) -> float:
        """Plan to look at a subject again after an error; return in how many seconds.

        `not_before` (seconds since the epoch) is the error's own word on when it may be tried again.
        """
        tries = self._errors.get(hint.shown, 0)
        self._errors[hint.shown] = tries + 1
        seconds = self._backoff[min(tries, len(self._backoff) - 1)]
        if not_before is not None:
            seconds = max(seconds, not_before - self._now().timestamp())
        self.put_later(hint, seconds)
        return seconds
