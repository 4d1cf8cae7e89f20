"""The work bench: the workspace, the checks, and the best change so far."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pushpals.model import CheckResult
from pushpals.workerpals.checks import CHECK_SECONDS, FailingTest, only, run_check, section
from pushpals.workerpals.events import CheckRan, Emit, ToolUsed, one_line
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.workspace import Workspace


class Bench:
    """Applies changes, runs the checks on them, and keeps the best one."""

    def __init__(self, workspace: Workspace, checks: Sequence[str], model: MeteredModel, emit: Emit) -> None:
        self.workspace = workspace
        self.emit = emit
        self.base: tuple[CheckResult, ...] = ()
        self.best: tuple[CheckResult, ...] = ()
        self.best_changes: dict[str, str] = {}
        self._checks = tuple(checks)
        self._model = model

    async def run_base(self) -> None:
        """Run the checks before any change."""
        self.base = await self.run_checks(base=True)
        self.best = self.base

    async def run_checks(self, *, base: bool = False) -> tuple[CheckResult, ...]:
        """Run all checks on the workspace as it is."""
        results = []
        for command in self._checks:
            results.append(await self._run(command, base=base))
        return tuple(results)

    async def verdict(self, test: FailingTest) -> str | None:
        """Run the failing test, then all checks. Returns None when all pass, else what to tell the model.

        The change in the workspace becomes the best one when fewer tests fail than ever before, and no new ones.
        """
        single = only(test.command, test)
        if single:
            result = await self._run(single, base=False)
            if not result.ok:
                return self._still_failing(result, test.name)
        results = await self.run_checks()
        if better(results, self.best, self.base):
            self.best, self.best_changes = results, self.workspace.changes()
        failing = next((result for result in results if not result.ok), None)
        return None if failing is None else self._still_failing(failing, test.name)

    def _still_failing(self, result: CheckResult, name: str) -> str:
        name = name if name in result.failing else next(iter(result.failing), name)
        return f"With it, a test fails:\n```\n{section(result.output, name)}\n```"

    def write(self, path: str, text: str) -> None:
        """Change a file and tell so; raises what `Workspace.write` raises."""
        before = self.workspace.before(path) or ""
        self.workspace.write(path, text)
        diff = "".join(
            difflib.unified_diff(
                before.splitlines(keepends=True), text.splitlines(keepends=True), f"a/{path}", f"b/{path}"
            )
        )
        added = sum(line.startswith("+") and not line.startswith("+++") for line in diff.splitlines())
        removed = sum(line.startswith("-") and not line.startswith("---") for line in diff.splitlines())
        self.emit(ToolUsed("edit", one_line(f"edit {path}: {added} added, {removed} removed"), diff))

    async def keep_best(self) -> None:
        """Leave the best change in the workspace and nothing else."""
        await self.workspace.restore(self.best_changes)

    async def _run(self, command: str, *, base: bool) -> CheckResult:
        seconds = min(CHECK_SECONDS, max(10.0, self._model.seconds_left))
        result = await run_check(self.workspace.sandbox, command, seconds)
        self._model.commands += 1
        self.emit(CheckRan(result, base))
        return result


def better(new: Sequence[CheckResult], best: Sequence[CheckResult], base: Sequence[CheckResult]) -> bool:
    """Tell whether fewer checks or tests fail than in the best run, and none that did not fail at first."""
    known = {name for result in base for name in result.failing}
    if any(set(result.failing) - known for result in new):
        return False
    return _badness(new) < _badness(best)


def _badness(results: Sequence[CheckResult]) -> tuple[int, int]:
    return sum(not result.ok for result in results), sum(result.failed or 0 for result in results)
