"""Solve the bugs by the agent and by the floor, with the same model, and judge both by the unseen tests.

Results go to a file, one line each: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel

from bench.agent import whole_file
from bench.agent.corpus import CHECK, Case, load
from pushpals.local.model import Surroundings, Wanted, choose_model
from pushpals.local.sample.markdown import unpack
from pushpals.model import Budget, Task
from pushpals.sandbox import Limits, Sandbox, SandboxProvider, choose
from pushpals.workerpals import AgentEvent, Assignment, work
from pushpals.workerpals.assignment import ChatModel
from pushpals.workerpals.checks import run_check

Way = Literal["agent", "whole file"]
WAYS: Final[tuple[Way, ...]] = ("agent", "whole file")
SECONDS: Final = 300.0
"""How long either may work on a bug."""
CHECK_SECONDS: Final = 10.0
"""How long the tests may run: those of an endless loop run so long each time."""


class Result(BaseModel):
    """What became of one bug by one way."""

    bug: str
    kind: str
    half: str
    way: Way
    right: bool
    """Whether the unseen tests pass."""
    seen: bool
    """Whether the tests that were shown pass."""
    tries: int
    tokens: int
    seconds: float


async def solve(case: Case, way: Way, sandboxes: SandboxProvider, model: ChatModel, folder: Path) -> Result:
    """Have one of the ways work on a bug in an empty folder, then run the unseen tests."""
    unpack(case.workspace(), folder)
    sandbox = await sandboxes.open(folder, Limits())
    began = time.monotonic()
    spent = whole_file.Spent()
    try:
        try:
            async with asyncio.timeout(SECONDS):
                if way == "agent":
                    spent = await _agent(case, sandbox, model)
                else:
                    spent = await whole_file.solve(case, sandbox, model, CHECK_SECONDS)
        except TimeoutError:
            pass  # What it has done until then is judged.
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
        tries=spent.tries, tokens=spent.tokens, seconds=round(seconds, 1),
    )  # fmt: skip


async def _agent(case: Case, sandbox: Sandbox, model: ChatModel) -> whole_file.Spent:
    """Work on the bug as on a job: the same call, instructions and scope."""
    title = case.bug.issue.partition("\n")[0]
    instructions = (resources.files("pushpals") / "roles" / "bug_fixer.md").read_text(encoding="utf-8")
    minutes = CHECK_SECONDS / 60
    assignment = Assignment(
        task=Task(goal=title, scope=tuple(case.program), checks=(CHECK,), check_minutes=(minutes,)),
        request_text=case.bug.issue,
        instructions=instructions,
        checks=(CHECK,),
        budget=Budget(),
        fence="0" * 16,
    )
    outcome = await work(assignment, sandbox, model, _silent, clock=time.monotonic)
    return whole_file.Spent(outcome.usage.turns, outcome.usage.tokens_in + outcome.usage.tokens_out)


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


async def run(cases: Sequence[Case], model: ChatModel, sandboxes: SandboxProvider, raw: Path) -> list[Result]:
    """Solve the bugs that the file of results does not tell of yet, by both ways; returns all results."""
    done = {(result.bug, result.way): result for result in _earlier(raw)}
    wanted = [(case, way) for case in cases for way in WAYS]
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


async def _embedded(cases: Sequence[Case], raw: Path) -> list[Result]:
    cache = Path.home() / ".cache" / "pushpals"
    chosen = await choose_model(Wanted(name="embedded"), Surroundings(cache=cache, environ=os.environ))
    model = chosen.connect()
    try:
        return await run(cases, model, await choose("bubblewrap", None, []), raw)
    finally:
        await model.close()
        await chosen.close()


def main() -> None:
    """Read the arguments, solve, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.agent.run", description=__doc__)
    parser.add_argument("--half", choices=("tuning", "held out"))
    parser.add_argument("--only", help="the name of a bug")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "bench-agent.jsonl")
    given = parser.parse_args()
    cases = [c for c in load() if given.half in {None, c.half} and given.only in {None, c.bug.name}]
    if not cases:
        parser.error("There is no such bug.")
    sys.stdout.write(table(asyncio.run(_embedded(cases[: given.limit], given.results))) + "\n")


if __name__ == "__main__":
    main()
