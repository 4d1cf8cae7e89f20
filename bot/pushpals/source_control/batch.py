"""Batches and bisection with inference: which cars to test next, and what a verdict means. Pure.

A train is a stack of groups. The top one says what is tested next, on the base with all that landed so far:

- a group of which nothing is known is tested whole;
- of a red group only the left half is tested. If that passes it lands, and the culprit is in the right half,
  which is thereby known to be red without a test; if it fails, nothing is known of the right half;
- a lone suspect is tested once more before it is ejected, since what looked red may have been a flake.

The whole state is the tuple of groups, so it can be kept and taken up again at any point.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from pushpals.model import CarGroup, JobId

Groups = tuple[CarGroup, ...]
"""The groups of a train, the next one last."""


@dataclass(frozen=True)
class Verdict:
    """What follows from one test: the groups that remain, who lands, and who has to leave."""

    groups: Groups
    landed: tuple[JobId, ...] = ()
    ejected: tuple[JobId, ...] = ()


def next_test(groups: Groups) -> tuple[JobId, ...]:
    """Return the cars to be merged onto the base and tested next, in order; empty when the train is."""
    if not groups:
        return ()
    top = groups[-1]
    return top.cars[: half(len(top.cars))] if top.red else top.cars


def is_rerun(groups: Groups) -> bool:
    """Whether the next test is the second look at a lone suspect."""
    return bool(groups) and groups[-1].red and len(groups[-1].cars) == 1


def judge(groups: Groups, *, green: bool) -> Verdict:
    """Return what follows when the cars of `next_test` pass, or do not. Raises ValueError for no cars."""
    if not groups:
        raise ValueError("An empty train has nothing to judge.")
    below, top, tested = groups[:-1], groups[-1], next_test(groups)
    rest = top.cars[len(tested) :]
    if green:
        return Verdict((*below, CarGroup(cars=rest, red=True)) if rest else below, landed=tested)
    if is_rerun(groups):
        return Verdict(below, ejected=tested)
    unknown = (CarGroup(cars=rest),) if rest else ()
    return Verdict((*below, *unknown, CarGroup(cars=tested, red=True)))


def anew(groups: Groups) -> Groups:
    """Return the same cars, in the order in which they would be tested, with nothing known of any of them."""
    cars = tuple(car for group in reversed(groups) for car in group.cars)
    return (CarGroup(cars=cars),) if cars else ()


def without(groups: Groups, gone: Collection[JobId]) -> Groups:
    """Return the groups without the cars in `gone`. A red group that loses one may be red no more."""
    kept = []
    for group in groups:
        cars = tuple(car for car in group.cars if car not in gone)
        if cars:
            kept.append(CarGroup(cars=cars, red=group.red and cars == group.cars))
    return tuple(kept)


def half(n: int) -> int:
    """Return how many of `n` red cars are tested next: half of them, rounded down, and a lone one itself."""
    return max(1, n // 2)


@cache
def expected_runs(most: int, pass_rate: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return A(n) and B(n) for n from 0 to `most`: the runs expected for n cars unknown, and known to be red.

    A(n) = 1 + (1 - q^n) B(n), A(1) = 1, B(1) = 0, h = n // 2, p = q^h (1 - q^(n-h)) / (1 - q^n),
    B(n) = 1 + p B(n-h) + (1-p) (B(h) + A(n-h)), with q the pass rate, 0 < q < 1, each car alone. The second
    look at a lone suspect is not part of it: it depends on how many cars are bad, not on the size of batches.
    """
    q = pass_rate
    unknown, red = [0.0, 1.0], [0.0, 0.0]
    for n in range(2, most + 1):
        h = half(n)
        left_passes = q**h * (1 - q ** (n - h)) / (1 - q**n)
        red.append(1 + left_passes * red[n - h] + (1 - left_passes) * (red[h] + unknown[n - h]))
        unknown.append(1 + (1 - q**n) * red[n])
    return tuple(unknown), tuple(red)


def best_size(pass_rate: float, most: int) -> int:
    """Return the batch size from 1 to `most` with the fewest runs per merged car, A(n) / (n q)."""
    # To three digits: finer differences mean nothing, and the table is computed once for each.
    q = min(0.999, max(0.001, round(pass_rate, 3)))
    unknown, _ = expected_runs(most, q)
    return min(range(1, most + 1), key=lambda n: unknown[n] / (n * q))
