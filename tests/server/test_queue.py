"""The queue: a subject stands in it once, nobody waits for ever, and no hint spoils another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from pushpals.github import GitHubUnavailable, RateLimited
from pushpals.model import Hint, Person, Press
from pushpals.server.queue import HintQueue
from tests.server.deliveries import hint

Handle = Callable[[Hint], Awaitable[datetime | None]]


class Desk:
    """Handles hints; a test may hold it up, and have it fail."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.at_work: Counter[int] = Counter()
        self.most_at_work = 0
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = asyncio.Event()
        self.errors: dict[int, list[Exception]] = {}
        self.wakes: dict[int, list[datetime]] = {}

    async def handle(self, hinted: Hint) -> datetime | None:
        number = hinted.ref.number
        self.seen.append(number)
        self.at_work[number] += 1
        self.most_at_work = max(self.most_at_work, self.at_work.total())
        assert self.at_work[number] == 1, "one worker at a time for one subject"
        self.arrived.set()
        try:
            await self.open.wait()
        finally:
            self.at_work[number] -= 1
        if self.errors.get(number):
            raise self.errors[number].pop(0)
        return self.wakes[number].pop(0) if self.wakes.get(number) else None


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_subject_waits_once_however_often_it_is_hinted_at() -> None:
    queue, desk = HintQueue(workers=1), Desk()
    for _ in range(50):
        await queue.put(hint(1))
        await queue.put(hint(2))
    assert queue.depth == 2
    queue.start(desk.handle, now)
    await queue.idle()
    assert desk.seen == [1, 2]
    await queue.close()


async def test_a_hint_at_what_is_being_looked_at_means_once_more() -> None:
    queue, desk = HintQueue(), Desk()
    desk.open.clear()
    queue.start(desk.handle, now)
    await queue.put(hint(1))
    await desk.arrived.wait()
    for _ in range(5):
        await queue.put(hint(1))
    desk.open.set()
    await queue.idle()
    assert desk.seen == [1, 1]
    await queue.close()


async def test_a_busy_subject_lets_the_others_go_first() -> None:
    queue, desk = HintQueue(workers=1), Desk()
    desk.open.clear()
    queue.start(desk.handle, now)
    await queue.put(hint(1))
    await desk.arrived.wait()
    for number in (1, 2, 1, 3, 1):
        await queue.put(hint(number))
    desk.open.set()
    await queue.idle()
    assert desk.seen == [1, 2, 3, 1]
    await queue.close()


async def test_more_than_the_limit_is_dropped_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    queue, desk = HintQueue(limit=3), Desk()
    for number in (1, 2, 3, 4, 5, 3):
        await queue.put(hint(number))
    assert (queue.depth, queue.overflowed) == (3, True)
    assert [record.message for record in caplog.records] == [
        "3 subjects wait; the next look around finds what comes now"
    ]
    queue.start(desk.handle, now)
    await queue.idle()
    assert sorted(desk.seen) == [1, 2, 3]
    await queue.put(hint(4))
    await queue.idle()
    assert desk.seen[-1] == 4
    await queue.close()


async def test_no_more_than_the_limit_are_remembered_for_later() -> None:
    queue = HintQueue(limit=3)
    for number in range(1, 10):
        queue.put_later(hint(number), 3_600.0)
    assert (len(queue._timers), queue.overflowed) == (3, True)
    await queue.close()


async def test_no_more_subjects_are_worked_on_than_there_are_workers() -> None:
    queue, desk = HintQueue(workers=2), Desk()
    desk.open.clear()
    queue.start(desk.handle, now)
    for number in range(1, 30):
        await queue.put(hint(number))
    while len(desk.seen) < 2:
        desk.arrived.clear()
        await desk.arrived.wait()
    desk.open.set()
    await queue.idle()
    assert desk.most_at_work == 2
    assert sorted(desk.seen) == list(range(1, 30))
    await queue.close()


async def test_an_error_stops_no_other_hint_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    queue, desk = HintQueue(workers=1, backoff=(0.0,)), Desk()
    desk.errors = {1: [ZeroDivisionError("by nought"), ZeroDivisionError("by nought")]}
    queue.start(desk.handle, now)
    for number in (1, 2, 3):
        await queue.put(hint(number))
    await queue.idle()
    assert Counter(desk.seen) == {1: 3, 2: 1, 3: 1}
    first, second = caplog.records
    assert "on octo/names#1; trying again in 0 s" in first.message
    assert first.exc_info
    assert first.message.split()[1] != second.message.split()[1]  # each error has a code of its own
    await queue.close()


async def test_when_github_is_away_it_is_said_in_a_line_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, desk = HintQueue(backoff=(0.0,)), Desk()
    desk.errors = {1: [GitHubUnavailable("GitHub could not be reached.", lost=False)]}
    queue.start(desk.handle, now, expected=(GitHubUnavailable,))
    await queue.put(hint(1))
    await queue.idle()
    assert desk.seen == [1, 1]
    [record] = caplog.records
    assert record.exc_info is None
    assert record.message.endswith("trying again in 0 s: GitHub could not be reached.")
    await queue.close()


async def test_pauses_grow_and_begin_anew_once_it_went_well(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, desk = HintQueue(backoff=(1.0, 2.0)), Desk()
    pauses: list[float] = []
    monkeypatch.setattr(queue, "put_later", lambda _hint, seconds: pauses.append(seconds))
    bad = OSError()
    desk.errors = {1: [bad, bad, bad]}
    queue.start(desk.handle, now, expected=(OSError,))
    for _ in range(4):
        await queue.put(hint(1))
        await queue.idle()
    desk.errors = {1: [bad]}
    await queue.put(hint(1))
    await queue.idle()
    assert pauses == [1.0, 2.0, 2.0, 1.0]
    await queue.close()


async def test_a_subject_is_looked_at_again_when_it_asked_to_be() -> None:
    queue, desk = HintQueue(), Desk()
    desk.wakes = {1: [now() + timedelta(milliseconds=1), now() - timedelta(days=1)]}
    queue.start(desk.handle, now)
    await queue.put(hint(1))
    await queue.idle()
    assert desk.seen == [1, 1, 1]
    await queue.close()


async def test_closing_stops_what_is_under_way_and_what_was_planned() -> None:
    queue, desk = HintQueue(), Desk()
    desk.open.clear()
    queue.start(desk.handle, now)
    queue.put_later(hint(2), 3600)
    await queue.put(hint(1))
    await desk.arrived.wait()
    await queue.close()
    assert desk.at_work.total() == 0
    assert desk.seen == [1]


def press(name: str) -> Press:
    person = Person(id=5, login="ana")
    return Press(id=name, person=person, action="a", external_id="1-1", check_run=7, at=now())


async def test_no_press_of_a_button_is_lost_and_none_comes_twice() -> None:
    """GitHub tells of a press once: not meeting another hint, nor an error, may swallow it."""
    queue, seen = HintQueue(workers=1, backoff=(0.0,)), list[list[str]]()
    wakes = [now()]

    async def handle(hinted: Hint) -> datetime | None:
        seen.append([press.id for press in hinted.presses])
        if len(seen) == 1:
            await queue.put(hint(1))
            await queue.put(hint(1).model_copy(update={"presses": (press("c"),)}))
            raise GitHubUnavailable("gone", lost=False)
        return wakes.pop() if hinted.presses and wakes else None

    await queue.put(hint(1).model_copy(update={"presses": (press("a"),)}))
    await queue.put(hint(1).model_copy(update={"presses": (press("b"),)}))
    await queue.put(hint(1))
    queue.start(handle, now)
    await queue.idle()
    await queue.close()
    assert seen[0] == ["a", "b"]
    assert sorted(name for names in seen[1:] for name in names) == ["a", "b", "c"]


async def test_a_repository_and_its_first_issue_are_two_subjects() -> None:
    queue = HintQueue(workers=1)
    for hinted in (hint(1), Hint.of_train(hint(1).ref.repo), hint(1), Hint.of_train(hint(1).ref.repo)):
        await queue.put(hinted)
    assert queue.depth == 2


async def test_a_press_waits_as_long_as_github_says_and_is_kept() -> None:
    """Of a button that was pressed nobody else knows: a limit on requests must not lose it."""
    queue, seen = HintQueue(workers=1, backoff=(0.0,)), []
    limits = [RateLimited("slow down", until=now().timestamp() + 500)]

    async def handle(hinted: Hint) -> datetime | None:
        seen.append([one.id for one in hinted.presses])
        if limits:
            raise limits.pop()
        return None

    queue.start(handle, now, expected=(RateLimited,))
    await queue.put(hint(1).model_copy(update={"presses": (press("a"),)}))
    await queue._until(lambda: queue._timers)
    [(timer, _)] = queue._timers.values()
    left = timer.when() - asyncio.get_running_loop().time()
    assert 400 < left <= 500
    assert queue.holds_presses
    timer.cancel()
    queue._ring(queue._timers[hint(1).shown][1])
    await queue.idle()
    assert seen == [["a"], ["a"]]
    await queue.close()
