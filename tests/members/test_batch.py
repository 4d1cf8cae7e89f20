"""Batches: what a train tests, whom it lands, whom it blames, and what that costs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import CarGroup, CarTally
from pushpals.source_control.batch import (
    Groups,
    anew,
    best_size,
    expected_runs,
    is_rerun,
    judge,
    next_test,
    without,
)
from pushpals.source_control.rate import batch_size, counted, pass_rate

Oracle = Callable[[tuple[str, ...]], bool]


@dataclass
class Ride:
    """What happened to one train."""

    landed: list[str] = field(default_factory=list)
    ejected: list[str] = field(default_factory=list)
    runs: int = 0
    """Tests as the model counts them."""
    reruns: int = 0
    """Second looks at a lone suspect."""


def train(*numbers: int, red: bool = False) -> CarGroup:
    return CarGroup(cars=tuple(f"{n}-1" for n in numbers), red=red)


def ride(groups: Groups, green: Oracle) -> Ride:
    """Let a train ride to its end."""
    went = Ride()
    while groups:
        if is_rerun(groups):
            went.reruns += 1
        else:
            went.runs += 1
        verdict = judge(groups, green=green(next_test(groups)))
        went.landed += verdict.landed
        went.ejected += verdict.ejected
        groups = verdict.groups
    return went


def test_a_green_batch_lands_with_one_run() -> None:
    went = ride((train(1, 2, 3),), lambda cars: True)
    assert (went.landed, went.ejected, went.runs) == (["1-1", "2-1", "3-1"], [], 1)


def test_when_the_left_half_passes_the_right_is_known_to_be_red_without_a_run() -> None:
    tested: list[tuple[str, ...]] = []

    def green(cars: tuple[str, ...]) -> bool:
        tested.append(cars)
        return "4-1" not in cars

    went = ride((train(1, 2, 3, 4),), green)
    # 3 and 4 are never tested together, and 4 is tested once, to be sure that it is no flake.
    assert tested == [("1-1", "2-1", "3-1", "4-1"), ("1-1", "2-1"), ("3-1",), ("4-1",)]
    assert (went.landed, went.ejected) == (["1-1", "2-1", "3-1"], ["4-1"])
    assert (went.runs, went.reruns) == (3, 1)


def test_when_the_left_half_fails_nothing_is_known_of_the_right() -> None:
    groups = judge((train(1, 2, 3, 4),), green=False).groups
    assert judge(groups, green=False).groups == (train(3, 4), train(1, 2, red=True))


def test_a_lone_suspect_that_passes_at_the_second_look_lands() -> None:
    groups = judge((train(1),), green=False).groups
    assert is_rerun(groups)
    assert judge(groups, green=True).landed == ("1-1",)


def test_a_moved_base_forgets_every_verdict_and_keeps_the_order() -> None:
    assert anew((train(5, 6), train(3, 4, red=True))) == (train(3, 4, 5, 6),)
    assert anew(()) == ()


def test_a_red_group_that_loses_a_car_is_tested_again() -> None:
    groups = (train(5, 6), train(1, 2, red=True))
    assert without(groups, {"2-1"}) == (train(5, 6), train(1))
    assert without(groups, {"5-1"}) == (train(6), train(1, 2, red=True))
    assert without(groups, {"1-1", "2-1"}) == (train(5, 6),)


def test_an_empty_train_has_nothing_to_judge() -> None:
    assert next_test(()) == ()
    with pytest.raises(ValueError, match="nothing to judge"):
        judge((), green=True)


def test_ten_thousand_trains_cost_what_the_model_says() -> None:
    """Seeded trains of 1 to 64 cars, bad ones from 1 to 30 percent, in cells of size and rate."""
    dice = random.Random(20260311)
    cells: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for _ in range(10_000):
        size, percent = dice.randint(1, 64), dice.randint(1, 30)
        cars = tuple(f"{n}-1" for n in range(1, size + 1))
        bad = {car for car in cars if dice.random() < percent / 100}
        went = ride((CarGroup(cars=cars),), lambda tested, bad=bad: bad.isdisjoint(tested))  # type: ignore[misc]
        assert went.landed == [car for car in cars if car not in bad]
        assert set(went.ejected) == bad
        assert went.reruns == len(bad)
        q = 1 - percent / 100
        cell = cells[(size - 1) // 16, (percent - 1) // 5]
        for n, amount in enumerate((went.runs, len(went.landed), expected_runs(64, q)[0][size], size * q)):
            cell[n] += amount
    assert len(cells) == 24
    for cell in cells.values():
        runs, landed, model_runs, model_landed = cell
        assert runs / landed == pytest.approx(model_runs / model_landed, rel=0.1)
    # Over all of them the dice matter less.
    runs, landed, model_runs, model_landed = (sum(each) for each in zip(*cells.values(), strict=True))
    assert runs / landed == pytest.approx(model_runs / model_landed, rel=0.02)


@pytest.mark.parametrize("percent", [1, 5, 15, 30])
def test_the_batch_size_finds_the_rate_and_then_costs_what_the_best_one_does(percent: int) -> None:
    dice = random.Random(percent)
    q, most, queue = 1 - percent / 100, 64, 12_000
    tally, runs, landed = CarTally(), 0, 0
    while queue:
        cars = tuple(f"{n}-1" for n in range(1, min(batch_size(tally, most), queue) + 1))
        bad = {car for car in cars if dice.random() > q}
        went = ride((CarGroup(cars=cars),), lambda tested, bad=bad: bad.isdisjoint(tested))  # type: ignore[misc]
        tally = counted(tally, good=len(went.landed), bad=len(went.ejected))
        runs, landed, queue = runs + went.runs, landed + len(went.landed), queue - len(cars)
    n = best_size(q, most)
    assert runs / landed == pytest.approx(expected_runs(most, q)[0][n] / (n * q), rel=0.1)
    assert pass_rate(tally) == pytest.approx(q, abs=0.06)


def test_the_model_is_the_one_that_was_published() -> None:
    unknown, red = expected_runs(13, 0.95)
    assert (unknown[1], red[1]) == (1.0, 0.0)
    # Red: the left one is tested, and the right one only if that fails too.
    assert red[2] == pytest.approx(1 + 1 / (1 + 0.95))
    assert best_size(0.95, 64) == 13
    assert unknown[13] / (13 * 0.95) == pytest.approx(0.34, abs=0.005)


def test_the_worse_the_cars_the_smaller_the_batch() -> None:
    sizes = [best_size(q / 100, 64) for q in range(99, 20, -1)]
    assert sizes == sorted(sizes, reverse=True)
    assert best_size(1.0, 8) == 8
    assert best_size(0.0, 8) == 1


NUMBERS = st.lists(st.integers(1, 64), min_size=1, max_size=24, unique=True)


@given(NUMBERS, st.sets(st.integers(1, 64)), st.data())
def test_a_train_that_is_stopped_anywhere_goes_on_from_its_record(
    numbers: list[int], bad: set[int], data: st.DataObject
) -> None:
    """Kept as text after any step, moved onto another base at any step: it ends, and ends rightly."""
    groups: Groups = (train(*numbers),)
    landed: list[str] = []
    ejected: list[str] = []
    moves = 3
    for _ in range((moves + 1) * 4 * len(numbers)):
        if not groups:
            break
        groups = tuple(CarGroup.model_validate_json(group.model_dump_json()) for group in groups)
        if moves and data.draw(st.booleans()):
            moves -= 1
            groups = anew(groups)
        tested = next_test(groups)
        verdict = judge(groups, green=not any(f"{n}-1" in tested for n in bad))
        groups, landed, ejected = verdict.groups, [*landed, *verdict.landed], [*ejected, *verdict.ejected]
    assert groups == ()
    assert landed == [f"{n}-1" for n in numbers if n not in bad]
    assert sorted(ejected) == sorted(f"{n}-1" for n in numbers if n in bad)


@given(NUMBERS, st.integers(1, 40))
def test_nobody_is_blamed_for_a_flake(numbers: list[int], flake: int) -> None:
    runs = 0

    def green(_cars: tuple[str, ...]) -> bool:
        nonlocal runs
        runs += 1
        return runs != flake

    went = ride((train(*numbers),), green)
    assert went.landed == [f"{n}-1" for n in numbers]
    assert went.ejected == []


@given(NUMBERS, st.data())
def test_whoever_is_blamed_was_in_two_red_runs(numbers: list[int], data: st.DataObject) -> None:
    red: dict[str, int] = defaultdict(int)

    def green(cars: tuple[str, ...]) -> bool:
        passed = data.draw(st.booleans())
        for car in () if passed else cars:
            red[car] += 1
        return passed

    went = ride((train(*numbers),), green)
    assert all(red[car] >= 2 for car in went.ejected)
    assert sorted(went.landed + went.ejected) == sorted(f"{n}-1" for n in numbers)
