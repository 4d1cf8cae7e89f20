"""The guided mode: do the thinking for a small model, and leave it one small thing to write.

The failing test and the code it names are found first. The model is shown only that and asked for one corrected
function. Every answer is put to the test; what helps is kept, what does not is undone. A wrong answer is sent back
once with the evidence, then other places and other samples are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pushpals.llm.api import Message, Sampling
from pushpals.model import CheckResult
from pushpals.workerpals import prompts
from pushpals.workerpals.assignment import Assignment
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.checks import FailingTest, failing_units
from pushpals.workerpals.edits import EditError
from pushpals.workerpals.events import Note, ToolUsed, one_line
from pushpals.workerpals.functions import Unit
from pushpals.workerpals.localise import Codebase, Suspect, localise
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.rewrite import rewrite
from pushpals.workerpals.workspace import NotAllowed

MOST_SUSPECTS: Final = 5
ANSWER_TOKENS: Final = 900
FUNCTION_LINES: Final = 160
"""Longer functions are not asked for as a whole."""


@dataclass(frozen=True)
class Attempt:
    """One question: which suspect, drawn how, and whether a wrong answer is sent back once."""

    suspect: int
    temperature: float
    seed: int
    again: bool


SCHEDULE: Final = (
    Attempt(0, 0.0, 0, again=True),
    Attempt(1, 0.0, 0, again=True),
    Attempt(0, 0.6, 1, again=False),
    Attempt(0, 0.8, 2, again=True),
    Attempt(2, 0.0, 0, again=False),
    Attempt(1, 0.7, 3, again=False),
    Attempt(0, 0.9, 4, again=False),
    Attempt(3, 0.0, 0, again=False),
    Attempt(2, 0.7, 5, again=False),
    Attempt(0, 1.0, 6, again=True),
    Attempt(1, 1.0, 7, again=False),
    Attempt(4, 0.0, 0, again=False),
    Attempt(0, 1.0, 8, again=False),
)


class Guided:
    """Mends failing tests one function at a time."""

    def __init__(self, assignment: Assignment, bench: Bench, model: MeteredModel, nonce: str) -> None:
        self._assignment = assignment
        self._bench = bench
        self._model = model
        self._open, self._close = prompts.fence(nonce)
        self._tried: set[str] = set()

    async def mend(self, base: Sequence[CheckResult]) -> bool:
        """Try to make the failing checks pass; keeps the best change. Returns whether all checks pass."""
        code = Codebase(await self._bench.workspace.sources())
        failing = [test for result in base if not result.ok for test in failing_units(result, code)]
        if not failing:
            return False
        suspects = self._suspects(code, failing)
        if not suspects:
            return False
        first = suspects[0]
        self._bench.emit(Note(f"Looks at {first.unit.name} in {first.unit.path} first: {first.why}."))
        for attempt in SCHEDULE:
            if attempt.suspect < len(suspects) and await self._try(attempt, suspects, code, failing[0]):
                return True
        return False

    def _suspects(self, code: Codebase, failing: Sequence[FailingTest]) -> list[Suspect]:
        found = localise(
            code,
            self._assignment.request_text,
            outputs=[test.output for test in failing],
            tests=[test.unit for test in failing if test.unit],
            most=4 * MOST_SUSPECTS,
        )
        workspace = self._bench.workspace
        fitting = [
            suspect
            for suspect in found
            if workspace.may_write(suspect.unit.path) and suspect.unit.source.count("\n") < FUNCTION_LINES
        ]
        return fitting[:MOST_SUSPECTS]

    async def _try(self, attempt: Attempt, suspects: Sequence[Suspect], code: Codebase, test: FailingTest) -> bool:
        """Ask once or twice; returns whether all checks pass now."""
        unit = suspects[attempt.suspect].unit
        shown = [unit, *constants_of(unit, code)]
        messages = self._question(unit, shown, code, test)
        sampling = Sampling(
            temperature=attempt.temperature,
            top_p=0.95 if attempt.temperature else 1.0,
            max_tokens=ANSWER_TOKENS,
            seed=attempt.seed,
        )
        for repair in range(2 if attempt.again else 1):
            doing = f"{'mend' if repair else 'correct'} {unit.name} in {unit.path}"
            answer = await self._model.ask(messages, doing=doing, sampling=sampling)
            evidence = await self._judge(unit, shown, answer.text, test)
            if evidence is None:
                return True
            messages = [
                *messages,
                Message("assistant", answer.text),
                Message("user", prompts.AGAIN.format(evidence=evidence, name=unit.name)),
            ]
            sampling = replace(sampling, temperature=max(sampling.temperature, 0.2))
        return False

    async def _judge(self, unit: Unit, shown: Sequence[Unit], answer: str, test: FailingTest) -> str | None:
        """Put an answer to the test. Returns None when all checks pass, else what to tell the model."""
        workspace = self._bench.workspace
        before = workspace.before(unit.path) or ""
        try:
            new = rewrite(before, shown, answer)
        except EditError as error:
            self._bench.emit(ToolUsed("edit", one_line(f"{unit.path}: {error}"), answer))
            return str(error)
        if new in self._tried:
            return "That answer was tried before, and the test still fails. Try something else."
        self._tried.add(new)
        await workspace.restore({})
        try:
            self._bench.write(unit.path, new)
        except NotAllowed as error:
            return str(error)
        return await self._bench.verdict(test)

    def _question(self, unit: Unit, shown: Sequence[Unit], code: Codebase, test: FailingTest) -> list[Message]:
        system = prompts.GUIDED_SYSTEM.format(
            open=self._open, close=self._close, instructions=self._assignment.instructions.strip()
        )
        parts = [prompts.CAUSE.format(open=self._open, close=self._close, request=self._assignment.request_text)]
        if test.unit:
            parts.append(
                prompts.TEST.format(
                    path=test.unit.path, language=test.unit.language, source=test.unit.source, output=test.output
                )
            )
        helpers = [u for u in code.uses(unit.source, but=unit) if u not in shown and u.source.count("\n") < 30][:3]
        if helpers:
            parts.append(prompts.REFERENCE.format(language=unit.language, source=prompts.joined(helpers)))
        ordered = sorted(shown, key=lambda u: u.start)
        parts.append(
            prompts.SUSPECT.format(
                name=unit.name, path=unit.path, language=unit.language, source=prompts.joined(ordered)
            )
        )
        return [Message("system", system), Message("user", "\n".join(parts))]


def constants_of(unit: Unit, code: Codebase) -> list[Unit]:
    """Return the constants of the same file that a function uses: the mistake may be in one of them."""
    used: Iterator[Unit] = (u for u in code.uses(unit.source, but=unit) if u.constant and u.path == unit.path)
    return [u for u in used if u.source.count("\n") < 15]
