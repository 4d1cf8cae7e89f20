"""The ways that are compared, each given the same bug in the same sandbox, and judged by the same tests."""

from __future__ import annotations

import asyncio
import time
from importlib import resources
from pathlib import Path
from typing import Final

from bench.agent import mini, whole_file
from bench.agent.corpus import CHECK, Case
from bench.agent.results import Result, Way
from bench.watch import TimedModel, Watch
from pushpals.llm import ChatModel, ModelError
from pushpals.local.sample.markdown import unpack
from pushpals.model import Budget, Task
from pushpals.sandbox import Limits, Sandbox, SandboxProvider
from pushpals.workerpals import AgentEvent, Assignment, work
from pushpals.workerpals.checks import run_check

WAYS: Final[tuple[Way, ...]] = ("agent", "whole file", "mini-swe-agent")
SECONDS: Final = 3600.0
"""Where a way is stopped that hangs. Tries and tokens limit them: a busy machine decides nothing."""
TOKENS: Final = 16_000
"""What the agent may send and be sent on a bug; the whole-file way has its four tries."""
CHECK_SECONDS: Final = 10.0
"""How long the tests may run: those of an endless loop run so long each time."""


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
    watch = Watch()
    timed = TimedModel(model, watch)
    stopped = False
    try:
        try:
            async with asyncio.timeout(SECONDS):
                if way == "agent":
                    await _agent(case, sandbox, timed)
                elif way == "whole file":
                    await whole_file.solve(case, sandbox, timed, CHECK_SECONDS)
                elif served is not None:
                    spent = await mini.solve(case, sandbox, served)
                    watch.add(tries=spent.tries, tokens_in=spent.tokens_in, tokens_out=spent.tokens_out)
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
        tries=watch.tries, tokens_in=watch.tokens_in, tokens_out=watch.tokens_out,
        seconds=round(seconds, 1), model_seconds=round(watch.seconds, 1), stopped=stopped,
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
