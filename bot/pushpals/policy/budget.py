"""The arithmetic of budgets. Every function is pure; the clock is the caller's."""

from __future__ import annotations

import math

from pushpals.model import Budget, Frozen, Spending, Usage
from pushpals.policy.repo_policy import RepoPolicy


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


def day_over(policy: RepoPolicy, spent: Spending, factor: float = 1.0) -> str | None:
    """Return why nothing more may be spent today, as a sentence, or None.

    `factor` is what people have raised the budget of the job in question by: it holds for the day as well.
    """
    tokens, usd = int(policy.budget.day_tokens * factor), policy.budget.day_usd * factor
    if spent.tokens >= tokens:
        rule = f"`budget.day_tokens`, {policy.where('budget.day_tokens')}"
        return f"{spent.tokens:,} of {tokens:,} tokens of this repository's day are spent ({rule})."
    if spent.usd > usd or (usd > 0 and spent.usd == usd):
        rule = f"`budget.day_usd`, {policy.where('budget.day_usd')}"
        return f"${spent.usd:.2f} of ${usd:.2f} of this repository's day are spent ({rule})."
    return None


def questions_over(policy: RepoPolicy, spent: Spending) -> str | None:
    """Return why a model is asked no further question today, as a sentence, or None."""
    if spent.questions >= policy.budget.questions:
        rule = f"`budget.questions`, {policy.where('budget.questions')}"
        return f"{spent.questions} questions were asked in this repository today, and more are not ({rule})."
    return day_over(policy, spent)


def within_day(
    budget: Budget, used: Usage, policy: RepoPolicy, spent: Spending | None, factor: float
) -> Budget:
    """Return a job's budget cut to what is left of the day; `used` is what the job has spent of it so far.

    A cap in money that was lifted stays lifted: of a model without a known price, no money is counted.
    """
    if spent is None:
        return budget
    tokens = max(0, int(policy.budget.day_tokens * factor) - spent.tokens)
    usd = max(0.0, policy.budget.day_usd * factor - spent.usd)
    lifted = math.isinf(budget.max_usd)
    return budget.model_copy(
        update={
            "max_tokens": min(budget.max_tokens, used.tokens_in + used.tokens_out + tokens),
            "max_usd": budget.max_usd if lifted else min(budget.max_usd, (used.usd or 0.0) + usd),
        }
    )
