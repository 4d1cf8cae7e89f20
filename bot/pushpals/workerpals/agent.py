"""A WorkerPal does one task: it looks, changes, checks, and hands back what it found and what it spent."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from pushpals.llm.errors import ModelError
from pushpals.model import Failure, FailureKind
from pushpals.workerpals.assignment import Assignment, ChatModel, Outcome, Sandbox
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.checks import cannot_run
from pushpals.workerpals.events import Emit, Note, one_line
from pushpals.workerpals.guided import Guided
from pushpals.workerpals.loop import FreeLoop
from pushpals.workerpals.metered import BudgetSpent, MeteredModel
from pushpals.workerpals.permit import CommandAsked
from pushpals.workerpals.workspace import Workspace


async def work(
    assignment: Assignment, sandbox: Sandbox, model: ChatModel, emit: Emit, *, clock: Callable[[], float]
) -> Outcome:
    """Do a task. The change is in the sandbox's workspace when this returns.

    `clock` gives seconds from any starting point. What goes wrong is in the outcome's failure; only
    cancellation and a sandbox that cannot run anything (`SandboxUnavailable`) are raised.
    """
    metered = MeteredModel(assignment, model, emit, clock)
    workspace = Workspace(assignment, sandbox, emit)
    bench = Bench(workspace, assignment, metered, emit)
    await bench.run_base()
    await bench.resume(assignment.checkpoint)
    words, stopped = "", _without_means(bench)
    try:
        words = "" if stopped else await _mend(assignment, bench, metered)
    except BudgetSpent as error:
        stopped = Failure(kind=FailureKind.BUDGET, cause=f"{error} {_state(bench)}", next_step=_MORE)
    except CommandAsked as asked:
        # What is there stays as it is: the work goes on from it.
        usage = metered.usage(len(workspace.refused))
        refused = tuple(workspace.refused)
        return Outcome("", usage, bench.base, bench.best, None, refused, asks=asked.wish)
    except ModelError as error:
        stopped = Failure(kind=FailureKind.MODEL, cause=error.what, next_step=error.remedy)
    await bench.keep_best()
    return Outcome(
        words=words,
        usage=metered.usage(len(workspace.refused)),
        base_checks=bench.base,
        head_checks=bench.best,
        failure=None if bench.proven else stopped or _judged(bench, metered),
        refused=tuple(workspace.refused),
        doubt=bench.doubt if bench.proven else "",
    )


async def _mend(assignment: Assignment, bench: Bench, model: MeteredModel) -> str:
    """Work in the mode that suits the model, then in the other one if need be; returns the model's words.

    A model that takes tools as such chooses for itself what to look at. For any other the thinking is done
    first, and it chooses for itself with what is left of the budget.
    """
    nonce = assignment.fence or secrets.token_hex(8)
    if model.model.native_tools:
        words = await FreeLoop(assignment, bench, model, nonce).run()
        if words is not None or bench.proven:
            return words or ""
        await bench.keep_best()
    elif bench.proven:
        return ""  # earlier work has done it, and there is nothing a small model could better
    if await Guided(assignment, bench, model, nonce).mend():
        return ""
    if model.model.native_tools or not _makes_sense(bench, model):
        return ""
    await bench.keep_best()
    bench.emit(Note("The guided mode has found no answer, so the model chooses for itself what to look at."))
    return await FreeLoop(assignment, bench, model, nonce).run() or ""


def _without_means(bench: Bench) -> Failure | None:
    """Return why no work could be judged, before anything is spent on it."""
    if not bench.base or not all(cannot_run(result) for result in bench.base):
        return None
    first = bench.base[0]
    return Failure(
        kind=FailureKind.CHECKS,
        cause=f"`{first.command}` cannot be run in the sandbox ({first.summary}): {one_line(first.output)}",
        next_step="Name checks that run there in `.github/pushpals.yml`, or use a sandbox image that holds "
        "what they need; then say `/pushpals run`.",
    )


def _makes_sense(bench: Bench, model: MeteredModel) -> bool:
    """Tell whether any answer could be read so far, or none was asked for yet."""
    return bench.understood > 0 or model.usage().model_calls == 0


_MORE = (
    "Raise the budget in the policy file and say `/pushpals retry`, or ask for less and say `/pushpals run`."
)
_ANOTHER_MODEL = "Use another model, or one with a longer context; then say `/pushpals retry`."
_SAY_MORE = (
    "Say in the issue what happens, what should happen and where, best by example; a test that fails helps "
    "most. Then say `/pushpals run`, which reads it anew."
)


def _judged(bench: Bench, model: MeteredModel) -> Failure | None:
    """Return what is wrong with work that has come to its end, in words for people."""
    failing = next((result for result in bench.best if not result.ok), None)
    if bench.best_changes and failing is None:
        return None
    calls = model.usage().model_calls
    if calls and not bench.understood:
        return Failure(
            kind=FailureKind.MODEL,
            cause=f"The model was asked {_times(calls)}, and none of its answers could be used.",
            next_step=_ANOTHER_MODEL,
        )
    if not bench.best_changes:
        cause = "Nothing in the request or the checks led to code that could be changed."
        if calls:
            tried = f"The model was asked {_times(calls)}, and no change it made was worth keeping."
            cause = f"{tried} {_state(bench)}"
        return Failure(kind=FailureKind.NO_CHANGE, cause=cause, next_step=_SAY_MORE)
    return Failure(kind=FailureKind.CHECKS, cause=f"After the change: {_state(bench)}", next_step=_SAY_MORE)


def _state(bench: Bench) -> str:
    """Say how the checks stand with the best change, as a sentence."""
    failing = [result for result in bench.best if not result.ok]
    if not failing:
        return "All checks pass." if bench.best else "There are no checks."
    names = ", ".join(f"`{name}`" for result in failing for name in result.failing[:3])
    first = failing[0]
    return f"`{first.command}` still fails ({first.summary}){': ' + names if names else ''}."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
