"""The numbers of a repository, from records alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from pushpals.audit.chain import AuditEvent, Chain
from pushpals.audit.measures import Pull, Spread, measure
from pushpals.audit.prose.measures import measures
from pushpals.audit.prose.timeline import timeline
from pushpals.model import (
    Failure,
    FailureKind,
    JobRecord,
    JobState,
    Person,
    Plan,
    Request,
    RequestRecord,
    Risk,
    Task,
    Usage,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEAD = "b" * 40


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def request(number: int, minutes: float = 0.0) -> RequestRecord:
    asked = Request(
        number=number,
        title="t",
        body="b",
        digest="d",
        asker=Person(id=1, login="ada"),
        cause="c",
        asked_at=at(minutes),
    )
    plan = Plan(tasks=(Task(goal="g"),), risk=Risk.LOW)
    return RequestRecord(request=asked, plan=plan, policy_digest="p", base="a" * 40, created_at=at(minutes))


def job(name: str, state: JobState, **changes: Any) -> JobRecord:
    facts: dict[str, Any] = {
        "id": name,
        "request": int(name.partition("-")[0]),
        "cause": "c",
        "task": Task(goal="g"),
        "state": state,
        "base": "a" * 40,
        "branch": f"agent/bug-fixer/{name}",
        "nonce": "n",
        "created_at": NOON,
        "updated_at": at(10),
    }
    return JobRecord(**(facts | changes))


def trail(name: str, *moves: tuple[str, float]) -> str:
    chain = Chain(name)
    events = (AuditEvent(at=at(when), kind="state", attributes={"state": state}) for state, when in moves)
    return "".join(f"{chain.append(event)}\n" for event in events)


GOOD = (("queued", 1), ("claimed", 3), ("claimed", 3.5), ("running", 4), ("published", 9))
FAILED = Failure(kind=FailureKind.CHECKS, cause="red", next_step="look")


def test_a_week_of_work_adds_up() -> None:
    jobs = [
        (job("1-1", JobState.MERGED, head=HEAD, usage=Usage(usd=0.3, tokens_in=900)), trail("1-1", *GOOD)),
        (job("2-1", JobState.MERGED, head=HEAD, round=1), trail("2-1", ("queued", 0), ("claimed", 4))),
        (job("3-1", JobState.CANCELLED, head=HEAD), ""),
        (job("4-1", JobState.PUBLISHED, head=HEAD), trail("4-1", ("queued", 0), ("published", 30))),
        (job("5-1", JobState.FAILED, failure=FAILED, usage=Usage(usd=0.1)), "no trail at all\n"),
        (job("6-1", JobState.RUNNING), ""),
        (job("7-1", JobState.QUEUED, not_before=at(55)), ""),
        (job("8-1", JobState.WAITING, usage=Usage(usd=None)), ""),
        (job("9-1", JobState.MERGED, created_at=at(-9999)), ""),
    ]
    pulls = {
        "agent/bug-fixer/1-1": Pull(merged=True, open=False, head=HEAD),
        "agent/bug-fixer/2-1": Pull(merged=True, open=False, head="c" * 40),
        "agent/bug-fixer/3-1": Pull(merged=False, open=False, head=HEAD),
        "agent/bug-fixer/4-1": Pull(merged=False, open=True, head=HEAD),
    }
    asked = [request(1), request(4, 2), request(9, -9999)]
    m = measure("octo/names", asked, jobs, pulls, since=at(-60), now=at(60))
    assert (m.requests, m.jobs, m.pulls, m.merged, m.closed, m.open) == (2, 8, 4, 2, 1, 1)
    assert (m.merged_unedited, m.reworked) == (1, 1)
    assert m.time_to_first_pull == Spread(count=2, median=60 * 18.5, p90=60 * 28)
    assert m.queue_wait == Spread(count=2, median=180, p90=240)
    [role] = m.roles
    assert (role.succeeded, role.failed, role.failures) == (3, 1, {"checks": 1})
    assert m.stuck == ("6-1",), "7-1 is to be tried later, and 8-1 waits for a person"
    assert (m.usd, m.usd_unknown, m.usd_per_merge, m.tokens) == (0.4, 1, 0.2, 900)
    shown = "\n".join(measures(m))
    assert "Merged without edits          1 of 2 (50 %)" in shown
    assert "6-1. See `pushpals status`." in shown
    assert "$0.40, 900 tokens; of 1 the price is not known" in shown


def test_nothing_asked_for_is_said_so() -> None:
    m = measure("octo/names", [], [], {}, since=at(-60), now=NOON)
    assert list(measures(m))[1].startswith("Nothing was asked for")
    assert m.usd_per_merge is None


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1))
def test_nine_of_ten_really_took_at_most_that_long(seconds: list[float]) -> None:
    spread = Spread.of(seconds)
    assert spread.median is not None
    assert spread.p90 is not None
    assert min(seconds) <= spread.median <= spread.p90 or len(seconds) < 3
    assert sum(one <= spread.p90 for one in seconds) * 10 >= 9 * len(seconds)


def test_a_timeline_steers_no_terminal_and_tells_what_a_call_cost() -> None:
    call: dict[str, JsonValue] = {
        "model": "small\x1b[31m",
        "tokens_in": 31000,
        "tokens_out": 20,
        "seconds": 1.5,
    }
    events = [
        AuditEvent(at=NOON, kind="state", text="Claimed.\x1b[2J", attributes={"state": "claimed"}),
        AuditEvent(at=at(1), kind="model_call", zone="model", text="two\nlines", attributes=call),
    ]
    short, whole = list(timeline(events)), list(timeline(events, full=True))
    assert short[0] == "2026-11-20 UTC"
    assert short[1].startswith("  12:00:00  +0 s      control  state       Claimed.")
    assert "31k in, 20 out, 1.5 s" in short[2]
    assert len(short) == 3
    assert "      | two" in whole
    assert not any("\x1b" in line for line in (*short, *whole))
