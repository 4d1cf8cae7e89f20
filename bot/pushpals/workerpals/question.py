"""The question of the guided mode: one function, what is wrong, and what little else helps to see why."""

from __future__ import annotations

from typing import Final

from pushpals.llm.api import Message
from pushpals.workerpals import prompts
from pushpals.workerpals.assignment import Assignment
from pushpals.workerpals.checks import FailingTest, clip
from pushpals.workerpals.context import CHARACTERS_PER_TOKEN
from pushpals.workerpals.functions import Unit
from pushpals.workerpals.localise import Codebase

HELPER_LINES: Final = 30
CONSTANT_LINES: Final = 15
"""Longer ones are not shown beside a function."""
MOST_HELPERS: Final = 3
SHARE: Final = 0.2
"""How much of the context each may take: the person's words, the test, what the test says."""


class Question:
    """Asks about one function of a repository after the other."""

    def __init__(self, assignment: Assignment, code: Codebase, nonce: str, context_tokens: int) -> None:
        self._assignment = assignment
        self._code = code
        self._open, self._close = prompts.fence(nonce)
        self._room = int(context_tokens * CHARACTERS_PER_TOKEN * SHARE)

    def shown_with(self, unit: Unit) -> list[Unit]:
        """Return a function and the constants of its file that it uses: the mistake may be in one of them."""
        used = (u for u in self._code.uses(unit.source, but=unit) if u.constant and u.path == unit.path)
        return [unit, *(u for u in used if u.source.count("\n") < CONSTANT_LINES)]

    def about(self, unit: Unit, test: FailingTest | None) -> list[Message]:
        """Return the messages that ask for a function, corrected, with the test that fails, if one does."""
        system = prompts.GUIDED_SYSTEM.format(
            open=self._open, close=self._close, instructions=self._assignment.instructions.strip()
        )
        request = clip(self._assignment.request_text, self._room)
        parts = [prompts.CAUSE.format(open=self._open, close=self._close, request=request)]
        if test and test.unit:
            parts.append(
                prompts.TEST.format(
                    path=test.unit.path,
                    language=test.unit.language,
                    source=clip(test.unit.source, self._room),
                    output=clip(test.output, self._room),
                )
            )
        elif test:
            parts.append(prompts.CHECK.format(command=test.command, output=clip(test.output, self._room)))
        shown = self.shown_with(unit)
        helpers = [
            u
            for u in self._code.uses(unit.source, but=unit)
            if u not in shown and u.source.count("\n") < HELPER_LINES
        ]
        if helpers:
            source = prompts.joined(helpers[:MOST_HELPERS])
            parts.append(prompts.REFERENCE.format(language=unit.language, source=source))
        ordered = prompts.joined(sorted(shown, key=lambda u: u.start))
        ask = prompts.SUSPECT if test else prompts.QUIET_SUSPECT
        parts.append(ask.format(name=unit.name, path=unit.path, language=unit.language, source=ordered))
        return [Message("system", system), Message("user", "\n".join(parts))]
