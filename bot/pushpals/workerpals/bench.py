"""The work bench: the workspace, the checks, and the best change so far."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Final

from pushpals.model import CheckResult
from pushpals.workerpals.assignment import Assignment, Checkpoint
from pushpals.workerpals.checks import CHECK_SECONDS, FailingTest, only, run_check, section
from pushpals.workerpals.events import CheckRan, Emit, ToolUsed, one_line
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.workspace import Workspace

QUICK_SECONDS: Final = 20.0
"""Checks that take no longer than this are run after every change."""


class Bench:
    """Applies changes, runs the checks on them, and keeps the best one."""

    def __init__(self, workspace: Workspace, assignment: Assignment, model: MeteredModel, emit: Emit) -> None:
        self.workspace = workspace
        self.emit = emit
        self.base: tuple[CheckResult, ...] = ()
        self.best: tuple[CheckResult, ...] = ()
        self.best_changes: Mapping[str, str | None] = {}
        self.aims: frozenset[str] | None = None
        """The failing tests that are this task's to mend, where others are somebody else's; None: all."""
        self.doubt = ""
        """What the checks cannot tell about the best change, as a sentence for people."""
        self.understood = 0
        """How many of the model's answers could be made sense of, right or wrong."""
        self._checks = assignment.checks
        self._seconds = assignment.task.check_seconds
        self._model = model

    async def run_base(self) -> None:
        """Run the checks before any change."""
        self.base = await self.run_checks(base=True)
        self.best = self.base

    async def resume(self, checkpoint: Checkpoint) -> None:
        """Put earlier work back, which becomes the best change unless it makes things worse."""
        if checkpoint.files:
            await self.workspace.resume(checkpoint)
            await self.take_stock()

    async def run_checks(self, *, base: bool = False) -> tuple[CheckResult, ...]:
        """Run all checks on the workspace as it is."""
        return tuple([await self._run(check, check, base=base) for check in self._checks])

    @property
    def green(self) -> bool:
        """Whether all checks passed before any change, so that they cannot tell a good one from a bad one."""
        return all(result.ok for result in self.base)

    @property
    def proven(self) -> bool:
        """Whether the best change makes checks pass that failed before it."""
        return not self.green and bool(self.best_changes) and all(result.ok for result in self.best)

    @property
    def quick(self) -> bool:
        """Whether the checks take so little time that they may run after every change."""
        return sum(result.seconds for result in self.base) <= QUICK_SECONDS

    async def verdict(self, test: FailingTest | None, *, rather: bool = False) -> str | None:
        """Run the failing test, then all checks. Returns None when all pass, else what to tell the model.

        The change in the workspace becomes the best one when fewer tests fail than ever before, and no new
        ones; `rather` makes it the best one also when as many fail.
        """
        single = only(test.command, test) if test else None
        if test and single:
            result = await self._run(single, test.command, base=False)
            if not result.ok:
                return still_failing(result, test.name)
        results = await self.run_checks()
        if better(results, self.best, self.base) or (rather and not worse(results, self.best, self.base)):
            self.best, self.best_changes = results, self.workspace.changes()
        failing = next((result for result in results if not result.ok and self._matters(result)), None)
        return None if failing is None else still_failing(failing, test.name if test else "")

    def _matters(self, result: CheckResult) -> bool:
        """Tell whether a failing check is this task's to mend: a test of its own fails, or a new one."""
        if self.aims is None or result.unnamed or not result.failing:
            return True
        known = {name for before in self.base for name in before.failing}
        return not set(result.failing).isdisjoint(self.aims) or not set(result.failing) <= known

    async def take_stock(self) -> tuple[CheckResult, ...]:
        """Run all checks on the change as it stands, which becomes the best one unless it is a worse one."""
        results = await self.run_checks()
        if not worse(results, self.best, self.base):
            self.best, self.best_changes = results, self.workspace.changes()
        return results

    def write(self, path: str, text: str) -> None:
        """Change a file and tell so; raises what `Workspace.write` raises."""
        before = self.workspace.before(path) or ""
        self.workspace.write(path, text)
        old, new = before.splitlines(keepends=True), text.splitlines(keepends=True)
        diff = "".join(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}"))
        changed = [line for line in diff.splitlines()[2:] if line.startswith(("+", "-"))]
        added = [line[1:] for line in changed if line.startswith("+")]
        # One line is shown as it now is; of more the numbers say more.
        what = (
            added[0].strip()
            if len(added) == 1
            else f"{len(added)} added, {len(changed) - len(added)} removed"
        )
        self.emit(ToolUsed("edit", one_line(f"edit {path}: {what}"), diff))

    async def keep_best(self) -> None:
        """Leave the best change in the workspace and nothing else."""
        await self.workspace.restore(self.best_changes)

    async def _run(self, command: str, check: str, *, base: bool) -> CheckResult:
        """Run a command, which is `check` or a part of it and may run no longer than that."""
        seconds = min(self._seconds.get(check, CHECK_SECONDS), max(10.0, self._model.seconds_left))
        result = await run_check(self.workspace.sandbox, command, seconds)
        self._model.commands += 1
        self.emit(CheckRan(result, base))
        return result


def still_failing(result: CheckResult, name: str) -> str:
    """Tell the model what a failing check says about the test of that name, or about the first that fails."""
    name = name if name in result.failing else next(iter(result.failing), name)
    what = "a test fails" if result.failing else f"`{result.command}` fails"
    return f"With it, {what}:\n```\n{section(result.output, name)}\n```"


def better(new: Sequence[CheckResult], best: Sequence[CheckResult], base: Sequence[CheckResult]) -> bool:
    """Tell whether fewer checks or tests fail than in the best run, and none that did not fail at first."""
    return not _breaks(new, base) and _badness(new) < _badness(best)


def worse(new: Sequence[CheckResult], best: Sequence[CheckResult], base: Sequence[CheckResult]) -> bool:
    """Tell whether more checks or tests fail than in the best run, or one that did not fail at first."""
    return _breaks(new, base) or _badness(new) > _badness(best)


def _breaks(new: Sequence[CheckResult], base: Sequence[CheckResult]) -> bool:
    if any(result.unnamed for result in base):
        return False  # nobody can tell which are new: the counts decide
    known = {name for result in base for name in result.failing}
    return any(set(result.failing) - known for result in new)


def _badness(results: Sequence[CheckResult]) -> tuple[int, int]:
    return sum(not result.ok for result in results), sum(result.failed or 0 for result in results)
