"""How often cars of a train turn out bad, lately: what the size of the next batch follows. Pure."""

from __future__ import annotations

from pushpals.model import CarTally
from pushpals.source_control.batch import best_size

MEMORY = 200.0
"""About how many cars back the tally remembers."""
_PRIOR = CarTally(good=19.0, bad=1.0)
"""What a repository is taken for that has had no train yet: one car in twenty is bad."""


def counted(tally: CarTally, *, good: int = 0, bad: int = 0) -> CarTally:
    """Return the tally with so many more good and bad cars, and the older ones fading."""
    fade = (1 - 1 / MEMORY) ** (good + bad)
    return CarTally(good=tally.good * fade + good, bad=tally.bad * fade + bad)


def pass_rate(tally: CarTally) -> float:
    """Return the estimated probability, strictly between 0 and 1, that a car passes."""
    good, bad = tally.good + _PRIOR.good, tally.bad + _PRIOR.bad
    return good / (good + bad)


def batch_size(tally: CarTally, most: int) -> int:
    """Return how many cars, at most `most`, the next batch takes for the fewest runs per merged one."""
    return best_size(pass_rate(tally), most)
