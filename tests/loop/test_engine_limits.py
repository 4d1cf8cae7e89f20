"""When GitHub limits requests, a hint waits; one with a press is given back: nobody else knows of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pushpals.github import RateLimited
from pushpals.loop.engine import Engine
from pushpals.loop.reconcile import AT_ONCE, due
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


def test_of_many_repositories_each_has_its_turn_and_those_with_work_have_it_each_time() -> None:
    refs = [RepoRef.parse(f"octo/r{n}") for n in range(120)]
    looked: dict[RepoRef, int] = {}
    assert due(refs, looked, ()) == refs  # at the start all of them
    looked.update(dict.fromkeys(refs, 0))
    seen: set[RepoRef] = set()
    for number in range(1, 4):
        now = due(refs, looked, {refs[7]})
        assert len(now) == AT_ONCE
        assert refs[7] in now
        looked.update(dict.fromkeys(now, number))
        seen.update(now)
    assert seen == set(refs)
    assert due(refs, looked, refs) == refs  # however many have work
