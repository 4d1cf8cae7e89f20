"""A plan as the ledger keeps it, in `plan.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.words import code, item, one_line, role_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushpals.model import RequestRecord, Task


def plan_markdown(record: RequestRecord) -> str:
    """Render a plan as the ledger's `plan.md`."""
    plan, reasons = record.plan, "; ".join(record.plan.risk_reasons) or "no rule raised it"
    lines = [f"# Plan for #{record.request.number}: {one_line(record.request.title, 120)}", ""]
    lines += [f"Risk {plan.risk}: {reasons}.", ""]
    for index, task in enumerate(plan.tasks, 1):
        lines += _task(index, task)
    lines += [f"\n{one_line(note, 300)}" for note in plan.notes]
    return "\n".join(lines) + "\n"


def _task(index: int, task: Task) -> Iterator[str]:
    scope = ", ".join(code(glob) for glob in task.scope)
    yield f"{index}. {item(task.goal, 200)} ({role_name(task.role)}, scope {scope})"
    for text in task.acceptance:
        yield f"   - {item(text, 200)}"
    for command in task.checks:
        yield f"   - check: {code(command)}"
    if task.no_check_reason:
        yield f"   - no check: {one_line(task.no_check_reason, 200)}"
