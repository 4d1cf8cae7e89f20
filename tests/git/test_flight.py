import asyncio

import pytest

from pushpals.git.flight import Flights


class Work:
    """Something slow: says when a run began, and ends when `gate` is opened."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.began = asyncio.Event()
        self.gate = asyncio.Event()

    async def __call__(self) -> None:
        self.events.append("began")
        self.began.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        self.events.append("ended")


async def test_callers_share_a_run_that_has_not_begun_and_never_one_that_has() -> None:
    flights, work = Flights(), Work()
    early = [asyncio.create_task(flights.share("x", work)) for _ in range(5)]
    await work.began.wait()
    late = [asyncio.create_task(flights.share("x", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.gate.set()
    await asyncio.gather(*early, *late)
    assert work.events == ["began", "ended"] * 2


async def test_different_work_takes_turns() -> None:
    flights, one, other = Flights(), Work(), Work()
    first = asyncio.create_task(flights.share("one", one))
    await one.began.wait()
    second = asyncio.create_task(flights.share("other", other))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not other.began.is_set()
    other.gate.set()
    one.gate.set()
    await asyncio.gather(first, second)
    assert other.events == ["began", "ended"]


async def test_who_gives_up_leaves_the_run_to_the_others() -> None:
    flights, work = Flights(), Work()
    first, second = (asyncio.create_task(flights.share("x", work)) for _ in range(2))
    await work.began.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.gate.set()
    await second
    assert work.events == ["began", "ended"]


async def test_the_last_one_to_give_up_ends_the_run_and_the_next_caller_gets_a_new_one() -> None:
    flights, work = Flights(), Work()
    alone = asyncio.create_task(flights.share("x", work))
    await work.began.wait()
    alone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone
    assert work.events == ["began", "cancelled"]
    work.gate.set()
    await flights.share("x", work)
    assert work.events[2:] == ["began", "ended"]


async def test_who_gives_up_in_the_queue_is_forgotten() -> None:
    flights, running, queued = Flights(), Work(), Work()
    first = asyncio.create_task(flights.share("running", running))
    await running.began.wait()
    waiting = asyncio.create_task(flights.share("queued", queued))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    again = asyncio.create_task(flights.share("queued", queued))
    queued.gate.set()
    running.gate.set()
    await asyncio.gather(first, again)
    assert queued.events == ["began", "ended"]


async def test_everybody_on_board_learns_of_a_failure() -> None:
    flights = Flights()

    async def fails() -> None:
        raise OSError("no")

    results = await asyncio.gather(*(flights.share("x", fails) for _ in range(3)), return_exceptions=True)
    assert [str(r) for r in results] == ["no"] * 3
