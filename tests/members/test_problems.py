"""A plan is judged before anybody works by it."""

from __future__ import annotations

import pytest

from pushpals.model import Plan, Risk, Task
from pushpals.policy.repo_policy import RepoPolicy, Scope
from pushpals.remotebuddy.problems import collisions, problems
from tests.policy.roles import built_in

PATHS = ("src/a.py", "src/b.py", "docs/x.md", "secret/key.py", "tests/test_a.py", ".github/workflows/ci.yml")
POLICY = RepoPolicy(scope=Scope(write=("src/**", "docs/**"), protected=("src/b.py",)))


def task(**changes: object) -> Task:
    fields: dict[str, object] = {"goal": "Do it", "scope": ("src/**",), "checks": ("make ci",)}
    return Task.model_validate(fields | changes)


def found(*tasks: Task) -> list[tuple[str, int | None]]:
    plan = Plan(tasks=tasks, risk=Risk.LOW)
    return [(problem.kind, problem.task) for problem in problems(plan, POLICY, PATHS, built_in())]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, None),
        ({"goal": " "}, "goal"),
        ({"goal": "a\nb"}, "goal"),
        ({"goal": "x" * 301}, "goal"),
        ({"checks": (), "no_check_reason": None}, "check"),
        ({"checks": (), "no_check_reason": "there is none"}, None),
        ({"role": "wizard"}, "role"),
        ({"scope": ()}, "scope"),
        ({"scope": ("**",)}, "scope"),
        ({"scope": ("secret/**",)}, "scope"),
        ({"scope": ("src/../secret",)}, "scope"),
        ({"scope": ("/src/a.py", "docs/x.md")}, None),
        ({"scope": ("src/b.py",)}, "protected"),
        ({"depends_on": (0,)}, "dependency"),
        ({"depends_on": (3,)}, "dependency"),
    ],
)
def test_each_task_is_judged(changes: dict[str, object], kind: str | None) -> None:
    assert found(task(**changes)) == ([(kind, 0)] if kind else [])


def test_a_plan_has_one_to_eight_tasks() -> None:
    assert found() == [("count", None)]
    assert found(*[task()] * 9) == [("count", None)]
    assert found(*[task()] * 8) == []


def test_tasks_do_not_wait_for_each_other_in_a_ring() -> None:
    assert found(task(depends_on=(1,)), task(depends_on=(2,)), task(depends_on=(0,)), task()) == [
        ("dependency", None)
    ]
    assert found(task(), task(depends_on=(0,)), task(depends_on=(0, 1))) == []


def test_a_problem_names_its_task_for_people() -> None:
    plan = Plan(tasks=(task(), task(role="wizard")), risk=Risk.LOW)
    [one] = problems(plan, POLICY, PATHS, built_in())
    assert str(one) == "task 2: there is no role 'wizard'"


def test_tasks_collide_on_files_but_not_on_tests_or_in_turn() -> None:
    a, b = task(scope=("src/a.py", "tests/")), task(scope=("src/b.py", "tests/"))
    assert collisions((a, b), PATHS) == ()
    assert collisions((a, b, task()), PATHS) == ((0, 2), (1, 2))
    assert collisions((a, task(depends_on=(0,)), task(depends_on=(1,))), PATHS) == ()
