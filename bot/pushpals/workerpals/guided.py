"""The guided mode: do the thinking for a small model, and leave it one small thing to write.

The failing test and the code it names are found first. The model is shown only that and asked for one
corrected function. Every answer is put to the test; what helps is kept, what does not is undone. A wrong
answer is sent back once with the evidence, then other places and other samples are tried.

Where no test fails, the request's words lead to the code, and an answer on which several samples agree is
taken: nothing proves it, which the report says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pushpals.llm.api import Message, Sampling
from pushpals.workerpals import prompts
from pushpals.workerpals.assignment import Assignment
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.checks import FailingTest, failing_units
from pushpals.workerpals.edits import EditError
from pushpals.workerpals.events import Note, ToolUsed, one_line
from pushpals.workerpals.functions import Unit
from pushpals.workerpals.infill import Infill
from pushpals.workerpals.localise import Codebase, Suspect, localise
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.question import Question
from pushpals.workerpals.repair import Repair
from pushpals.workerpals.rewrite import Unchanged, rewrite, same_meaning
from pushpals.workerpals.workspace import NotAllowed

MOST_SUSPECTS: Final = 5
MOST_NONSENSE: Final = 4
"""Answers in a row, from the first on, that cannot be read: more would not be better."""
MOST_TESTS: Final = 40
"""Tests that lead to code where none is named as failing."""
ANSWER_TOKENS: Final = 900
FUNCTION_LINES: Final = 160
"""Longer functions are not asked for as a whole."""


@dataclass(frozen=True)
class Attempt:
    """One question: which suspect, drawn how, and whether a wrong answer is sent back once."""

    suspect: int
    temperature: float
    seed: int
    again: bool = False

    @property
    def sampling(self) -> Sampling:
        """How the answer is drawn."""
        top_p = 0.95 if self.temperature else 1.0
        return Sampling(self.temperature, top_p=top_p, max_tokens=ANSWER_TOKENS, seed=self.seed)


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
QUIET: Final = tuple(
    Attempt(suspect, temperature, seed)
    for suspect in range(3)
    for seed, temperature in enumerate((0.0, 0.4, 0.6, 0.8, 0.8))
)
"""What is asked where no test fails: several answers for each suspect, until two of them agree."""


class Guided:
    """Mends failing tests one function at a time."""

    def __init__(self, assignment: Assignment, bench: Bench, model: MeteredModel, nonce: str) -> None:
        self._assignment = assignment
        self._bench = bench
        self._model = model
        self._nonce = nonce
        self._tried: set[str] = set()
        self._nonsense = 0

    async def mend(self) -> bool:
        """Try to make the failing checks pass, else to do what the request says; keeps the best change.

        Returns whether there is a change now and all checks pass.
        """
        code = Codebase(await self._bench.workspace.sources())
        failing = [test for result in self._bench.base for test in failing_units(result, code)]
        failing = self._own(code, failing)
        suspects = self._suspects(code, failing)
        if not suspects or (not failing and not self._bench.green):
            return False
        first = suspects[0]
        self._bench.emit(Note(f"Looks at {first.unit.name} in {first.unit.path} first: {first.why}."))
        question = Question(self._assignment, code, self._nonce, self._model.model.context_tokens)
        if not failing:
            return await self._agree(suspects, question)
        if self._model.model.fills:
            if await Repair(self._assignment, self._bench, self._model, failing[0], self._nonce).mend(
                suspects
            ):
                return True
            frames = code.frames(failing[0].output)
            infill = Infill(self._assignment, self._bench, self._model, failing[0], frames)
            if await infill.mend(suspects):
                return True
        for attempt in SCHEDULE:
            if self._nonsense >= MOST_NONSENSE and not self._bench.understood:
                break
            if attempt.suspect < len(suspects) and await self._try(
                attempt, suspects[attempt.suspect].unit, question, failing[0]
            ):
                return True
        return False

    def _own(self, code: Codebase, failing: list[FailingTest]) -> list[FailingTest]:
        """Return the failing tests that speak of code this task may change, where its scope leaves some out.

        The others are another task's: nothing that is done here could make them pass.
        """
        workspace = self._bench.workspace
        if all(workspace.may_write(unit.path) for unit in code.code):
            return failing
        own = [
            test
            for test in failing
            if any(
                workspace.may_write(unit.path)
                for unit in code.uses(f"{test.unit.source if test.unit else ''}\n{test.output}", test.unit)
            )
        ]
        if own and len(own) < len(failing):
            self._bench.aims = frozenset(test.name for test in own)
        return own or failing

    def _suspects(self, code: Codebase, failing: Sequence[FailingTest]) -> list[Suspect]:
        # A check that was cut off names no test: any of them may be the one that hangs.
        named = [test.unit for test in failing if test.unit]
        found = localise(
            code,
            self._assignment.request_text,
            outputs=[test.output for test in failing],
            tests=named or (code.tests[:MOST_TESTS] if failing else []),
            most=4 * MOST_SUSPECTS,
        )
        workspace = self._bench.workspace
        fitting = [
            suspect
            for suspect in found
            if workspace.may_write(suspect.unit.path) and suspect.unit.source.count("\n") < FUNCTION_LINES
        ]
        return fitting[:MOST_SUSPECTS]

    async def _try(self, attempt: Attempt, unit: Unit, question: Question, test: FailingTest) -> bool:
        """Ask once or twice; returns whether all checks pass now."""
        messages, sampling = question.about(unit, test), attempt.sampling
        for repair in range(2 if attempt.again else 1):
            doing = f"{'mend' if repair else 'correct'} {unit.name} in {unit.path}"
            answer = await self._model.ask(messages, doing=doing, sampling=sampling)
            evidence = await self._judge(unit, question, answer.text, test)
            if evidence is None:
                return True
            messages = [
                *messages,
                Message("assistant", answer.text),
                Message("user", prompts.AGAIN.format(evidence=evidence, name=unit.name)),
            ]
            sampling = replace(sampling, temperature=max(sampling.temperature, 0.2))
        return False

    async def _judge(self, unit: Unit, question: Question, answer: str, test: FailingTest) -> str | None:
        """Put an answer to the test. Returns None when all checks pass, else what to tell the model."""
        try:
            new = self._read(unit, question, answer)
        except EditError as error:
            return str(error)
        if new in self._tried:
            return "That answer was tried before, and the test still fails. Try something else."
        self._tried.add(new)
        await self._bench.workspace.restore({})
        try:
            self._bench.write(unit.path, new)
        except NotAllowed as error:
            return str(error)
        return await self._bench.verdict(test)

    def _read(self, unit: Unit, question: Question, answer: str) -> str:
        """Return the file's text with the answer in it; raises EditError."""
        before = self._bench.workspace.before(unit.path) or ""
        try:
            new = rewrite(before, question.shown_with(unit), answer)
        except EditError as error:
            self._bench.emit(ToolUsed("edit", one_line(f"{unit.path}: {error}"), answer))
            if isinstance(error, Unchanged):
                self._bench.understood += 1
            else:
                self._nonsense += 1
            raise
        self._bench.understood += 1
        return new

    async def _agree(self, suspects: Sequence[Suspect], question: Question) -> bool:
        """Ask about one suspect after the other until two answers to one mean the same; keeps that change."""
        answers: dict[int, list[str]] = {}
        for attempt in QUIET:
            if attempt.suspect >= len(suspects) or (
                self._nonsense >= MOST_NONSENSE and not self._bench.understood
            ):
                break
            unit = suspects[attempt.suspect].unit
            asked = await self._model.ask(
                question.about(unit, None),
                doing=f"look at {unit.name} in {unit.path}",
                sampling=attempt.sampling,
            )
            try:
                new = self._read(unit, question, asked.text)
            except EditError:
                continue
            before = answers.setdefault(attempt.suspect, [])
            agreeing = [other for other in before if same_meaning(unit.path, new, other)]
            before.append(new)
            if agreeing and await self._keep(unit, min([*agreeing, new], key=len)):
                return True
        first = next(iter(answers.items()), None)
        return first is not None and await self._keep(suspects[first[0]].unit, first[1][0])

    async def _keep(self, unit: Unit, new: str) -> bool:
        """Make the change; returns whether all checks still pass with it."""
        await self._bench.workspace.restore({})
        try:
            self._bench.write(unit.path, new)
        except NotAllowed:
            return False
        return await self._bench.verdict(None, rather=True) is None
