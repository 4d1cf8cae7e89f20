"""`pushpals serve --poll`: the App's own log of deliveries, read instead of waiting at a public address.

What the log says is a hint, as a webhook is. The look around at the start finds whatever else was missed, so
that only presses of buttons, of which GitHub keeps no other record, are sought further back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pushpals.github import GitHubError, NotFound, RateLimited
from pushpals.server.hints import Delivery, hint_of, of_interest
from pushpals.server.webhook import tell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from pushpals.github import GitHub, LoggedDelivery
    from pushpals.server.queue import HintQueue

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=2)
"""Read again before what was seen last: a slow delivery comes into the log after quicker ones."""
PRESSES_BACK = timedelta(minutes=10)
"""How far back presses are sought when nothing is remembered: an old one may mean something else by now."""
MOST_READ = 10_000
"""Deliveries read at once, at most: a hundred requests."""
MOST_SEEN = 5_000
QUICK, SLOW = 2.0, 30.0
GROWTH = 1.5
"""What a pause grows by while nothing comes: from 2 to 30 seconds within a minute and a half."""
BUSY = 10.0
"""The longest pause while a job is worked on here: people may want to stop it."""
LONGEST = 300.0
"""The longest pause after errors, or to stay within GitHub's limits."""
SCARCE = 0.2
"""Of the hour's allowance. When less is left, the reads are spread over the rest of the hour."""


@dataclass
class Pace:
    """How long to wait between two reads, in seconds."""

    quick: float = QUICK
    slow: float = SLOW
    _pause: float = 0.0
    _errors: int = 0

    def after(self, news: int, *, busy: bool) -> float:
        """Return the pause after a read that found so many deliveries."""
        self._errors = 0
        grown = self.quick if news else max(self.quick, self._pause * GROWTH)
        self._pause = min(grown, self.slow)
        return min(self._pause, BUSY) if busy else self._pause

    def after_error(self) -> float:
        """Return the pause after a read that failed: doubled with each one in a row."""
        self._errors += 1
        return min(self.quick * 2.0**self._errors, LONGEST)


class Cursor:
    """Remembers when the newest delivery that was dealt with had been sent. May be deleted at any time."""

    def __init__(self, file: Path) -> None:
        """Keep it in `file`."""
        self._file = file

    def load(self) -> datetime | None:
        """Return what was kept; None when nothing was, or nothing that makes sense."""
        try:
            since = datetime.fromisoformat(json.loads(self._file.read_text())["since"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return since if since.tzinfo else None

    def save(self, since: datetime) -> None:
        """Keep it. A full or read-only disk is no reason to stop: it is only read again then."""
        text = json.dumps({"since": since.astimezone(UTC).isoformat()})
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(f"{text}\n")
            fresh.replace(self._file)
        except OSError as error:
            log.warning("%s cannot be written (%s). Free the disk, or check whose it is.", self._file, error)


@dataclass
class Poller:
    """Reads the log of deliveries and puts hints into the queue. Each delivery counts once, by its GUID."""

    github: GitHub
    queue: HintQueue
    cursor: Cursor
    pace: Pace = field(default_factory=Pace)
    busy: Callable[[], bool] = lambda: False
    """Whether jobs are worked on here."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    outcomes: Counter[str] = field(default_factory=Counter)
    """How many deliveries were hints, and how many meant nothing."""
    read_at: float | None = None
    """When the log was last read (seconds since the epoch)."""
    _since: datetime | None = None
    _saved: datetime | None = None
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _begun: datetime | None = None

    async def run(self) -> None:
        """Read for ever. What GitHub refuses is logged and tried again."""
        while True:
            await self.sleep(await self._turn())

    async def _turn(self) -> float:
        try:
            news = await self.read()
        except RateLimited as limited:
            log.warning("the log of deliveries waits: %s", limited)
            return max(self.pace.quick, limited.until - self.now().timestamp())
        except GitHubError as error:
            pause = self.pace.after_error()
            log.warning("the log of deliveries could not be read, trying again in %.0f s: %s", pause, error)
            return pause
        return max(self.pace.after(news, busy=self.busy()), self._spread())

    async def read(self) -> int:
        """Deal with all that is new, the oldest first, and return how many deliveries that were.

        Raises GitHub's errors; what was dealt with before them stays so, and the rest is new the next time.
        """
        if self._begun is None:
            self._begun = self.now() - OVERLAP
            self._saved = self._since = self.cursor.load()
        found = await self._unseen()
        if not found and self.read_at is None:
            await self._warn_of_silence()
        for delivery in reversed(found):
            await self._take(delivery, self._begun)
            self._remember(delivery)
        self._keep()
        self.read_at = time.time()
        return len(found)

    async def _warn_of_silence(self) -> None:
        """Say so when there is no webhook: then nothing will ever be in the log."""
        if not await self.github.webhook_url():
            log.warning(
                "the App has no webhook, so GitHub logs no deliveries. Make it active in the App's settings, "
                "with any address. Until then only the look around finds what is new."
            )

    async def _unseen(self) -> list[LoggedDelivery]:
        since = self._since
        horizon = self.now() - PRESSES_BACK if since is None else since - OVERLAP
        found: dict[str, LoggedDelivery] = {}
        async with contextlib.aclosing(self.github.deliveries()) as deliveries:
            async for delivery in deliveries:
                if delivery.delivered_at < horizon:
                    break
                if delivery.guid not in self._seen:
                    found[delivery.guid] = delivery
                if len(found) >= MOST_READ:
                    log.warning("more than %d deliveries are new; older ones are left out", MOST_READ)
                    break
        return sorted(found.values(), key=lambda d: (d.delivered_at, d.id), reverse=True)

    async def _take(self, delivery: LoggedDelivery, begun: datetime) -> None:
        pressed = (delivery.event, delivery.action) == ("check_run", "requested_action")
        recent = delivery.delivered_at >= begun
        if not of_interest(delivery.event, delivery.action) or not (pressed or recent):
            self.outcomes["ignored"] += 1
            return
        try:
            payload = await self.github.payload(delivery)
        except NotFound:
            self.outcomes["gone"] += 1
            return
        told = Delivery(delivery.event, delivery.guid, delivery.delivered_at, self.github.app_id)
        hint = hint_of(told, payload)
        if hint:
            await self.queue.put(hint)
        self.outcomes["hint" if hint else "ignored"] += 1
        tell(told, delivery.action, hint)

    def _remember(self, delivery: LoggedDelivery) -> None:
        self._since = max(self._since or delivery.delivered_at, delivery.delivered_at)
        self._seen[delivery.guid] = None
        while len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)

    def _keep(self) -> None:
        """Move the cursor on, unless a press waits: a process that died now would have to find it again."""
        if self._since is not None and self._since != self._saved and not self.queue.holds_presses:
            self.cursor.save(self._since)
            self._saved = self._since

    def _spread(self) -> float:
        """Return a pause that keeps within what is left of the App's allowance; 0 while there is plenty."""
        left = self.github.allowances.get((None, "rest"))
        if left is None or left.remaining > left.limit * SCARCE:
            return 0.0
        return min(LONGEST, max(0.0, left.reset - self.now().timestamp()) / max(1, left.remaining))
