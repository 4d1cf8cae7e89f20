"""When GitHub limits requests, a hint waits; one with a press is given back: nobody else knows of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pushpals.github import RateLimited, Room
from pushpals.loop.engine import Engine
from pushpals.loop.reconcile import AT_ONCE, due
from pushpals.loop.writes import requests_low
from pushpals.model import Hint, Person, Press, RepoRef, SubjectRef

HINT = Hint(ref=SubjectRef(repo=RepoRef.parse("octo/names"), number=1))
UNTIL = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRESS = Press(
    id="p", person=Person(id=5, login="ana"), action="stop", external_id="1-1", check_run=7, at=UNTIL
)


async def test_a_limit_tells_when_to_look_again_and_loses_no_press(monkeypatch: pytest.MonkeyPatch) -> None:
    async def limited(_engine: Engine, _hint: Hint) -> None:
        raise RateLimited("slow down", until=UNTIL.timestamp())

    monkeypatch.setattr(Engine, "_settle", limited)
    engine = Engine.__new__(Engine)
    engine._homes = {}  # type: ignore[assignment]
    assert await engine.handle(HINT) == UNTIL
    with pytest.raises(RateLimited):
        await engine.handle(HINT.model_copy(update={"presses": (PRESS,)}))


def test_of_many_repositories_each_has_its_turn_and_watched_ones_have_it_each_time() -> None:
    refs = [RepoRef.parse(f"octo/r{n}") for n in range(120)]
    looked: dict[RepoRef, int] = {}
    assert due(refs, looked, ()) == (refs, [])  # at the start all of them
    looked.update(dict.fromkeys(refs, 0))
    seen: set[RepoRef] = set()
    for number in range(1, 4):
        first, others = due(refs, looked, {refs[7]})
        assert first == [refs[7]]
        assert len(others) == AT_ONCE - 1
        looked.update(dict.fromkeys([*first, *others], number))
        seen.update(first, others)
    assert seen == set(refs)
    assert due(refs, looked, refs) == (refs, [])  # however many they are


@pytest.mark.parametrize(
    ("requests", "hour", "low"),
    [
        (1.0, 0.0, False),  # nothing is known
        (0.99, 1.0, False),
        (0.7, 1.0, True),
        (0.7, 0.5, False),
        (0.45, 0.5, True),
        (0.2, 0.01, False),
        (0.05, 0.0, True),
    ],
)
def test_requests_are_short_when_they_go_faster_than_their_hour(
    requests: float, hour: float, *, low: bool
) -> None:
    assert requests_low(Room(creations=1.0, requests=requests, hour=hour)) is low
