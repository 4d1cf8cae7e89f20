"""Errands: long things beside the jobs, which take no worker, and break without breaking anything else."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import cast

import pytest

from pushpals.loop.services import Services
from pushpals.loop.work import MOST_ERRANDS, Crew
from pushpals.model import Hint
from tests.loop.snapshots import REF, snapshot


@dataclass
class Question:
    again: bool = True
    wrong: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    runs: int = 0
    codes: list[str] = field(default_factory=list)

    async def run(self) -> bool:
        self.runs += 1
        await self.go.wait()
        if self.wrong:
            raise ValueError("no")
        return self.again

    async def broke(self, code: str) -> None:
        self.codes.append(code)


@pytest.fixture
def hints() -> list[Hint]:
    return []


@pytest.fixture
def crew(hints: list[Hint]) -> Crew:
    async def tell(hint: Hint) -> None:
        hints.append(hint)

    return Crew(cast("Services", None), tell)


async def ended(crew: Crew) -> None:
    """Wait until no errand is under way."""
    await asyncio.gather(*crew._errands.values())


async def test_an_errand_is_known_while_it_runs_and_runs_once(crew: Crew, hints: list[Hint]) -> None:
    errand = Question()
    s = crew.send("key", errand, snapshot())
    again = crew.send("key", errand, s)
    assert s.errands == again.errands == crew.errands(REF.repo) == {"key"}
    assert crew.busy(REF.repo)
    assert not crew.working(REF.repo)
    errand.go.set()
    await ended(crew)
    assert (errand.runs, hints) == (1, [Hint(ref=REF)])
    assert not crew.busy(REF.repo)


async def test_an_errand_that_leaves_nothing_to_do_asks_for_no_look(crew: Crew, hints: list[Hint]) -> None:
    errand = Question(again=False)
    errand.go.set()
    crew.send("key", errand, snapshot())
    await ended(crew)
    assert (errand.runs, hints) == (1, [])


async def test_an_errand_that_breaks_tells_people_a_code_of_the_log(
    crew: Crew, hints: list[Hint], caplog: pytest.LogCaptureFixture
) -> None:
    errand = Question(again=False, wrong=True)
    errand.go.set()
    with caplog.at_level(logging.ERROR):
        crew.send("key", errand, snapshot())
        await ended(crew)
    assert errand.codes
    assert errand.codes[0] in caplog.text
    assert hints == [Hint(ref=REF)]


async def test_so_many_errands_run_at_once_and_the_others_in_their_turn(crew: Crew) -> None:
    errands = [Question() for _ in range(MOST_ERRANDS + 2)]
    for number, errand in enumerate(errands):
        crew.send(f"key-{number}", errand, snapshot())
    for _ in range(3):
        await asyncio.sleep(0)
    assert sum(errand.runs for errand in errands) == MOST_ERRANDS
    for errand in errands:
        errand.go.set()
    await ended(crew)
    assert [errand.runs for errand in errands] == [1] * len(errands)


async def test_closing_ends_errands(crew: Crew) -> None:
    errand = Question()
    crew.send("key", errand, snapshot())
    await asyncio.sleep(0)
    await crew.close()
    assert (errand.runs, errand.codes) == (1, [])
    assert not crew.busy(REF.repo)
