"""When GitHub says wait, and how writes are paced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.github.limits import Pacer, limited_until

NOW = 1_800_000_000.0
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
OUT = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 900)}
GRAPHQL = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}


@pytest.mark.parametrize(
    ("status", "headers", "answer", "wait"),
    [
        (403, {"retry-after": "30"} | OUT, SECONDARY, 30),
        (429, {"retry-after": "30"}, None, 30),
        (429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, 60),
        (403, OUT, {"message": "API rate limit exceeded"}, 901),
        (403, {}, SECONDARY, 60),
        (429, {}, None, 60),
        (200, OUT, GRAPHQL, 901),
        (200, {}, {"data": {"m0": None}, "errors": [SECONDARY]}, 60),
    ],
)
def test_a_limit_ends_when_github_says(status, headers, answer, wait):
    assert limited_until(status, headers, answer, now=NOW, attempt=1) == NOW + wait


@pytest.mark.parametrize(
    ("status", "headers", "answer"),
    [
        (200, OUT, {"data": {"viewer": {}}}),
        (200, {}, GRAPHQL | {"data": {"m0": {"clientMutationId": None}, "m1": None}}),
        (200, {}, {"data": None, "errors": [{"type": "NOT_FOUND", "message": "no"}]}),
        (403, {"x-ratelimit-remaining": "10"}, {"message": "Resource not accessible by integration"}),
        (404, OUT, {"message": "Not Found"}),
        (304, OUT, None),
        (502, {"retry-after": "3"}, None),
    ],
)
def test_other_answers_are_no_limit(status, headers, answer):
    assert limited_until(status, headers, answer, now=NOW, attempt=1) is None


def test_a_limit_without_an_end_is_waited_for_longer_each_time():
    waits = [limited_until(429, {}, None, now=NOW, attempt=attempt) for attempt in (1, 2, 3)]
    assert waits == [NOW + 60, NOW + 120, NOW + 240]


def test_a_handful_of_writes_never_waits():
    pacer = Pacer()
    assert [pacer.take(2, now=NOW) for _ in range(5)] == [0, 0, 0, 0, 0]


def test_writes_in_a_row_queue_in_order():
    pacer = Pacer()
    pacer.take(10, now=NOW)
    assert [pacer.take(1, now=NOW), pacer.take(3, now=NOW), pacer.take(1, now=NOW)] == [1, 4, 5]
    pacer.give_back(1)
    assert pacer.take(1, now=NOW + 2) == 3


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 30))))
def test_no_minute_sees_more_than_eighty_writes(steps):
    pacer, now, sent = Pacer(), NOW, []
    for writes, pause in steps:
        now += pause
        sent.append((now + pacer.take(writes, now=now), writes))
    for start, _ in sent:
        assert sum(writes for at, writes in sent if start <= at < start + 60) <= 80


@given(st.integers(-3600, 3600))
def test_a_clock_that_jumps_back_neither_adds_to_a_wait_nor_saves_it(jump):
    pacer = Pacer()
    pacer.take(10, now=NOW)
    assert pacer.take(1, now=NOW + jump) == (1 if jump <= 0 else 0)
