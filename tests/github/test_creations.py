"""What an installation may create in an hour: never more than that, and everybody has a turn."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.github import creations
from pushpals.github.creations import HOURLY, SPAN, Creations

NOW = 1_800_000_000.0
HOUR = 3_600.0


def fill(hour: Creations, count: int, now: float = NOW, *, urgent: bool = False) -> int:
    """Create one thing at a time until there is no room, and return how many found some."""
    return sum(hour.take(1, whose=f"filler {n}", urgent=urgent, now=now) == 0 for n in range(count))


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 900), st.booleans(), st.booleans()), max_size=120))
def test_no_hour_sees_more_than_its_number_whoever_asks_in_whatever_order(steps):
    hour, now, sent = Creations(20), NOW, []
    told: list[tuple[float, str, int, bool]] = []
    for number, (count, pause, urgent, early) in enumerate(steps):
        now += pause
        asking = [(f"new {number}", count, urgent)]
        while told and (told[0][0] <= now or early):  # some come back at their time, and some before
            _, whose, many, again = heapq.heappop(told)
            asking.append((whose, many, again))
        for whose, many, answers in asking:
            wait = hour.take(many, whose=whose, urgent=answers, now=now)
            if wait > 0:
                heapq.heappush(told, (now + wait, whose, many, answers))
            else:
                sent.append((now, many))
    for start, _ in sent:
        assert sum(count for at, count in sent if start <= at < start + HOUR) <= 20


@given(st.integers(30, 200), st.floats(0, 60))
def test_who_comes_back_at_the_time_told_goes_in_the_order_of_asking_and_asks_about_once(writes, pause):
    hour, asked = Creations(20), [0] * writes
    due = [(NOW + n * pause, n) for n in range(writes)]
    went, now = list[int](), NOW
    while due:
        now, n = heapq.heappop(due)
        asked[n] += 1
        wait = hour.take(1, whose=str(n), urgent=False, now=now)
        if wait > 0:
            heapq.heappush(due, (now + wait, n))
        else:
            went.append(n)
    assert went == sorted(went)
    assert max(asked) <= 3
    assert hour.waiting(now) == 0


def test_answers_find_room_when_all_else_waits():
    hour = Creations()
    assert fill(hour, 600) == HOURLY - HOURLY // 50
    assert fill(hour, 600, urgent=True) == HOURLY // 50


def test_a_wait_ends_when_the_oldest_is_an_hour_old():
    hour = Creations()
    fill(hour, 486)
    assert hour.take(1, whose="a", urgent=False, now=NOW + 100) == SPAN - 100
    assert hour.take(1, whose="a", urgent=False, now=NOW + SPAN) == 0


def test_nothing_grows_without_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(creations, "MOST_WAITING", 5)
    hour = Creations(20)
    fill(hour, 1_000)
    assert (hour.waiting(NOW), hour.left(NOW)) == (5, 1)
    assert hour.waiting(NOW + 3 * SPAN) == 0  # of those who never came back


@given(st.integers(-7200, -1))
def test_a_clock_that_is_set_back_makes_no_wait_longer(jump):
    hour = Creations()
    fill(hour, 486)
    told = hour.take(1, whose="a", urgent=False, now=NOW + 60)
    assert hour.take(1, whose="a", urgent=False, now=NOW + jump) == pytest.approx(told)


def test_what_was_not_sent_does_not_count():
    hour = Creations(20)
    hour.take(5, whose="a", urgent=False, now=NOW)
    hour.give_back(5)
    assert hour.left(NOW) == 20
