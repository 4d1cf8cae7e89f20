"""The ways that are compared, each given the same bug in the same sandbox, and judged by the same tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from bench.agent import mini, whole_file
from bench.agent.corpus import CHECK, Case
from bench.agent.results import Result, Way
from pushpals.llm import Completion, Message, ModelError, Sampling, ToolSpec
from pushpals.llm.api import GREEDY
from pushpals.local.sample.markdown import unpack
from pushpals.model import Budget, Task
from pushpals.sandbox import Limits, Sandbox, SandboxProvider
from pushpals.workerpals import AgentEvent, Assignment, work
from pushpals.workerpals.assignment import ChatModel
from pushpals.workerpals.checks import run_check

WAYS: Final[tuple[Way, ...]] = ("agent", "whole file", "mini-swe-agent")
SECONDS: Final = 3600.0
"""Where a way is stopped that hangs. Tries and tokens limit them: a busy machine decides nothing."""
TOKENS: Final = 16_000
"""What the agent may send and be sent on a bug; the whole-file way has its four tries."""
CHECK_SECONDS: Final = 10.0
"""How long the tests may run: those of an endless loop run so long each time."""


class Counted:
    """A model that counts what is asked of it, so that nothing is lost when a way is stopped."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self.native_tools, self.context_tokens, self.fills = (
            model.native_tools,
            model.context_tokens,
            model.fills,
        )
        self.tries = self.tokens_in = self.tokens_out = 0
        self.seconds = 0.0

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """As the model does."""
        return await self._count(self._model.fill(prefix, suffix, sampling=sampling))

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        """As the model does."""
        return await self._count(self._model.complete(messages, tools=tools, sampling=sampling))

    async def _count(self, asked: Awaitable[Completion]) -> Completion:
        self.tries += 1
        began = time.monotonic()
        try:
            answer = await asked
        finally:
            self.seconds += time.monotonic() - began
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out
        return answer

    def add(self, spent: mini.Spent) -> None:
        """Count what a way has spent that asks the model by itself."""
        self.tries += spent.tries
        self.tokens_in += spent.tokens_in
        self.tokens_out += spent.tokens_out


async def solve(
    case: Case,
    way: Way,
    sandboxes: SandboxProvider,
    model: ChatModel,
    folder: Path,
    served: mini.Served | None = None,
) -> Result:
    """Have one of the ways work on a bug in an empty folder, then run the unseen tests.

    `served` is where mini-swe-agent finds the model.
    """
    unpack(case.workspace(), folder)
    sandbox = await sandboxes.open(folder, Limits())
    began = time.monotonic()
    counted = Counted(model)
    stopped = False
    try:
        try:
            async with asyncio.timeout(SECONDS):
                if way == "agent":
                    await _agent(case, sandbox, counted)
                elif way == "whole file":
                    await whole_file.solve(case, sandbox, counted, CHECK_SECONDS)
                elif served is not None:
                    counted.add(await mini.solve(case, sandbox, served))
        except (TimeoutError, ModelError):
            stopped = True  # What it has done until then is judged.
        seconds = time.monotonic() - began
        unpack({"conftest.py": "", "test_program.py": case.seen}, folder)
        seen = await run_check(sandbox, CHECK, CHECK_SECONDS)
        unpack({"test_program.py": case.unseen}, folder)
        unseen = await run_check(sandbox, CHECK, CHECK_SECONDS)
    finally:
        await sandbox.close()
    bug = case.bug
    return Result(
        bug=bug.name, kind=bug.kind, half=case.half, way=way, right=seen.ok and unseen.ok, seen=seen.ok,
        tries=counted.tries, tokens_in=counted.tokens_in, tokens_out=counted.tokens_out,
        seconds=round(seconds, 1), model_seconds=round(counted.seconds, 1), stopped=stopped,
    )  # fmt: skip


async def _agent(case: Case, sandbox: Sandbox, model: ChatModel) -> None:
    """Work on the bug as on a job: the same call, instructions and scope."""
    title = case.bug.issue.partition("\n")[0]
    instructions = (resources.files("pushpals") / "roles" / "bug_fixer.md").read_text(encoding="utf-8")
    minutes = CHECK_SECONDS / 60
    assignment = Assignment(
        task=Task(goal=title, scope=tuple(case.program), checks=(CHECK,), check_minutes=(minutes,)),
        request_text=case.bug.issue,
        instructions=instructions,
        checks=(CHECK,),
        budget=Budget(max_tokens=TOKENS),
        fence="0" * 16,
    )
    await work(assignment, sandbox, model, _silent, clock=time.monotonic)


def _silent(event: AgentEvent) -> None:
    """Tell nobody."""
