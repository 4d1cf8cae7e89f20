# ruff: noqa: ARG002 - it takes what a model takes
"""No model: it takes the first of several changes that pass, and fails when it is asked for anything else.

What is mended with it is mended by small changes and the tests alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from pushpals.llm import Completion, Message, ModelError, Sampling, ToolSpec
from pushpals.llm.api import GREEDY


class Absent:
    """Stands where a model would."""

    name = "none"
    native_tools = False
    fills = True
    context_tokens = 8_192

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        """Answer 1 where a number is asked for."""
        if "its number only" in messages[-1].content:
            return Completion("1")
        raise _AWAY

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Fail."""
        raise _AWAY

    async def close(self) -> None:
        """Do nothing."""


_AWAY = ModelError("unreachable", "There is no model here.", "Leave out --without-model.")
