"""The free loop: ask the model, do what it asks with the tools, tell it what they say, until it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pushpals.llm.api import Completion, Message, Sampling, ToolCall, ToolSpec
from pushpals.model import CheckResult
from pushpals.workerpals import prompts
from pushpals.workerpals.assignment import Assignment
from pushpals.workerpals.bench import Bench, still_failing
from pushpals.workerpals.checks import clip, section
from pushpals.workerpals.context import CHARACTERS_PER_TOKEN, Answered, Conversation, Turn
from pushpals.workerpals.explore import Explorer
from pushpals.workerpals.metered import BudgetSpent, MeteredModel
from pushpals.workerpals.permit import Permit
from pushpals.workerpals.protocol import Misread, describe, parse_calls
from pushpals.workerpals.tools import LOOKING, Toolbox, specs_for

MOST_IDLE: Final = 3
"""Answers in a row that call no tool, or repeat themselves, before the loop gives up."""
MOST_COMPLAINTS: Final = 3
"""How often "done" is turned down because checks fail."""
ANSWER_TOKENS: Final = 2_000
LISTED: Final = 20
"""Paths of earlier work that are named."""
REQUEST_SHARE: Final = 0.25
"""How much of the context the person's words may take, and what failing checks say."""


class FreeLoop:
    """Lets the model choose what to look at and what to do."""

    def __init__(self, assignment: Assignment, bench: Bench, model: MeteredModel, nonce: str) -> None:
        self._bench = bench
        self._model = model
        self._native = model.model.native_tools
        self._specs = specs_for(assignment, native=self._native)
        self._names = [spec.name for spec in self._specs]
        self._tools = _toolbox(assignment, bench, model, self._specs)
        context = model.model.context_tokens
        opening = _opening(assignment, bench.best, nonce, native=self._native, context=context)
        self._conversation = Conversation(opening, context)
        self._idle = 0
        self._complaints = 0
        self._complained_at = -1
        """How many edits there were when "done" was last turned down."""
        self._last = ""

    async def run(self) -> str | None:
        """Work until the model is done. Returns its own summary, None when it gives up or takes no tools.

        When the budget ends in the middle, what is there is judged before BudgetSpent goes on. CommandAsked
        goes on as it is.
        """
        await self._bench.workspace.remember()
        try:
            return await self._run()
        except BudgetSpent:
            await self._bench.take_stock()
            raise

    async def _run(self) -> str | None:
        while self._idle < MOST_IDLE:
            answer = await self._ask()
            if self._native and not self._model.model.native_tools:
                return None  # The endpoint has just turned tools down.
            calls = answer.tool_calls or parse_calls(answer.text, self._names)
            self._watch_for_idling(answer, calls)
            done = next((c for c in calls if isinstance(c, ToolCall) and c.name == "done"), None)
            changed = self._tools.changed
            answers = [await self._use(call) for call in calls if call is not done]
            note = await self._note(calls, changed=self._tools.changed > changed and done is None)
            if done is not None:
                complaint = await self._complaint()
                if complaint is None:
                    return str(done.arguments.get("summary", ""))
                answers.append(Answered(done, complaint))
            said = Message("assistant", answer.text, tool_calls=answer.tool_calls)
            self._conversation.add(Turn(said, tuple(answers), note))
        return None

    async def _ask(self) -> Completion:
        return await self._model.ask(
            self._conversation.messages(),
            doing="work with the tools" if self._model.nearly_spent is None else "come to an end",
            tools=self._specs if self._native else (),
            sampling=Sampling(temperature=0.3 * self._idle, max_tokens=ANSWER_TOKENS, seed=self._idle),
        )

    async def _use(self, call: ToolCall | Misread) -> Answered:
        if isinstance(call, Misread):
            return Answered(ToolCall("", "the tool reader", {}), call.text)
        self._bench.understood += 1
        return Answered(call, await self._tools.use(call))

    def _watch_for_idling(self, answer: Completion, calls: Sequence[ToolCall | Misread]) -> None:
        wishes = [f"{call.name}{call.arguments}" for call in calls if isinstance(call, ToolCall)]
        told = "\n".join([answer.text, *wishes])
        useless = told == self._last or not wishes
        self._idle = self._idle + 1 if useless else 0
        self._last = told

    async def _note(self, calls: Sequence[ToolCall | Misread], *, changed: bool) -> str:
        """Return what the loop has to say besides: how the checks stand, and what is nearly spent."""
        notes = []
        if not calls:
            notes.append(prompts.NO_CALL)
        elif self._idle:
            notes.append(prompts.REPEATED)
        if changed and self._bench.quick and self._bench.base:
            failing = _first_failing(await self._bench.take_stock())
            notes.append(still_failing(failing, "") if failing else prompts.EVERYTHING_PASSES)
        if self._model.nearly_spent is not None:
            notes.append(prompts.NEAR_THE_END.format(spent=self._model.nearly_spent))
        return "\n".join(notes)

    async def _complaint(self) -> str | None:
        """Return why the work is not done yet; None when it is, or when saying so again is of no use."""
        self._bench.understood += 1
        failing = _first_failing(await self._bench.take_stock())
        self._complaints += 1
        if self._complaints > MOST_COMPLAINTS or self._model.turns_left <= 0:
            return None
        if not self._bench.workspace.changes():
            return prompts.NOTHING_CHANGED if self._complaints == 1 else None
        if self._complained_at == self._tools.changed:
            return None  # told once, and it has nothing to add: what still fails may be others' to mend
        self._complained_at = self._tools.changed
        return f"Not yet. {still_failing(failing, '')}" if failing else None


def _toolbox(assignment: Assignment, bench: Bench, model: MeteredModel, specs: Sequence[ToolSpec]) -> Toolbox:
    permit = Permit(assignment, bench.workspace, bench.emit, native=model.model.native_tools)
    looking = Toolbox(bench, model, LOOKING)
    explorer = Explorer(model, looking.use, LOOKING, bench.emit, assignment.explorers)
    return Toolbox(bench, model, specs, permit=permit, explorer=explorer)


def _first_failing(results: Sequence[CheckResult]) -> CheckResult | None:
    return next((result for result in results if not result.ok), None)


def _opening(
    assignment: Assignment, checks: Sequence[CheckResult], nonce: str, *, native: bool, context: int
) -> list[Message]:
    opening, closing = prompts.fence(nonce)
    system = prompts.FREE_SYSTEM.format(
        open=opening,
        close=closing,
        instructions=assignment.instructions.strip(),
        scope=", ".join(assignment.task.scope),
        tools="" if native else "\n" + describe(specs_for(assignment, native=False)),
    )
    room = int(context * CHARACTERS_PER_TOKEN * REQUEST_SHARE)
    wanted = "\n".join([assignment.request_text, *(f"- {item}" for item in assignment.task.acceptance)])
    failing = _first_failing(checks)
    output = section(failing.output, next(iter(failing.failing), "")) if failing else ""
    task = prompts.FREE_TASK.format(
        open=opening,
        close=closing,
        request=clip(wanted, room),
        checks="\n".join(f"- `{result.command}`: {result.summary}" for result in checks) or "- none",
        output=f"\n```\n{clip(output, room)}\n```" if output else "",
    ) + _since(assignment)
    return [Message("system", system), Message("user", task)]


def _since(assignment: Assignment) -> str:
    """Return what there is to say of earlier work on the task; nothing where there was none."""
    parts = []
    if assignment.checkpoint.files:
        parts.append(prompts.RESUMED.format(paths=", ".join(sorted(assignment.checkpoint.files)[:LISTED])))
    parts += [prompts.SAID_YES.format(command=command) for command in _agreed(assignment)]
    parts += [prompts.SAID_NO.format(command=command) for command in assignment.denied]
    return "".join(f"\n{part}" for part in parts)


def _agreed(assignment: Assignment) -> list[str]:
    """Return the commands that a person said yes to."""
    allowed = assignment.allowlist.exact if assignment.allowlist else frozenset()
    return sorted(allowed - set(assignment.checks))
