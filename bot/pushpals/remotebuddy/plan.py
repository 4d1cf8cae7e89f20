"""A plan from the request, the policy and what the repository holds, by rules alone. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pushpals.model import Bounds, Plan, Request, Risk, Task
from pushpals.policy.commands import check_timeout_minutes, detect_checks
from pushpals.policy.roles import Roles
from pushpals.remotebuddy.problems import GOAL_LIMIT, collisions, problems
from pushpals.remotebuddy.risk import floor_of_plan
from pushpals.remotebuddy.roles import choose_role
from pushpals.remotebuddy.scopes import scope_for
from pushpals.remotebuddy.split import Item, split

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
    roles: Roles = field(default_factory=lambda: Roles(by_name={}))
    labels: Sequence[str] = ()
    """The labels of the issue."""


@dataclass(frozen=True)
class Checks:
    """By what every task of a plan is judged, and why these."""

    commands: tuple[str, ...]
    minutes: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> str | None:
        """Why there is none, as a phrase; None when there is one."""
        return None if self.commands else "no check is configured and none was recognised in the repository"


def checks_of(policy: RepoPolicy, facts: RepoFacts) -> Checks:
    """Return the checks of the policy file, else those that the repository is seen to use."""
    commands = tuple(check.run for check in policy.checks)
    notes: tuple[str, ...] = ()
    if not commands:
        detected = detect_checks(facts.paths, facts.read)
        commands = tuple(check.command for check in detected)
        notes = tuple(f"Check `{check.command}`: {check.why}" for check in detected)
    return Checks(commands, tuple(check_timeout_minutes(policy, command) for command in commands), notes)


def make_plan(request: Request, policy: RepoPolicy, facts: RepoFacts) -> Plan:
    """Return the plan for `request`: one task, or those that the request itself lists.

    The risk is the floor that rules set before anything is known of the change; the gate raises it from the
    change itself.
    """
    checks = checks_of(policy, facts)
    listed = split(request.body)
    notes = (*checks.notes, *((listed.note,) if listed.note else ()))
    if listed.items:
        each = tuple(_listed(item, policy, facts, checks) for item in listed.items)
        tasks = _in_turn(each, policy.scope.write, facts.paths)
        plan = assemble(request, tasks, policy, facts, notes)
        wrong = problems(plan, policy, facts.paths, facts.roles) if facts.roles.by_name else ()
        if not wrong:
            return plan
        notes = (*notes, f"The list of tasks in the request is not followed: {wrong[0]}.")
    return assemble(request, (_single(request, policy, facts, checks),), policy, facts, notes)


def assemble(
    request: Request,
    tasks: tuple[Task, ...],
    policy: RepoPolicy,
    facts: RepoFacts,
    notes: tuple[str, ...],
    raised: tuple[Risk, str] = (Risk.LOW, ""),
) -> Plan:
    """Return the plan of these tasks, with its risk and the cap of its cost.

    The risk is the floor that rules set, or what the asker or a model (`raised`, with its reason) says, if
    that is higher.
    """
    level, reasons = floor_of_plan(f"{request.title}\n{request.body}", tasks, policy, facts.paths)
    said = ((request.brief.risk or Risk.LOW, "the request says so"),) if request.brief else ()
    for higher, why in (*said, (raised[0], raised[1] or "the model that planned it says so")):
        if higher.rank > level.rank:
            level, reasons = higher, (why.rstrip("."), *reasons)
    cap = policy.job_budget.max_usd
    return Plan(
        tasks=tuple(task.model_copy(update={"risk": level}) for task in tasks),
        risk=level,
        risk_reasons=reasons,
        notes=notes,
        max_usd=cap if math.isfinite(cap) else None,
    )


def task_for(
    goal: str,
    acceptance: tuple[str, ...],
    scope: tuple[str, ...],
    role: str,
    facts: RepoFacts,
    checks: Checks,
    after: tuple[int, ...] = (),
) -> Task:
    """Return a task with its checks and what its role leaves its worker."""
    known = facts.roles.get(role)
    return Task(
        goal=goal,
        acceptance=(*acceptance[:ACCEPTANCE_LIMIT], *(f"`{command}` passes" for command in checks.commands)),
        scope=scope,
        checks=checks.commands,
        check_minutes=checks.minutes,
        no_check_reason=checks.missing,
        role=role,
        depends_on=after,
        bounds=known.bounds if known else Bounds(),
    )


def _single(request: Request, policy: RepoPolicy, facts: RepoFacts, checks: Checks) -> Task:
    role = choose_role(request.title, facts.labels, facts.roles)
    criteria = acceptance_criteria(request.body)
    return task_for(request.title[:GOAL_LIMIT], criteria, policy.scope.write, role, facts, checks)


def _listed(item: Item, policy: RepoPolicy, facts: RepoFacts, checks: Checks) -> Task:
    text = "\n".join([item.goal, *item.details])
    scope = scope_for(text, facts.paths, policy.scope.write)
    role = choose_role(item.goal, facts.labels, facts.roles)
    return task_for(item.goal, item.details, scope, role, facts, checks, item.after)


def _in_turn(tasks: tuple[Task, ...], write: tuple[str, ...], paths: Sequence[str]) -> tuple[Task, ...]:
    """Let a task wait for an earlier one that may change the same files, where both scopes are narrow."""
    placed = list(tasks)
    narrow = [task.scope != write for task in tasks]
    while pairs := [pair for pair in collisions(placed, paths) if narrow[pair[0]] and narrow[pair[1]]]:
        first, second = pairs[0]
        task = placed[second]
        placed[second] = task.model_copy(update={"depends_on": (*task.depends_on, first)})
    return tuple(placed)


def acceptance_criteria(body: str) -> tuple[str, ...]:
    """Return what must hold in the end: the items under a fitting heading of the issue."""
    found: list[str] = []
    inside = False
    for line in body.splitlines():
        if line.lstrip().startswith("#"):
            inside = bool(_HEADING.match(line.strip()))
        elif inside and line.strip():
            item = _ITEM.match(line)
            found.append((item["text"] if item else line).strip()[:300])
    return tuple(found[:ACCEPTANCE_LIMIT])
