"""A plan of one task, from the request, the policy and what the repository holds. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.model import Plan, Request, Risk, Task
from pushpals.policy.commands import check_timeout_minutes, detect_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushpals.policy.repo_policy import RepoPolicy

ACCEPTANCE_LIMIT = 8
_HEADING = re.compile(
    r"^#{1,6}\s*(definition of done|acceptance criteria|expected(?: behaviou?r)?)\s*:?\s*$", re.IGNORECASE
)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?(?P<text>.+)$")


@dataclass(frozen=True)
class RepoFacts:
    """What planning may know of a repository: its paths at the base commit, and a reader of small files."""

    paths: Sequence[str]
    read: Callable[[str], str | None]


def make_plan(request: Request, policy: RepoPolicy, facts: RepoFacts) -> Plan:
    """Return a plan of one task for `request`.

    Checks come from the policy file, else from what the repository is seen to use. The risk is the floor
    that rules set before anything is known of the change; the gate raises it from the change itself.
    """
    checks = tuple(check.run for check in policy.checks)
    notes: tuple[str, ...] = ()
    if not checks:
        detected = detect_checks(facts.paths, facts.read)
        checks = tuple(check.command for check in detected)
        notes = tuple(f"Check `{check.command}`: {check.why}" for check in detected)
    task = Task(
        goal=request.title,
        acceptance=acceptance_criteria(request.body, checks),
        scope=policy.scope.write,
        checks=checks,
        check_minutes=tuple(check_timeout_minutes(policy, command) for command in checks),
        no_check_reason=None
        if checks
        else "no check is configured and none was recognised in the repository",
        role="bug_fixer",
        risk=Risk.LOW,
    )
    cap = policy.job_budget.max_usd
    return Plan(tasks=(task,), risk=task.risk, notes=notes, max_usd=cap if math.isfinite(cap) else None)


def acceptance_criteria(body: str, checks: Sequence[str]) -> tuple[str, ...]:
    """Return what must hold in the end: the items under a fitting heading of the issue, then the checks."""
    found: list[str] = []
    inside = False
    for line in body.splitlines():
        if line.lstrip().startswith("#"):
            inside = bool(_HEADING.match(line.strip()))
        elif inside and line.strip():
            item = _ITEM.match(line)
            found.append((item["text"] if item else line).strip()[:300])
    return (*found[:ACCEPTANCE_LIMIT], *(f"`{command}` passes" for command in checks))
