"""The conversation of the free loop, kept from growing faster than the work.

Old tool output is condensed to one line each, and in batches: between two batches the conversation only
grows at its end, so a server's prompt cache serves all of it but the newest messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pushpals.llm.api import Message, ToolCall
from pushpals.workerpals.checks import clip
from pushpals.workerpals.events import one_line

KEPT: Final = 8
"""Tool answers that are kept whole."""
BATCH: Final = 10
"""How many more there must be before any is condensed."""
SHORT: Final = 200
"""Answers of fewer characters are not worth condensing."""
RESERVED: Final = 2_000
"""Tokens left free for the answer and the tools' descriptions."""
CHARACTERS_PER_TOKEN: Final = 3.0
"""A low estimate for code, so that the conversation fits before a server says that it does not."""
_LEAST: Final = 300
"""Characters of the newest answer that are shown even where that is too much."""


@dataclass(frozen=True)
class Answered:
    """What a tool said."""

    call: ToolCall
    text: str


@dataclass(frozen=True)
class Turn:
    """What the model said, and what it was told."""

    said: Message
    answers: tuple[Answered, ...]
    note: str = ""
    """What the loop has to say besides."""


class Conversation:
    """Messages for the model: the opening, which never changes, then turns."""

    def __init__(self, opening: Sequence[Message], context_tokens: int) -> None:
        self._opening = list(opening)
        self._budget = max(RESERVED, context_tokens - RESERVED) * CHARACTERS_PER_TOKEN
        self._turns: list[Turn] = []

    def add(self, turn: Turn) -> None:
        """Append a turn, and condense old answers when a batch of them has come together."""
        self._turns.append(turn)
        if self._whole_answers() >= KEPT + BATCH:
            self._condense(KEPT)

    def messages(self) -> list[Message]:
        """Return the messages to send. They fit the model's context; what does not is dropped for good."""
        kept = KEPT
        while self._size() > self._budget and kept > 1:
            kept //= 2
            self._condense(kept)
        while self._size() > self._budget and len(self._turns) > 1:
            self._turns.pop(0)
        if self._size() > self._budget and self._turns:
            self._turns = [self._clipped(self._turns[0])]
        return [*self._opening, *(message for turn in self._turns for message in _told(turn))]

    def _clipped(self, turn: Turn) -> Turn:
        """Cut the answers of the only turn there is to what fits."""
        long = sum(len(answer.text) for answer in turn.answers)
        each = int(max(_LEAST, long - (self._size() - self._budget))) // max(1, len(turn.answers))
        return replace(turn, answers=tuple(replace(a, text=clip(a.text, each)) for a in turn.answers))

    def _whole_answers(self) -> int:
        return sum(len(answer.text) > SHORT for turn in self._turns for answer in turn.answers)

    def _condense(self, keep: int) -> None:
        """Cut all but the newest `keep` long answers to one line."""
        left = self._whole_answers() - keep
        for number, turn in enumerate(self._turns):
            answers = []
            for answer in turn.answers:
                is_long = len(answer.text) > SHORT
                short = replace(answer, text=_condensed(answer.text)) if is_long and left > 0 else answer
                answers.append(short)
                left -= is_long
            self._turns[number] = replace(turn, answers=tuple(answers))

    def _size(self) -> int:
        messages = [*self._opening, *(message for turn in self._turns for message in _told(turn))]
        calls = (call for message in messages for call in message.tool_calls)
        return sum(len(message.content) for message in messages) + sum(len(str(c.arguments)) for c in calls)


def _told(turn: Turn) -> list[Message]:
    """Return a turn as messages: those of tools where the model has called natively, else one of the user."""
    if turn.said.tool_calls:
        answers = [Message("tool", a.text, tool_call_id=a.call.id) for a in turn.answers]
        return [turn.said, *answers, *([Message("user", turn.note)] if turn.note else [])]
    parts = [f"{answer.call.name} says:\n{answer.text}" for answer in turn.answers]
    return [
        turn.said,
        Message("user", "\n\n".join([*parts, *([turn.note] if turn.note else [])]) or "Go on."),
    ]


def _condensed(text: str) -> str:
    first, *rest = text.splitlines() or [""]
    return f"{one_line(first, 120)} [… {len(rest)} more lines, condensed; look again if needed]"
