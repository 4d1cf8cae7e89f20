"""The agent loop beside mini-swe-agent's, on the same trajectory: own time for each step, and tokens sent."""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from bench.agent import mini
from bench.product import peers
from bench.product.size import Size
from bench.product.webhook import ROOT, running
from bench.report import Figure, Row
from pushpals.llm.openai_compat import OpenAICompatModel
from pushpals.model import Budget, Task
from pushpals.sandbox import CommandResult, Limits, Sandbox, SandboxProvider, choose
from pushpals.workerpals import AgentEvent, Assignment, work

TASK: Final = "Find out what the parts have in common, and note it."
CONTEXT: Final = 200_000
ENDLESS: Final = Budget.model_construct(max_turns=1_000, max_tokens=10**9, max_usd=1.0, max_minutes=600.0)
"""More than a policy may give: a job has at most 50 turns."""
WHOLE: Final = (20, 50, 100)
"""Steps of the trajectories."""


class Timed:
    """A sandbox that counts the seconds of its commands, which are not the loop's own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.files = sandbox.files
        self.waited = 0.0

    async def run(self, command: str, *, timeout: float | None = None, cwd: str = ".") -> CommandResult:
        """Run a command."""
        began = time.perf_counter()
        try:
            return await self._sandbox.run(command, timeout=timeout, cwd=cwd)
        finally:
            self.waited += time.perf_counter() - began


def _code(folder: Path) -> None:
    """Write the code that is looked at: ten files of 500 lines."""
    for part in range(10):
        lines = (f"def function_{part}_{n}(left, right):  # adds, then takes {n}" for n in range(500))
        (folder / f"part{part}.py").write_text("\n".join(lines) + "\n")


async def _ours(sandbox: Sandbox, address: str, steps: int, run: str) -> float:
    """Return the loop's own seconds a step."""
    model = OpenAICompatModel(
        f"{address}/run/{steps}/{run}/v1", "scripted", context_tokens=CONTEXT, native_tools=True
    )
    assignment = Assignment(
        task=Task(goal=TASK, scope=("**",)), request_text=TASK, instructions="Work with care.", checks=(),
        budget=ENDLESS,
    )  # fmt: skip
    timed = Timed(sandbox)
    try:
        began = time.perf_counter()
        outcome = await work(assignment, timed, model, _silent, clock=time.monotonic)
        seconds = time.perf_counter() - began
    finally:
        await model.close()
    if outcome.usage.model_calls <= steps:
        raise RuntimeError(f"the loop ended after {outcome.usage.model_calls} steps: {outcome.failure}")
    return (seconds - timed.waited) / steps


async def _theirs(sandbox: Sandbox, python: Path, address: str, steps: int, run: str) -> float:
    served = mini.Served(python, f"{address}/bash/{steps}/{run}/v1", "scripted", secrets.token_hex(8))
    spent = await mini.drive(
        sandbox, served, mode="tools", task=TASK, steps=2 * steps, warm=f"{address}/bash/{steps}/warm/v1"
    )
    if spent.ended != "Submitted" or spent.tries != steps + 1:
        raise peers.PeerMissingError(f"mini-swe-agent ended after {spent.tries} steps: {spent.ended}")
    return (spent.seconds - spent.waited) / steps


def _silent(event: AgentEvent) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Sent:
    """What was sent over a trajectory: tokens in all, and which share of them a prompt cache had seen."""

    tokens: int
    kept: float
    """Of the tokens of each request but the last, how many the next one begins with."""


def sent(bodies: Sequence[Mapping[str, Any]], counted: Mapping[str, int]) -> Sent:
    """Return what the requests of one trajectory come to; `counted` has the tokens of each piece."""
    requests = [pieces(body) for body in bodies]
    sizes = [sum(counted[piece] for piece in request) for request in requests]
    kept = 0
    for before, after in pairwise(requests):
        for old, new in zip(before, after, strict=False):
            if old != new:
                break
            kept += counted[old]
    return Sent(sum(sizes), kept / max(1, sum(sizes[:-1])))


def pieces(body: Mapping[str, Any]) -> list[str]:
    """Return a request as pieces in the order in which a provider caches them: tools, then messages."""
    return [json.dumps(body.get("tools", [])), *(json.dumps(message) for message in body["messages"])]


def _bodies(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes()) for file in sorted(folder.glob(f"{name}-*.json"))]


def _counted(texts: Sequence[str], python: Path | None) -> dict[str, int]:
    """Count tokens by the peer's tokenizer; without the peer four characters count as one."""
    if python is None:
        return {text: len(text) // 4 for text in texts}
    done = subprocess.run(
        [str(python), "-P", str(Path(__file__).with_name("count_tokens.py"))],
        input=json.dumps(texts), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise peers.PeerMissingError(f"tokens could not be counted: {done.stderr[-500:]}")
    return dict(zip(texts, json.loads(done.stdout), strict=True))


def measure(size: Size) -> Figure:
    """Return the figure. Raises PeerMissingError."""
    python = peers.mini_swe_agent() if size.peers else None
    lengths = WHOLE if size.peers else (2, 4)
    with tempfile.TemporaryDirectory(prefix="pushpals-bench-") as name:
        folder = Path(name)
        argv = [sys.executable, "-m", "bench.product.chat_server", str(folder)]
        with running(argv, ROOT) as (_, port):
            took = asyncio.run(_all(f"http://127.0.0.1:{port}", lengths, python, size.few))
        kinds = ("run", "bash") if python else ("run",)
        asked = {(kind, n): _bodies(folder, f"{kind}-{n}-0") for kind in kinds for n in lengths}
    texts = sorted({piece for bodies in asked.values() for body in bodies for piece in pieces(body)})
    counted = _counted(texts, python)
    totals = {key: sent(bodies, counted) for key, bodies in asked.items()}
    return _figure(size, lengths, took, totals)


Key = tuple[str, int]


async def _all(address: str, lengths: Sequence[int], python: Path | None, times: int) -> dict[Key, float]:
    """Return the median own seconds a step of each way and length, taken by turns."""
    provider: SandboxProvider = await choose("bubblewrap", None, [])
    took: dict[Key, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="pushpals-bench-") as name:
        _code(Path(name))
        sandbox = await provider.open(Path(name), Limits())
        try:
            await _ours(sandbox, address, 2, "warm")
            for turn in range(times):
                for steps in lengths:
                    took.setdefault(("run", steps), []).append(
                        await _ours(sandbox, address, steps, str(turn))
                    )
                    if python:
                        took.setdefault(("bash", steps), []).append(
                            await _theirs(sandbox, python, address, steps, str(turn))
                        )
        finally:
            await sandbox.close()
    return {key: statistics.median(some) for key, some in took.items()}


def _figure(
    size: Size, lengths: Sequence[int], took: Mapping[Key, float], totals: Mapping[Key, Sent]
) -> Figure:
    least, most = min(lengths), max(lengths)
    rows = [
        Row(f"own time of step at {most} steps, of that at {least}", took["run", most] / took["run", least],
            "times", "at most", 1.2),
        Row("of a request's tokens, kept at the start of the next", 100 * totals["run", most].kept, "percent",
            "at least", 90.0),
    ]  # fmt: skip
    if size.peers:
        rows.insert(
            0,
            Row("own time of a step at 50 steps, of mini-swe-agent's", took["run", 50] / took["bash", 50],
                "times", "at most", 0.5),
        )  # fmt: skip
        rows += [
            Row(f"tokens sent over {steps} steps, of mini-swe-agent's",
                totals["run", steps].tokens / totals["bash", steps].tokens, "times", "at most", aim)
            for steps, aim in ((50, 0.55), (100, 0.35))
        ]  # fmt: skip
    names = {"run": "PushPals", "bash": "mini-swe-agent"}
    bars = tuple((f"{names[kind]}, {n} steps", 1000 * took[kind, n]) for kind, n in sorted(took))
    how = (
        "Both agents are led through the same commands by an endpoint on loopback that answers at once with "
        "native tool calls; the same bubblewrap sandbox runs the commands, whose time is taken off. Each "
        "step reads 60 lines of one of ten files. Tokens are counted by the tokenizer that mini-swe-agent "
        "brings. The context is large enough for all of it, so that nothing is dropped for want of room."
    )
    return Figure("loop", "The agent loop", how, tuple(rows), bars, "ms of own time a step", size.taken)
