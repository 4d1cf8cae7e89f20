"""When GitHub limits requests, a hint waits; one with a press is given back: nobody else knows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pushpals.github import AddComment, Done, Mutation, RateLimited, RepoClient, Room
from pushpals.loop import writes
from pushpals.loop.engine import Engine
from pushpals.loop.overview import Overview
from pushpals.loop.reconcile import AT_ONCE, Reconciler, due
from pushpals.loop.services import Clock
from pushpals.loop.writes import requests_low
from pushpals.model import Hint, Holder, Person, Press, RepoRef, SubjectRef

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


async def test_the_answer_of_an_errand_waits_for_the_limit_and_is_not_lost() -> None:
    said: list[tuple[Mutation, ...]] = []

    class Limited:
        async def write(self, *mutations: Mutation, urgent: bool) -> list[Done]:
            assert urgent
            said.append(mutations)
            if len(said) <= 2:
                raise RateLimited("slow down", until=UNTIL.timestamp())
            return [Done("IC_1")]

    answer = AddComment("I_1", "It was the dot.")
    client, clock = cast("RepoClient", Limited()), Clock(now=lambda: UNTIL)
    assert await writes.answer(client, clock, answer) == [Done("IC_1")]
    assert said == [(answer,)] * 3


async def test_while_requests_are_short_only_new_repositories_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refs, looked = [RepoRef.parse(f"octo/r{n}") for n in range(4)], list[RepoRef]()
    room = Room(creations=1.0, requests=0.05)

    async def installations() -> list[SimpleNamespace]:
        return [SimpleNamespace(id=7, suspended=False)]

    async def repositories(_installation: int) -> list[RepoRef]:
        return refs

    async def one(_reconciler: Reconciler, ref: RepoRef, _installation: int) -> int:
        looked.append(ref)
        return 0

    monkeypatch.setattr(Reconciler, "_one", one)
    github = SimpleNamespace(
        installations=installations, repositories=repositories, room=lambda _installation: room
    )
    services = SimpleNamespace(github=github, overview=Overview(), holder=Holder(instance="here", boot="1"))
    reconciler = Reconciler(cast("Engine", SimpleNamespace(services=services)), cast("Any", None))
    await reconciler.run()
    assert looked == refs
    refs.append(RepoRef.parse("octo/new"))
    await reconciler.run()
    assert looked[4:] == refs[4:]
    room = Room(creations=1.0, requests=0.5)
    await reconciler.run()
    assert looked[5:] == refs
