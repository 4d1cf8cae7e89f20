"""The arithmetic of budgets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import Budget, Usage
from pushpals.policy.budget import Remaining, exceeded, refuse_model, remaining

BUDGET = Budget(max_turns=10, max_tokens=1000, max_usd=1.0, max_minutes=5)


def test_what_is_left_never_falls_below_zero() -> None:
    usage = Usage(turns=12, tokens_in=600, tokens_out=300, usd=0.25, seconds=600)
    assert remaining(BUDGET, usage) == Remaining(turns=0, tokens=100, usd=0.75, minutes=0)
    assert remaining(BUDGET, usage, elapsed_seconds=60).minutes == 4


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (Usage(), None),
        (Usage(turns=9, tokens_in=999, usd=0.99, seconds=299), None),
        (Usage(turns=10), "10 of 10 turns are used"),
        (Usage(tokens_in=900, tokens_out=100), "1000 of 1000 tokens are used"),
        (Usage(usd=1.0), "$1.00 of $1.00 are spent"),
        (Usage(seconds=300), "the 5 minutes are over"),
        (Usage(usd=None), "the price of the model is not known, so the cap of $1.00 cannot be kept"),
    ],
)
def test_the_reason_to_stop_is_told(usage: Usage, reason: str | None) -> None:
    assert exceeded(BUDGET, usage) == reason


def test_the_callers_clock_counts_when_it_is_given() -> None:
    assert exceeded(BUDGET, Usage(seconds=0), elapsed_seconds=301) == "the 5 minutes are over"
    assert exceeded(BUDGET, Usage(seconds=9999), elapsed_seconds=1) is None


def test_a_cap_of_zero_is_kept_by_spending_nothing() -> None:
    free = BUDGET.model_copy(update={"max_usd": 0.0})
    assert exceeded(free, Usage(usd=0.0)) is None
    assert exceeded(free, Usage(usd=0.01)) == "$0.01 of $0.00 are spent"


def test_without_a_cap_a_price_need_not_be_known() -> None:
    open_ended = BUDGET.model_copy(update={"max_usd": math.inf})
    assert exceeded(open_ended, Usage(usd=None)) is None
    assert exceeded(open_ended, Usage(usd=1e6)) is None


@pytest.mark.parametrize(
    ("max_usd", "price_known", "free", "refused"),
    [
        (1.0, True, False, None),
        (1.0, False, False, "price of this model is not known"),
        (1.0, False, True, None),
        (0.0, True, False, "only local models"),
        (0.0, False, True, None),
        (math.inf, False, False, None),
    ],
)
def test_a_model_whose_price_cannot_be_kept_is_refused_before_the_start(
    max_usd: float, price_known: bool, free: bool, refused: str | None
) -> None:
    budget = BUDGET.model_copy(update={"max_usd": max_usd})
    reason = refuse_model(budget, price_known=price_known, free=free)
    assert reason is None if refused is None else refused in str(reason)


USAGES = st.builds(
    Usage,
    turns=st.integers(0, 20),
    tokens_in=st.integers(0, 2000),
    tokens_out=st.integers(0, 2000),
    usd=st.none() | st.floats(0, 3),
    seconds=st.floats(0, 900),
)


@given(USAGES, st.integers(0, 5), st.integers(0, 500), st.floats(0, 1), st.floats(0, 100))
def test_spending_more_never_gives_a_budget_back(
    usage: Usage, turns: int, tokens: int, usd: float, seconds: float
) -> None:
    more = usage.model_copy(
        update={
            "turns": usage.turns + turns,
            "tokens_in": usage.tokens_in + tokens,
            "usd": None if usage.usd is None else usage.usd + usd,
            "seconds": usage.seconds + seconds,
        }
    )
    assert exceeded(BUDGET, usage) is None or exceeded(BUDGET, more) is not None
