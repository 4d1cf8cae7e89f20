"""A desk for a WorkerPal: a workspace in a real sandbox, a scripted model, and what is told.

Properties are tried without a clock and with the same examples each time: a busy machine fails none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pushpals.llm import Completion, Message, ModelError, Sampling, ToolCall, ToolSpec
from pushpals.llm.api import GREEDY
from pushpals.local.sample.markdown import unpack
from pushpals.model import Budget, Task
from pushpals.sandbox import Limits, Sandbox, SandboxProvider, choose
from pushpals.workerpals import AgentEvent, Assignment, Outcome, work
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.workspace import Workspace

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

CHECK = "python3 -m unittest"
BUGGY = {
    "shop/__init__.py": "",
    "shop/prices.py": '''"""Prices in cents."""


def total(prices):
    """Return the sum of all prices."""
    return sum(prices)


def discount(price, percent):
    """Return the price less so many percent."""
    return price + price * percent // 100
''',
    "tests/__init__.py": "",
    "tests/test_prices.py": """import unittest

from shop.prices import discount, total


class PricesTest(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([1, 2]), 3)

    def test_discount(self):
        self.assertEqual(discount(200, 10), 180)
""",
}
RIGHT = "    return price - price * percent // 100\n"
WRONG = "    return price + price * percent // 100\n"
FIXED = f"```python\ndef discount(price, percent):\n{RIGHT}```"
REPORT = "The discount is added\n\nWith 10 percent off, the price goes up instead of down."

Answer = str | Completion | ModelError


def call(name: str, **arguments: Any) -> Completion:
    """A native tool call."""
    return Completion(
        "", (ToolCall(f"id-{name}", name, arguments),), "tool_calls", tokens_in=100, tokens_out=10
    )


class Scripted:
    """A model that gives its answers in order; the last one is given again and again."""

    name = "scripted"

    def __init__(
        self, *answers: Answer, native: bool = False, lines: Sequence[Answer] = (), context: int = 16_384
    ) -> None:
        self.answers = list(answers)
        self.lines = list(lines)
        self.native_tools = native
        self.fills = bool(lines)
        self.context_tokens = context
        self.asked: list[list[Message]] = []
        self.gaps: list[tuple[str, str]] = []
        self.samplings: list[Sampling] = []
        self.tools: list[Sequence[ToolSpec]] = []

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        self.asked.append(list(messages))
        self.samplings.append(sampling)
        self.tools.append(tools)
        return _given(self.answers)

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        self.gaps.append((prefix, suffix))
        return _given(self.lines)

    async def close(self) -> None:
        """Do nothing."""


def _given(answers: list[Answer]) -> Completion:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, ModelError):
        raise answer
    return answer if isinstance(answer, Completion) else Completion(answer, tokens_in=100, tokens_out=20)


class Desk:
    """A workspace with everything a WorkerPal needs around it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.events: list[AgentEvent] = []
        self.now = 0.0

    def text(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def changed(self, files: Mapping[str, str]) -> set[str]:
        """The paths that differ from `files`, caches aside."""
        here = {
            str(p.relative_to(self.folder)): p.read_text(encoding="utf-8")
            for p in self.folder.rglob("*")
            if p.is_file() and "__pycache__" not in p.parts
        }
        return {path for path in here.keys() | files.keys() if here.get(path) != files.get(path)}

    def assignment(
        self,
        request: str = REPORT,
        *,
        checks: Sequence[str] = (CHECK,),
        scope: tuple[str, ...] = ("**",),
        check_minutes: tuple[float, ...] = (),
        protected: tuple[str, ...] = (),
        **more: Any,
    ) -> Assignment:
        goal = request.splitlines()[0]
        return Assignment(
            task=Task(goal=goal, scope=scope, checks=tuple(checks), check_minutes=check_minutes),
            request_text=request,
            instructions="Fix it.",
            checks=tuple(checks),
            budget=more.pop("budget", Budget()),
            protected=protected,
            fence="f3",
            **more,
        )

    async def work(self, model: Scripted, assignment: Assignment | None = None, **more: Any) -> Outcome:
        given = assignment or self.assignment(**more)
        return await work(given, self.sandbox, model, self.events.append, clock=lambda: self.now)

    def bench(self, model: Scripted, **more: Any) -> tuple[Bench, MeteredModel]:
        given = self.assignment(**more)
        metered = MeteredModel(given, model, self.events.append, lambda: self.now)
        workspace = Workspace(given, self.sandbox, self.events.append)
        return Bench(workspace, given, metered, self.events.append), metered


OpenDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture(scope="session")
def sandboxes() -> SandboxProvider:
    return asyncio.run(choose("bubblewrap", None, []))


@pytest.fixture
async def open_desk(sandboxes: SandboxProvider, tmp_path: Path) -> AsyncIterator[OpenDesk]:
    """Open a desk on some files, the buggy shop's unless others are given."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_desk(files: Mapping[str, str] = BUGGY) -> Desk:
            folder = tmp_path / "workspace"
            unpack(dict(files), folder)
            sandbox = await sandboxes.open(folder, Limits())
            stack.push_async_callback(sandbox.close)
            return Desk(folder, sandbox)

        yield open_desk


@pytest.fixture
async def desk(open_desk: OpenDesk) -> Desk:
    return await open_desk()
