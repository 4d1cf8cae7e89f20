"""The arithmetic of budgets. Every function is pure; the clock is the caller's."""

from __future__ import annotations

import math

from pushpals.model import Budget, Frozen, Usage


class Remaining(Frozen):
    """What a job may still spend, never below zero. `usd` is None when what was spent is not known."""

    turns: int
    tokens: int
    usd: float | None
    minutes: float


def remaining(budget: Budget, usage: Usage, elapsed_seconds: float | None = None) -> Remaining:
    """Return what is left of `budget`; the time spent is `elapsed_seconds`, else what `usage` says."""
    seconds = usage.seconds if elapsed_seconds is None else elapsed_seconds
    return Remaining(
        turns=max(0, budget.max_turns - usage.turns),
        tokens=max(0, budget.max_tokens - usage.tokens_in - usage.tokens_out),
        usd=None if usage.usd is None else max(0.0, budget.max_usd - usage.usd),
        minutes=max(0.0, budget.max_minutes - seconds / 60),
    )


def exceeded(budget: Budget, usage: Usage, elapsed_seconds: float | None = None) -> str | None:
    """Return why no further step may be taken, such as `50 of 50 turns are used`, or None.

    A price that is not known counts as over any money cap, because nobody could tell when it is.
    """
    left = remaining(budget, usage, elapsed_seconds)
    if left.turns == 0:
        return f"{usage.turns} of {budget.max_turns} turns are used"
    if left.tokens == 0:
        return f"{usage.tokens_in + usage.tokens_out} of {budget.max_tokens} tokens are used"
    if left.minutes == 0:
        return f"the {budget.max_minutes:g} minutes are over"
    if math.isinf(budget.max_usd):
        return None
    if usage.usd is None:
        return f"the price of the model is not known, so the cap of ${budget.max_usd:.2f} cannot be kept"
    # A cap of 0 is kept by spending nothing; any other is reached when it is spent.
    if usage.usd > budget.max_usd or (budget.max_usd > 0 and left.usd == 0):
        return f"${usage.usd:.2f} of ${budget.max_usd:.2f} are spent"
    return None


def refuse_model(budget: Budget, *, price_known: bool, free: bool) -> str | None:
    """Return why a job may not start with a model, or None. `free`: a local endpoint, which costs nothing."""
    if free or math.isinf(budget.max_usd):
        return None
    if budget.max_usd == 0:
        return "the budget allows only local models (budget.usd is 0); choose a local one or raise budget.usd"
    if not price_known:
        return (
            f"the price of this model is not known, so the cap of ${budget.max_usd:.2f} cannot be kept; "
            "choose a local model or one with a known price, or set budget.usd to .inf"
        )
    return None
