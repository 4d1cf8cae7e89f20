"""What is wrong with a plan, before anybody works by it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pushpals.model import Frozen
from pushpals.policy.globs import glob_problem, matches
from pushpals.policy.risk import is_test
from pushpals.policy.scope import protected_by
from pushpals.remotebuddy.scopes import inside, touched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushpals.model import Plan, Task
    from pushpals.policy.repo_policy import RepoPolicy
    from pushpals.policy.roles import Roles

MOST_TASKS: Final = 8
GOAL_LIMIT: Final = 300


class PlanProblem(Frozen):
    """One thing that is wrong with a plan. `task` counts from 0; None for the plan as a whole."""

    kind: Literal["count", "goal", "scope", "protected", "dependency", "check", "role"]
    message: str
    task: int | None = None

    def __str__(self) -> str:
        """Return `task 2: message`, counting from 1, or the message alone."""
        return self.message if self.task is None else f"task {self.task + 1}: {self.message}"


def problems(plan: Plan, policy: RepoPolicy, paths: Sequence[str], roles: Roles) -> tuple[PlanProblem, ...]:
    """Return everything that is wrong with a plan; empty when it may be carried out."""
    if not 1 <= len(plan.tasks) <= MOST_TASKS:
        message = f"a plan has 1 to {MOST_TASKS} tasks, and this one has {len(plan.tasks)}"
        return (PlanProblem(kind="count", message=message),)
    found = [p for at, task in enumerate(plan.tasks) for p in _of_task(at, task, policy, paths, roles)]
    return (*found, *_of_dependencies(plan.tasks))


def _of_task(
    at: int, task: Task, policy: RepoPolicy, paths: Sequence[str], roles: Roles
) -> Iterator[PlanProblem]:
    if not task.goal.strip():
        yield PlanProblem(kind="goal", task=at, message="it has no goal")
    elif len(task.goal) > GOAL_LIMIT or "\n" in task.goal:
        yield PlanProblem(
            kind="goal", task=at, message=f"its goal is no single line of {GOAL_LIMIT} characters"
        )
    if not task.checks and not (task.no_check_reason or "").strip():
        yield PlanProblem(kind="check", task=at, message="it has no check, and no reason why")
    role = roles.get(task.role)
    if role is None:
        yield PlanProblem(kind="role", task=at, message=f"there is no role {task.role!r}")
    elif not role.changes_files:
        yield PlanProblem(kind="role", task=at, message=f"the role {task.role!r} changes no files")
    yield from _of_scope(at, task, policy, paths)


def _of_scope(at: int, task: Task, policy: RepoPolicy, paths: Sequence[str]) -> Iterator[PlanProblem]:
    if not task.scope:
        yield PlanProblem(kind="scope", task=at, message="its scope is empty")
    for glob in task.scope:
        if problem := glob_problem(glob):
            yield PlanProblem(kind="scope", task=at, message=f"`{glob}` {problem}")
        elif glob not in policy.scope.write and not inside(glob, policy.scope.write, paths):
            where = policy.where("scope.write")
            message = f"`{glob}` is outside the paths that may be changed ({where})"
            yield PlanProblem(kind="scope", task=at, message=message)
        elif rule := _protected(glob, policy, paths):
            yield PlanProblem(kind="protected", task=at, message=f"`{glob}` is protected ({rule})")


def _protected(glob: str, policy: RepoPolicy, paths: Sequence[str]) -> str | None:
    """Return the rule that protects all that a pattern matches, or None."""
    matched = [path for path in paths if matches(glob, path)]
    if not matched and not any(char in glob for char in "*?["):
        matched = [glob.strip("/")]
    rules = [protected_by(path, policy) for path in matched]
    return rules[0] if rules and all(rules) else None


def _of_dependencies(tasks: Sequence[Task]) -> Iterator[PlanProblem]:
    outside = False
    for at, task in enumerate(tasks):
        for needed in task.depends_on:
            if not 0 <= needed < len(tasks) or needed == at:
                outside = True
                message = f"it waits for task {needed + 1}, which is " + (
                    "itself" if needed == at else "not there"
                )
                yield PlanProblem(kind="dependency", task=at, message=message)
    if not outside and (ring := _ring(tasks)):
        names = ", ".join(str(at + 1) for at in ring)
        yield PlanProblem(kind="dependency", message=f"tasks {names} wait for each other")


def _ring(tasks: Sequence[Task]) -> list[int]:
    """Return the tasks that can never start because each waits for another of them; empty when all can."""
    left = set(range(len(tasks)))
    while ready := {at for at in left if not left & set(tasks[at].depends_on)}:
        left -= ready
    return sorted(left)


def collisions(tasks: Sequence[Task], paths: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of tasks that may change the same file outside the tests, and of which neither waits.

    The lower number of a pair comes first.
    """
    areas = [frozenset(touched(task.scope, paths)) for task in tasks]
    waits = _all_needed(tasks)
    return tuple(
        (a, b)
        for b in range(len(tasks))
        for a in range(b)
        if a not in waits[b] and b not in waits[a] and any(not is_test(path) for path in areas[a] & areas[b])
    )


def _all_needed(tasks: Sequence[Task]) -> list[set[int]]:
    """Return, for each task, all tasks it waits for, directly or not."""
    needed = [set(task.depends_on) for task in tasks]
    for _ in tasks:
        needed = [known | {further for at in known for further in needed[at]} for known in needed]
    return needed
