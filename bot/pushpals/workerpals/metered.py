"""The model behind a budget: every call is a turn, is counted, and is told to whoever watches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from pushpals.llm.api import Completion, Message, Sampling, ToolSpec
from pushpals.llm.errors import ModelError
from pushpals.model import Usage
from pushpals.workerpals.assignment import Assignment, ChatModel
from pushpals.workerpals.events import Emit, ModelCalled, TurnStarted, one_line

WARNING_TURNS: Final = 5
"""Turns that are left when the model is told to come to an end."""
WARNING_SHARE: Final = 0.85
"""How much of the tokens, the money or the time is spent then."""
MOST_GARBLED: Final = 3
"""Answers in a row that cannot be read before the model is given up."""


class BudgetSpent(Exception):  # noqa: N818 - reads as the state it reports
    """The next call would go beyond the budget. The message is a sentence that says which part is spent."""


class MeteredModel:
    """Asks a model as long as the budget lasts."""

    def __init__(
        self, assignment: Assignment, model: ChatModel, emit: Emit, clock: Callable[[], float]
    ) -> None:
        self.model = model
        self._budget = assignment.budget
        self._spent = assignment.spent
        self._emit = emit
        self._clock = clock
        self._started = clock()
        self._usage = Usage()
        self.commands = 0

    @property
    def turns_left(self) -> int:
        """How many times the model may still be asked."""
        return self._budget.max_turns - self._spent.turns - self._usage.turns

    @property
    def seconds_left(self) -> float:
        """Seconds until the time is spent."""
        return self._budget.max_minutes * 60 - self._spent.seconds - (self._clock() - self._started)

    @property
    def nearly_spent(self) -> str | None:
        """Say which part of the budget is nearly spent, as a sentence; None while there is enough of all."""
        budget, usd, tokens = self._budget, self._usd, self._tokens
        if self.turns_left <= WARNING_TURNS:
            return f"Only {self.turns_left} more turns may be taken."
        if tokens >= WARNING_SHARE * budget.max_tokens:
            return "Nearly all tokens are spent."
        if usd > 0 and usd >= WARNING_SHARE * budget.max_usd:
            return "Nearly all money is spent."
        if self.seconds_left <= (1 - WARNING_SHARE) * budget.max_minutes * 60:
            return "Nearly all time is spent."
        return None

    @property
    def _usd(self) -> float:
        return (self._usage.usd or 0.0) + (self._spent.usd or 0.0)

    @property
    def _tokens(self) -> int:
        return sum(used.tokens_in + used.tokens_out for used in (self._usage, self._spent))

    def usage(self, refused: int = 0) -> Usage:
        """Return what has been spent so far."""
        return self._usage.model_copy(
            update={"seconds": self._clock() - self._started, "commands": self.commands, "refused": refused}
        )

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        doing: str,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> Completion:
        """Take one turn; raises BudgetSpent, or ModelError from the model.

        An answer that cannot be read is asked for again, drawn otherwise: each time is a turn.
        """
        for seed in range(MOST_GARBLED):
            turn = self._begin(doing)
            try:
                return self._end(turn, await self.model.complete(messages, tools=tools, sampling=sampling))
            except ModelError as error:
                if error.cause != "garbage" or seed + 1 == MOST_GARBLED:
                    raise
            sampling = replace(sampling, temperature=max(sampling.temperature, 0.5), seed=seed + 1)
        raise AssertionError("the last try returns or raises")

    async def fill(self, prefix: str, suffix: str, *, doing: str, sampling: Sampling) -> Completion:
        """Take one turn to fill a gap; raises as `ask` does."""
        turn = self._begin(doing)
        return self._end(turn, await self.model.fill(prefix, suffix, sampling=sampling))

    def _begin(self, doing: str) -> int:
        self.require_budget()
        turn = self._spent.turns + self._usage.turns + 1
        self._usage = self._usage.model_copy(update={"turns": self._usage.turns + 1})
        self._emit(TurnStarted(turn, self._budget.max_turns, one_line(doing)))
        return turn

    def _end(self, turn: int, answer: Completion) -> Completion:
        self._count(answer)
        self._emit(
            ModelCalled(
                turn=turn,
                model=answer.model,
                tokens_in=answer.tokens_in,
                tokens_out=answer.tokens_out,
                tokens_cached=answer.tokens_cached,
                usd=answer.usd,
                seconds=answer.seconds,
                answer=answer.text,
            )
        )
        return answer

    def require_budget(self) -> None:
        """Raise BudgetSpent when nothing more may be asked."""
        budget, usd, tokens = self._budget, self._usd, self._tokens
        if self.turns_left <= 0:
            raise BudgetSpent(f"All {budget.max_turns} turns are taken.")
        if tokens >= budget.max_tokens:
            raise BudgetSpent(f"{tokens:,} of {budget.max_tokens:,} tokens are spent.")
        if self._usage.model_calls and self._usage.usd is None and not math.isinf(budget.max_usd):
            raise BudgetSpent(
                f"The price of this model is not known, so the cap of ${budget.max_usd:.2f} cannot be kept."
            )
        if usd > budget.max_usd or (usd == budget.max_usd and usd > 0):
            raise BudgetSpent(f"${usd:.2f} of ${budget.max_usd:.2f} are spent.")
        if self.seconds_left <= 0:
            raise BudgetSpent(f"The time of {budget.max_minutes:g} minutes is over.")

    def _count(self, answer: Completion) -> None:
        used = self._usage
        known = used.usd is not None and answer.usd is not None
        self._usage = used.model_copy(
            update={
                "model_calls": used.model_calls + 1,
                "tokens_in": used.tokens_in + answer.tokens_in,
                "tokens_out": used.tokens_out + answer.tokens_out,
                "usd": (used.usd or 0.0) + (answer.usd or 0.0) if known else None,
                "model": answer.model or used.model,
            }
        )
