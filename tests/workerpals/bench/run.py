"""How often the agent mends small bugs: run it on the cases, then run the tests that it has not seen.

    python -m tests.workerpals.bench.run                 # all cases, with the embedded model
    python -m tests.workerpals.bench.run off_by_one lost_case
    python -m tests.workerpals.bench.run --model-url http://127.0.0.1:11434/v1 --model qwen2.5-coder:7b

Prints one line for each case and the rate at the end. `sample` is the demo's own issue.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pushpals.llm import ChatModel
from pushpals.local.model import Surroundings, Wanted, choose_model
from pushpals.local.sample import NAME
from pushpals.local.sample.markdown import Story, read_story, unpack
from pushpals.model import Budget, Task
from pushpals.sandbox import Limits, SandboxProvider, choose
from pushpals.workerpals import AgentEvent, Assignment, Outcome, ToolUsed, TurnStarted, work
from pushpals.workerpals.checks import run_check
from tests.workerpals.bench import cases


@dataclass(frozen=True)
class Result:
    """What became of a case. `right` says that the hidden tests pass, `claimed` that the agent thinks so."""

    name: str
    outcome: Outcome
    right: bool
    diff: str
    seconds: float

    @property
    def claimed(self) -> bool:
        """Whether the agent handed its change in."""
        return self.outcome.failure is None

    def __str__(self) -> str:
        """One line for people."""
        verdict = "right" if self.right else "wrong" if self.claimed else "none "
        usage = self.outcome.usage
        why = f"  {self.outcome.failure.kind}: {self.outcome.failure.cause}" if self.outcome.failure else ""
        spent = f"{usage.turns:3} turns {usage.tokens_in + usage.tokens_out:7} tokens {self.seconds:6.1f} s"
        return f"{verdict}  {self.name:20} {spent}{why}"


def story(name: str) -> Story:
    """Read a case, or the demo's sample."""
    if name == "sample":
        return read_story(
            (resources.files("pushpals.local.sample") / f"{NAME}.md").read_text(encoding="utf-8")
        )
    return cases.load(name)


async def solve(
    name: str, folder: Path, sandboxes: SandboxProvider, model: ChatModel, *, verbose: bool = False
) -> Result:
    """Have the agent work on a case in an empty folder, then judge it by the hidden tests."""
    told = story(name)
    unpack(told.files, folder)
    sandbox = await sandboxes.open(folder, Limits())
    began = time.monotonic()
    diffs: list[str] = []

    def note(event: AgentEvent) -> None:
        if isinstance(event, ToolUsed) and event.name == "edit":
            diffs.append(event.detail)
        if verbose:
            print("   ", event.doing if isinstance(event, TurnStarted) else event)  # noqa: T201

    instructions = (resources.files("pushpals") / "roles" / "bug_fixer.md").read_text(encoding="utf-8")
    assignment = Assignment(
        task=Task(goal=told.title, checks=(told.check,)),
        request_text=f"{told.title}\n\n{told.body}",
        instructions=instructions,
        checks=(told.check,),
        budget=Budget(),
        fence="0" * 16,
    )
    try:
        outcome = await work(assignment, sandbox, model, note, clock=time.monotonic)
        seconds = time.monotonic() - began
        changed = [path for path, text in told.files.items() if (folder / path).read_text() != text]
        diff = "\n".join(diffs[-1:]) if changed else ""
        unpack({**tests_of(told), **told.hidden}, folder)
        judged = await run_check(sandbox, told.check)
        return Result(name, outcome, judged.ok and bool(changed), diff, seconds)
    finally:
        await sandbox.close()


def tests_of(told: Story) -> dict[str, str]:
    """Return the case's own tests, which the agent may not have bent."""
    return {path: text for path, text in told.files.items() if "test" in path.lower()}


async def run(names: Sequence[str], wanted: Wanted, cache: Path, *, verbose: bool) -> list[Result]:
    """Solve the cases one after the other, and print how each went."""
    sandboxes = await choose("bubblewrap", None, [])
    chosen = await choose_model(wanted, Surroundings(cache=cache, environ=os.environ))
    model = chosen.connect()
    results = []
    try:
        for name in names:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                result = await solve(name, Path(folder), sandboxes, model, verbose=verbose)
            results.append(result)
            print(result, flush=True)  # noqa: T201
            if verbose or not result.right:
                print(result.diff, flush=True)  # noqa: T201
    finally:
        await model.close()
        await chosen.close()
    return results


def main() -> None:
    """Read the arguments, solve, and print the rate."""
    parser = argparse.ArgumentParser(prog="python -m tests.workerpals.bench.run", description=__doc__)
    parser.add_argument("cases", nargs="*", default=["sample", *cases.names()])
    parser.add_argument("--model-url")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "pushpals")
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    wanted = Wanted(url=given.model_url, name=given.model)
    results = asyncio.run(run(given.cases, wanted, given.cache, verbose=given.verbose))
    right = [result.name for result in results if result.right]
    wrong = [result.name for result in results if result.claimed and not result.right]
    print(  # noqa: T201
        f"{len(right)} of {len(results)} right; handed in and wrong: {shlex.join(wrong) or 'none'}"
    )


if __name__ == "__main__":
    main()
