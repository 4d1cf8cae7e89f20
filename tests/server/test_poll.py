"""The log of deliveries: read up to what is known, each delivery once, and no more often than is useful."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pushpals.github import Allowance, GitHubUnavailable, LoggedDelivery, NotFound, RateLimited
from pushpals.server.poll import MOST_SEEN, OVERLAP, PRESSES_BACK, Cursor, Pace, Poller
from pushpals.server.queue import HintQueue
from tests.server.deliveries import hint

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REPOSITORY = {"repository": {"full_name": "octo/names"}}


class Log:
    """GitHub, as far as its log of deliveries goes."""

    app_id = 31

    def __init__(self) -> None:
        self.deliveries_: list[LoggedDelivery] = []
        self.payloads: dict[int, Mapping[str, Any] | Exception] = {}
        self.fetched: list[int] = []
        self.looked_at = 0
        self.webhook = "https://pushpals.invalid"
        self.fails: list[Exception] = []
        self.allowances: dict[tuple[int | None, str], Allowance] = {}

    def add(self, number: int, at: datetime = NOON, *, guid: str = "", press: bool = False) -> None:
        """Log an event about issue `number`, or the press of a button on its job."""
        made = len(self.deliveries_) + 1
        kind, action = ("check_run", "requested_action") if press else ("issues", "labeled")
        self.deliveries_.append(LoggedDelivery(made, guid or f"guid-{made}", at, kind, action))
        run = {"id": 9, "external_id": f"{number}-1", "app": {"id": self.app_id}}
        button = {"check_run": run, "requested_action": {"identifier": "stop"}}
        what = {**button, "sender": {"id": 5, "login": "ana"}} if press else {"issue": {"number": number}}
        self.payloads[made] = {"action": action, **REPOSITORY, **what}

    async def deliveries(self) -> AsyncGenerator[LoggedDelivery, None]:
        if self.fails:
            raise self.fails.pop(0)
        for delivery in sorted(self.deliveries_, key=lambda d: d.delivered_at, reverse=True):
            self.looked_at += 1
            yield delivery

    async def webhook_url(self) -> str:
        return self.webhook

    async def payload(self, delivery: LoggedDelivery) -> Mapping[str, Any]:
        self.fetched.append(delivery.id)
        found = self.payloads[delivery.id]
        if isinstance(found, Exception):
            raise found
        return found


class Reader:
    """A poller with a queue at which nobody works, on a clock that stands."""

    def __init__(self, log: Log, folder: Path) -> None:
        self.log, self.queue, self.now = log, HintQueue(), NOON
        self.file = folder / "deliveries.json"
        self.poller = self.again()

    def again(self) -> Poller:
        """Start anew, as after a crash: what was in the queue is lost."""
        self.queue = HintQueue()
        self.poller = Poller(
            self.log,  # type: ignore[arg-type]
            self.queue,
            Cursor(self.file),
            now=lambda: self.now,
        )
        return self.poller

    async def read(self) -> list[int]:
        """Read once; return the issues that wait now, and take them off."""
        await self.poller.read()
        found = [waiting.ref.number for waiting in self.queue._waiting.values()]
        self.queue._waiting.clear()
        return found


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def reader(log: Log, tmp_path: Path) -> Reader:
    return Reader(log, tmp_path)


async def test_each_delivery_counts_once_the_oldest_first(log: Log, reader: Reader) -> None:
    log.add(1)
    log.add(2, NOON + timedelta(seconds=1))
    assert await reader.read() == [1, 2]
    log.add(3, NOON + timedelta(seconds=2))
    assert await reader.read() == [3]
    log.add(3, NOON + timedelta(seconds=9), guid="guid-3")  # sent again
    assert await reader.read() == []
    assert log.fetched == [1, 2, 3]


async def test_it_reads_no_further_than_what_it_has_seen(log: Log, reader: Reader) -> None:
    for n in range(50):
        log.add(1, NOON - timedelta(hours=50 - n))
    await reader.read()
    log.add(2, NOON)
    await reader.read()
    log.looked_at = 0
    log.add(3, NOON + timedelta(minutes=1))
    assert await reader.read() == [3]
    assert log.looked_at == 3, "the new one, the last one, and the one that says: enough"


async def test_one_that_comes_into_the_log_late_is_not_missed(log: Log, reader: Reader) -> None:
    log.add(1, NOON + timedelta(seconds=30))
    assert await reader.read() == [1]
    log.add(2, NOON + timedelta(seconds=20))
    assert await reader.read() == [2]


async def test_only_what_can_matter_is_fetched(log: Log, reader: Reader) -> None:
    log.deliveries_ += [
        LoggedDelivery(1, "a", NOON, "issues", "assigned"),
        LoggedDelivery(2, "b", NOON, "ping", None),
        LoggedDelivery(3, "c", NOON, "check_run", "created"),
    ]
    assert await reader.read() == []
    assert log.fetched == []
    assert reader.poller.outcomes == {"ignored": 3}


async def test_what_github_has_forgotten_keeps_nothing_up(log: Log, reader: Reader) -> None:
    log.add(1)
    log.payloads[1] = NotFound("gone")
    log.add(2)
    assert await reader.read() == [2]
    assert await reader.read() == []
    assert log.fetched == [1, 2]


async def test_an_error_half_way_loses_nothing_and_repeats_nothing(log: Log, reader: Reader) -> None:
    for number in (1, 2, 3):
        log.add(number, NOON + timedelta(minutes=5 * number))
    whole = log.payloads[2]
    log.payloads[2] = GitHubUnavailable("away", lost=False)
    with pytest.raises(GitHubUnavailable):
        await reader.read()
    log.payloads[2] = whole
    assert await reader.read() == [1, 2, 3]
    assert log.fetched == [1, 2, 2, 3]


async def test_after_a_restart_only_what_came_since_counts_and_older_presses(
    log: Log, reader: Reader
) -> None:
    log.add(1)
    await reader.read()
    log.add(2, NOON + timedelta(hours=1))
    log.add(3, NOON + timedelta(hours=1), press=True)
    log.add(4, NOON + timedelta(hours=2))
    reader.now = NOON + timedelta(hours=2)
    reader.again()
    assert await reader.read() == [3, 4], "the look around at the start finds the label on 2"


@pytest.mark.parametrize("kept", [None, "", "[]", "{}", '{"since": 4}', '{"since": "2026-11-20T12:00:00"}'])
async def test_a_cursor_that_is_gone_or_garbled_is_made_anew(
    log: Log, reader: Reader, kept: str | None
) -> None:
    if kept is not None:
        reader.file.write_text(kept)
    log.add(1, NOON - PRESSES_BACK - timedelta(seconds=1), press=True)
    log.add(2, NOON - PRESSES_BACK + timedelta(seconds=1), press=True)
    log.add(3, NOON - OVERLAP - timedelta(seconds=1))
    log.add(4, NOON)
    assert await reader.read() == [2, 4]
    await reader.read()  # by now nothing waits
    assert Cursor(reader.file).load() == NOON


async def test_a_press_that_waits_holds_the_cursor_back(log: Log, reader: Reader) -> None:
    log.add(1)
    await reader.read()
    log.add(2, NOON + timedelta(hours=1), press=True)
    reader.now = NOON + timedelta(hours=1)
    await reader.poller.read()
    assert Cursor(reader.file).load() == NOON
    reader.now = NOON + timedelta(hours=3)
    reader.again()
    assert await reader.read() == [2], "whoever pressed does not have to press again"
    await reader.poller.read()
    assert Cursor(reader.file).load() == NOON + timedelta(hours=1)


async def test_a_disk_that_takes_nothing_is_told_and_stops_nothing(
    log: Log, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    reader.file.with_suffix(".new").mkdir()
    log.add(1)
    assert await reader.read() == [1]
    assert "cannot be written" in caplog.text


async def test_what_it_remembers_is_bounded(log: Log, reader: Reader) -> None:
    for n in range(MOST_SEEN + 10):
        log.deliveries_.append(LoggedDelivery(n, f"g{n}", NOON + timedelta(seconds=n), "ping", None))
    await reader.read()
    assert len(reader.poller._seen) == MOST_SEEN


def test_the_pause_grows_while_nothing_comes_and_is_short_while_something_does() -> None:
    pace = Pace(quick=2.0, slow=30.0)
    pauses = [pace.after(0, busy=False) for _ in range(9)]
    assert pauses == [2.0, 3.0, 4.5, 6.75, 10.125, 15.1875, 22.78125, 30.0, 30.0]
    assert pace.after(0, busy=True) == 10.0
    assert pace.after(3, busy=False) == 2.0


async def test_errors_make_it_wait_longer_up_to_five_minutes(log: Log, reader: Reader) -> None:
    log.fails = [GitHubUnavailable("away", lost=False) for _ in range(9)]
    pauses = [await reader.poller._turn() for _ in range(10)]
    assert pauses == [4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 2.0]


async def test_a_rate_limit_is_obeyed_to_the_second(log: Log, reader: Reader) -> None:
    log.fails = [RateLimited("slow down", until=NOON.timestamp() + 432)]
    assert await reader.poller._turn() == 432


async def test_what_is_left_of_the_hour_is_spread(log: Log, reader: Reader) -> None:
    log.allowances[None, "rest"] = Allowance(5000, 100, NOON.timestamp() + 1800)
    assert await reader.poller._turn() == 18.0
    log.allowances[None, "rest"] = Allowance(5000, 0, NOON.timestamp() + 1800)
    assert await reader.poller._turn() == 300.0
    log.allowances[None, "rest"] = Allowance(5000, 4000, NOON.timestamp() + 1800)
    assert await reader.poller._turn() < 30.0


async def test_a_press_is_held_by_the_queue_until_it_was_handled(log: Log, reader: Reader) -> None:
    assert not reader.queue.holds_presses
    await reader.queue.put(hint(1))
    assert not reader.queue.holds_presses
    log.add(2, press=True)
    await reader.poller.read()
    assert reader.queue.holds_presses


@pytest.mark.parametrize("webhook", ["", "https://pushpals.invalid"])
async def test_an_app_without_a_webhook_is_told_once(
    log: Log, reader: Reader, caplog: pytest.LogCaptureFixture, webhook: str
) -> None:
    log.webhook = webhook
    for _ in range(3):
        assert await reader.read() == []
    assert caplog.text.count("Make it active") == (0 if webhook else 1)
