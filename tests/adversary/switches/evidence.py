"""How the judging of changes is switched off."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from pushpals.audit.chain import Verified
from pushpals.loop.bench import TreeBench
from pushpals.model import CheckResult, Evidence
from pushpals.review_agent import rules
from pushpals.sandbox import Limits
from pushpals.workerpals.checks import run_check
from tests.adversary.controls import control, swapped

gate = importlib.import_module("pushpals.source_control.gate")

swapped(
    "base's tests",
    "a change is judged by the tests as they were",
    "pushpals.policy.risk:is_test",
    by=lambda _: False,
)
swapped(
    "base's configuration",
    "a change is judged by the checks as they were set up",
    "pushpals.source_control.gate:is_judge",
    by=lambda *_: False,
)
swapped(
    "count of tests",
    "no fewer tests run than before",
    "pushpals.source_control.gate:_fewer",
    by=lambda *_: None,
)
swapped(
    "before",
    "a check that passed before proves nothing",
    "pushpals.source_control.gate:_thin",
    by=lambda *_: None,
)
swapped(
    "doubts",
    "green is claimed only where nothing is left to doubt",
    "pushpals.policy.job:doubts",
    by=lambda _: (),
)


@control("speaking for tests", "a change that speaks for the test runner is objected to")
def _unheard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "LINE_RULES", [rule for rule in rules.LINE_RULES if rule.name != "speaks-for-tests"])


@control("skipped tests", "a test that a change skips is objected to")
def _skipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "LINE_RULES", [rule for rule in rules.LINE_RULES if rule.name != "test-skipped"])


@control("own run", "the checks are run again on the control side")
def _believed(patch: pytest.MonkeyPatch) -> None:
    async def believed(job: Any, tree: str, *_: Any) -> Evidence:
        claimed = CheckResult(command=job.task.checks[0], exit_code=0, passed=2, failed=0)
        return Evidence(tree=tree, base=(), head=(claimed,))

    patch.setattr(gate, "gather_evidence", believed)


@control("clean tree", "the checks run on what is published, and on nothing that lies beside it")
def _beside(patch: pytest.MonkeyPatch) -> None:
    check = TreeBench.check

    async def in_the_workspace(bench: TreeBench, tree: str, task: Any) -> tuple[CheckResult, ...]:
        if await bench.mirror.commit_tree(tree) != tree:  # a commit: the base
            return await check(bench, tree, task)
        sandbox = await bench.sandboxes.open(bench.scratch.parent / "workspace", Limits())
        return tuple([await run_check(sandbox, command) for command in task.checks])

    patch.setattr(TreeBench, "check", in_the_workspace)


swapped(
    "audit chain",
    "the audit trail shows that it was altered",
    "pushpals.ledger.verify:verify",
    by=lambda trail, job: Verified(count=1, head=""),
)
