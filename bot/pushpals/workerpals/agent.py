"""A WorkerPal does one task: it looks, changes, checks, and hands back what it found and what it spent."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from pushpals.llm.errors import ModelError
from pushpals.model import CheckResult, Failure, FailureKind
from pushpals.workerpals.assignment import Assignment, ChatModel, Outcome, Sandbox
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.events import Emit
from pushpals.workerpals.guided import Guided
from pushpals.workerpals.metered import BudgetSpent, MeteredModel
from pushpals.workerpals.workspace import Workspace


async def work(
    assignment: Assignment, sandbox: Sandbox, model: ChatModel, emit: Emit, *, clock: Callable[[], float]
) -> Outcome:
    """Do a task. The change is in the sandbox's workspace when this returns.

    `clock` gives seconds from any starting point. What goes wrong is in the outcome's failure; only cancellation and
    a sandbox that cannot run anything (`SandboxUnavailable`) are raised.
    """
    metered = MeteredModel(assignment, model, emit, clock)
    workspace = Workspace(assignment, sandbox, emit)
    bench = Bench(workspace, assignment.checks, metered, emit)
    nonce = assignment.fence or secrets.token_hex(8)
    await bench.run_base()
    stopped: Failure | None = None
    try:
        await Guided(assignment, bench, metered, nonce).mend(bench.base)
    except BudgetSpent as error:
        stopped = Failure(kind=FailureKind.BUDGET, cause=str(error), next_step="Raise the budget to continue.")
    except ModelError as error:
        stopped = Failure(kind=FailureKind.MODEL, cause=error.what, next_step=error.remedy)
    await bench.keep_best()
    failure = stopped or _judged(workspace, bench.best)
    return Outcome(
        words="",
        usage=metered.usage(len(workspace.refused)),
        base_checks=bench.base,
        head_checks=bench.best,
        failure=failure,
        refused=tuple(workspace.refused),
    )


def _judged(workspace: Workspace, head: Sequence[CheckResult]) -> Failure | None:
    if not workspace.changes():
        return Failure(kind=FailureKind.NO_CHANGE, cause="Nothing changed.", next_step="Say more.")
    failing = [result for result in head if not result.ok]
    if failing:
        return Failure(kind=FailureKind.CHECKS, cause=failing[0].summary, next_step="Look at it.")
    return None
