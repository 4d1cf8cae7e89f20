"""How much an installation may create within an hour, and whose turn it is. No I/O, no clock.

GitHub lets an App create about 80 things a minute and 500 an hour (GitHub documentation, "Rate limits for the
REST API", on secondary limits). `pushpals.github.limits.Pacer` keeps the minute, this the hour.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import takewhile
from typing import Final

HOURLY: Final = 495
"""Things created in an hour by an installation. Five less than GitHub allows."""
SPAN: Final = 3_615.0
"""Seconds that a creation counts: an hour, and a little for requests that are long on their way."""
URGENT_PART: Final = 50
"""One in so many is kept for urgent writes. What becomes free goes to them first as well, so few will do."""
MOST_WAITING: Final = 10_000
"""Writes whose turn is kept. Those beyond are told a time, and have no turn when they come back."""
GRACE: Final = 120.0
"""Seconds for which a turn is kept after its time."""


class Creations:
    """What was created within the hour, as times, and who was told to come back when.

    Nobody waits in here. A write that finds no room is told in how many seconds there is some for it, and has
    its turn when it comes back: so however many wait, each asks about once. Some of the room is kept for
    urgent writes, which pass all others.
    """

    def __init__(self, hourly: int = HOURLY) -> None:
        self.hourly = hourly
        self.held = 0
        """Writes that were told to come back, each counted once."""
        self._kept_for_urgent = max(1, hourly // URGENT_PART)
        self._sent: deque[float] = deque()
        self._turns: dict[bool, OrderedDict[str, float]] = {True: OrderedDict(), False: OrderedDict()}
        self._now = 0.0

    def take(self, count: int, *, whose: str, urgent: bool, now: float) -> float:
        """Return 0.0 and count `count` things as created now; or the seconds to come back in, and count none.

        `whose` names what is created where, for its turn. More than an hour holds are taken as an hour's.
        """
        self._advance(now)
        turns = self._turns[urgent]
        room = self.hourly if urgent else self.hourly - self._kept_for_urgent
        count = min(count, room)
        ahead = sum(1 for _ in takewhile(lambda name: name != whose, turns))
        lacking = len(self._sent) + ahead + count - room
        if lacking <= 0:
            turns.pop(whose, None)
            self._sent.extend([self._now] * count)
            return 0.0
        at = self._freed(lacking)
        if whose in turns:
            turns[whose] = at
        else:
            self.held += 1
            if len(turns) < MOST_WAITING:
                turns[whose] = at
        return at - self._now

    def give_back(self, count: int) -> None:
        """Undo the last `take` of `count` things, which were not sent."""
        for _ in range(min(count, len(self._sent))):
            self._sent.pop()

    def left(self, now: float) -> int:
        """Return how many more may be created now."""
        self._advance(now)
        return self.hourly - len(self._sent)

    def freed_at(self, now: float) -> float:
        """Return when the oldest that counts will count no more; `now` when nothing counts."""
        self._advance(now)
        return self._sent[0] + SPAN if self._sent else self._now

    def waiting(self, now: float) -> int:
        """Return how many writes have a turn."""
        self._advance(now)
        return sum(map(len, self._turns.values()))

    def _advance(self, now: float) -> None:
        """Forget what counts no more. When a clock is set back all moves with it: no wait becomes longer."""
        if now < self._now:
            back = self._now - now
            self._sent = deque(at - back for at in self._sent)
            for turns in self._turns.values():
                turns.update({name: at - back for name, at in turns.items()})
        self._now = now
        while self._sent and self._sent[0] <= now - SPAN:
            self._sent.popleft()
        for turns in self._turns.values():
            while turns and next(iter(turns.values())) + GRACE < now:
                turns.popitem(last=False)

    def _freed(self, lacking: int) -> float:
        """Return when `lacking` more will count no more. Those before are taken to go out as they may."""
        if not self._sent:  # only turns are in the way: of writes that may come at any moment
            return self._now + GRACE
        rounds, place = divmod(lacking - 1, len(self._sent))
        return self._sent[place] + SPAN * (1 + rounds)
