"""Solve the bugs by the agent and by the floor, with the same model, and judge both by the unseen tests.

Results go to a file, one line each: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from bench.agent import whole_file
from bench.agent.absent import Absent
from bench.agent.corpus import CHECK, Case, load
from bench.agent.figure import figure
from bench.agent.results import Result, Way
from bench.report import load as load_figures
from bench.report import page, save
from pushpals.llm import Completion, Message, ModelError, Sampling, ToolSpec
from pushpals.llm.api import GREEDY
from pushpals.local.model import Surroundings, Wanted, choose_model
from pushpals.local.sample.markdown import unpack
from pushpals.model import Budget, Task
from pushpals.sandbox import Limits, Sandbox, SandboxProvider, choose
from pushpals.workerpals import AgentEvent, Assignment, work
from pushpals.workerpals.assignment import ChatModel
from pushpals.workerpals.checks import run_check

WAYS: Final[tuple[Way, ...]] = ("agent", "whole file")
SECONDS: Final = 1800.0
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


async def solve(case: Case, way: Way, sandboxes: SandboxProvider, model: ChatModel, folder: Path) -> Result:
    """Have one of the ways work on a bug in an empty folder, then run the unseen tests."""
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
                else:
                    await whole_file.solve(case, sandbox, counted, CHECK_SECONDS)
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


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table: how many bugs of each kind each way mended, and at what cost."""
    lines = ["| Kind | Half | Way | Mended | Tokens | Seconds | Tries |", "|---|---|---|---|---|---|---|"]
    kinds = sorted({result.kind for result in results})
    for half in ("tuning", "held out"):
        for kind in (*kinds, "all"):
            for way in WAYS:
                some = [r for r in results if r.way == way and r.half == half and kind in {r.kind, "all"}]
                if some:
                    mended = f"{sum(r.right for r in some)} of {len(some)}"
                    sums = (sum(r.tokens for r in some), round(sum(r.seconds for r in some)))
                    tries = sum(r.tries for r in some)
                    lines.append(f"| {kind} | {half} | {way} | {mended} | {sums[0]} | {sums[1]} | {tries} |")
    return "\n".join(lines)


async def run(
    cases: Sequence[Case],
    model: ChatModel,
    sandboxes: SandboxProvider,
    raw: Path,
    ways: Sequence[Way] = WAYS,
) -> list[Result]:
    """Solve the bugs that the file of results does not tell of yet, by each way; returns all results."""
    done = {(result.bug, result.way): result for result in _earlier(raw)}
    wanted = [(case, way) for way in ways for case in cases]
    for case, way in wanted:
        if (case.bug.name, way) not in done:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                result = await solve(case, way, sandboxes, model, Path(folder))
            done[case.bug.name, way] = result
            with raw.open("a", encoding="utf-8") as file:
                file.write(result.model_dump_json() + "\n")
    return [done[case.bug.name, way] for case, way in wanted]


def _earlier(raw: Path) -> list[Result]:
    """Return the results that a file holds, none where there is no file."""
    lines = raw.read_text(encoding="utf-8").splitlines() if raw.exists() else []
    return [Result.model_validate_json(line) for line in lines]


async def _embedded(cases: Sequence[Case], raw: Path, ways: Sequence[Way]) -> list[Result]:
    cache = Path.home() / ".cache" / "pushpals"
    chosen = await choose_model(Wanted(name="embedded"), Surroundings(cache=cache, environ=os.environ))
    model = chosen.connect()
    try:
        return await run(cases, model, await choose("bubblewrap", None, []), raw, ways)
    finally:
        await model.close()
        await chosen.close()


def main() -> None:
    """Read the arguments, solve, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.agent.run", description=__doc__)
    parser.add_argument("--half", choices=("tuning", "held-out"))
    parser.add_argument("--way", choices=("agent", "whole-file"), help="only one of the two")
    parser.add_argument("--only", help="the name of a bug")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--without-model", action="store_true", help="only what small changes mend")
    parser.add_argument("--write", action="store_true", help="put the results into docs/benchmarks.md")
    parser.add_argument("--page-only", action="store_true", help="write the page from the file of results")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "bench-agent.jsonl")
    given = parser.parse_args()
    half = given.half and given.half.replace("-", " ")
    cases = [c for c in load() if half in {None, c.half} and given.only in {None, c.bug.name}]
    ways = [way for way in WAYS if given.way in {None, way.replace(" ", "-")}]
    if not cases:
        parser.error("There is no such bug.")
    found = cases[: given.limit]
    if not given.page_only:
        going = (
            _without(found, given.results) if given.without_model else _embedded(found, given.results, ways)
        )
        asyncio.run(going)
    results = _earlier(given.results)
    sys.stdout.write(table(results) + "\n")
    if given.write or given.page_only:
        docs = Path(__file__).parents[2] / "docs"
        save(figure(results, _taken(), without_model=given.without_model), docs / "benchmarks")
        (docs / "benchmarks.md").write_text(page(load_figures(docs / "benchmarks")))


def _taken() -> str:
    """Return when this is and on what, for the page."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return (
        f"{when} on {os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} at the end"
    )


async def _without(cases: Sequence[Case], raw: Path) -> list[Result]:
    return await run(cases, Absent(), await choose("bubblewrap", None, []), raw, ("agent",))


if __name__ == "__main__":
    main()
