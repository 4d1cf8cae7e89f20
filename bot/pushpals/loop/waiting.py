"""The subjects that wait for a worker, and who of them is served first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pushpals.model import Hint, SubjectRef
    from pushpals.policy.order import Place


@dataclass
class WaitingList:
    """Who waits, in the order of `pushpals.policy.order`; within a place, who came first.

    Somebody stays on it until looked at again, so that one who comes late takes no worker that is meant for
    one who waits with a better place.
    """

    _places: dict[SubjectRef, tuple[Place, Hint]] = field(default_factory=dict)

    def put(self, hint: Hint, place: Place) -> None:
        """Let a subject wait; one that waits already keeps its turn within a place."""
        self._places[hint.ref] = (place, hint.model_copy(update={"presses": ()}))

    def drop(self, ref: SubjectRef) -> bool:
        """Take a subject off the list, since it waits no more; True when it was on it."""
        return self._places.pop(ref, None) is not None

    def hints(self) -> list[Hint]:
        """Return all that wait, who is to be served first in front."""
        return [hint for _, hint in sorted(self._places.values(), key=lambda each: each[0])]

    def ahead_of(self, ref: SubjectRef, place: Place) -> int:
        """Return how many others wait with a better place."""
        return sum(1 for other, (known, _) in self._places.items() if other != ref and known < place)
