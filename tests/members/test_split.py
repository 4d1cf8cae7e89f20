"""Tasks that a person lists, the scope each of them means, and the role that suits it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import Plan, Risk
from pushpals.policy.repo_policy import CheckSetting, RepoPolicy, Scope
from pushpals.remotebuddy import RepoFacts, make_plan
from pushpals.remotebuddy.problems import MOST_TASKS, problems
from pushpals.remotebuddy.roles import choose_role
from pushpals.remotebuddy.scopes import named_paths, scope_for
from pushpals.remotebuddy.split import Item, split
from tests.loop.snapshots import request
from tests.policy.roles import built_in

PATHS = (
    "auth/names.py",
    "auth/greet.py",
    "docs/guide.md",
    "tests/test_names.py",
    "pyproject.toml",
    "db/session.py",
)
POLICY = RepoPolicy(checks=(CheckSetting(run="make ci"),))
FACTS = RepoFacts(PATHS, lambda _: None, built_in())


def planned(body: str, policy: RepoPolicy = POLICY, title: str = "Names") -> Plan:
    asked = request(title=title).request.model_copy(update={"body": body})
    return make_plan(asked, policy, FACTS)


TWO = """Sign-up is odd.

## Tasks

- [ ] Keep dots in `auth/names.py`
  - `ada.lovelace` stays as it is
- [ ] Greet by the first name in `auth/greet.py`

## Context

Since May.
"""


def test_a_list_of_tasks_becomes_a_task_each() -> None:
    first, second = planned(TWO).tasks
    assert (first.goal, second.goal) == (
        "Keep dots in `auth/names.py`",
        "Greet by the first name in `auth/greet.py`",
    )
    assert first.acceptance == ("`ada.lovelace` stays as it is", "`make ci` passes")
    assert first.scope == ("/auth/names.py", "tests/", "test_*.py")
    assert second.scope[0] == "/auth/greet.py"
    assert first.checks == second.checks == ("make ci",)
    assert first.depends_on == second.depends_on == ()


def test_a_worker_is_shown_the_rest_without_the_list() -> None:
    assert split(TWO).rest == "Sign-up is odd.\n\n## Tasks\n\n\n## Context\n\nSince May."


@pytest.mark.parametrize(
    ("body", "goals"),
    [
        ("## Tasks\n1. a\n2. b", ["a", "b"]),
        ("### To do:\n* a\n* b\n\nmore words", ["a", "b"]),
        ("## Goal\nTidy up.\n- [ ] a\n- [ ] b", ["a", "b"]),
        ("## Tasks\n- [x] a\n- [ ] b\n- [ ] c", ["b", "c"]),
        ("## Goal\n- a\n- b", []),  # a goal's points are no tasks unless they are boxes
        ("- [ ] a\n- [ ] b", []),  # a list without a heading may be anything
        ("## Steps to reproduce\n1. a\n2. b", []),
        ("## Tasks\n- [ ] a", []),
        ("## Tasks\n- [x] a\n- [ ] b", []),
        ("## Tasks\n```\n- a\n- b\n```", []),
        ("", []),
    ],
)
def test_splitting_is_earned_by_a_list_under_its_heading(body: str, goals: list[str]) -> None:
    assert [item.goal for item in split(body).items] == goals


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("b (after 1)", Item("b", after=(0,))),
        ("b, after task 1", Item("b", after=(0,))),
        ("b; depends on 1, 3", Item("b", after=(0, 2))),
        ("b — needs #1 and #3.", Item("b", after=(0, 2))),
        ("Clean up after 1 hour of rest", Item("Clean up after 1 hour of rest")),
    ],
)
def test_a_task_may_say_what_it_waits_for(text: str, item: Item) -> None:
    assert split(f"## Tasks\n- a\n- {text}\n- c").items[1] == item


def test_what_is_ticked_is_not_waited_for() -> None:
    items = split("## Tasks\n- [x] a\n- [ ] b (after 1)\n- [ ] c (after 2)").items
    assert items == (Item("b"), Item("c", after=(0,)))


def test_too_many_tasks_are_one_and_it_is_said() -> None:
    plan = planned("## Tasks\n" + "\n".join(f"- task {at}" for at in range(9)))
    assert [task.goal for task in plan.tasks] == ["Names"]
    assert plan.notes == ("The request lists 9 tasks, and a plan has at most 8.",)


def test_tasks_that_wait_for_each_other_are_one_and_it_is_said() -> None:
    plan = planned("## Tasks\n- a (after 2)\n- b (after 1)")
    assert len(plan.tasks) == 1
    assert plan.notes == (
        "The list of tasks in the request is not followed: tasks 1, 2 wait for each other.",
    )


def test_tasks_on_the_same_file_are_done_in_turn() -> None:
    body = "## Tasks\n- a in `auth/names.py`\n- b in `auth/greet.py`\n- c in `auth/names.py`"
    assert [task.depends_on for task in planned(body).tasks] == [(), (), (0,)]


def test_in_turn_never_makes_a_ring() -> None:
    body = "## Tasks\n- a in `names.py` (after 3)\n- b in `names.py`\n- c in `names.py`"
    plan = planned(body)
    assert [task.depends_on for task in plan.tasks] == [(2, 1), (), (1,)] or len(plan.tasks) == 3
    assert problems(plan, POLICY, PATHS, built_in()) == ()


# Scopes


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("see auth/names.py", ("auth/names.py",)),
        ("see `names.py`, then greet.py", ("auth/names.py", "auth/greet.py")),
        ("all of `auth/`", ("auth/names.py", "auth/greet.py")),
        ("all of `auth/*.py`", ("auth/names.py", "auth/greet.py")),
        ("`**` and `*`", PATHS),
        ("Login fails with names.normalize at example.com", ()),
        ("`../etc/passwd` and `/etc/passwd`", ()),
    ],
)
def test_a_text_names_files(text: str, paths: tuple[str, ...]) -> None:
    assert named_paths(text, PATHS) == paths


def test_a_file_that_is_yet_to_be_made_is_in_scope() -> None:
    assert scope_for("Write docs/usage.md", PATHS, ("**",))[0] == "/docs/usage.md"


def test_a_scope_stays_inside_the_policy_s() -> None:
    assert scope_for("Fix `auth/names.py`", PATHS, ("docs/**",)) == ("docs/**",)
    narrow = scope_for("Fix `auth/names.py`", PATHS, ("auth/**", "tests/**"))
    assert narrow == ("/auth/names.py", "tests/", "test_*.py")


def test_who_names_only_a_test_wants_what_it_tests_to_change() -> None:
    assert scope_for("`tests/test_names.py` fails", PATHS, ("**",)) == ("**",)


# Risk


@pytest.mark.parametrize(
    ("title", "risk"),
    [
        ("Login fails for names with a dot", Risk.LOW),
        ("Drop the second line of docs/guide.md", Risk.LOW),
        ("Raise the floor in `pyproject.toml`", Risk.MEDIUM),
        ("Upgrade the yaml dependency", Risk.MEDIUM),
        ("`db/session.py` leaks", Risk.HIGH),
        ("Add a database migration for names", Risk.HIGH),
        ("The build in `.github/workflows/ci.yml` fails", Risk.LOW),
    ],
)
def test_rules_set_a_floor_from_what_the_request_names(title: str, risk: Risk) -> None:
    plan = planned("", title=title)
    assert plan.risk is risk
    assert all(task.risk is risk for task in plan.tasks)
    assert bool(plan.risk_reasons) == (risk is not Risk.LOW)


# Roles


@pytest.mark.parametrize(
    ("goal", "labels", "role"),
    [
        ("Login fails", (), "bug_fixer"),
        ("Upgrade requests to 2.33", (), "dependency_steward"),
        ("Refactor the parser", (), "refactorer"),
        ("The parser is too slow", (), "performance_tuner"),
        ("Fix CVE-2024-1 in the parser", (), "security_sentinel"),
        ("CI fails on main", (), "ci_medic"),
        ("Login fails", ("agent:ready", "security"), "security_sentinel"),
        ("Refactor the parser", ("bug",), "bug_fixer"),
        ("Login fails", ("Dependency Steward",), "dependency_steward"),
    ],
)
def test_labels_choose_a_role_before_words(goal: str, labels: tuple[str, ...], role: str) -> None:
    assert choose_role(goal, labels, built_in()) == role


# What always holds

LINES = st.lists(
    st.sampled_from(
        [
            "## Tasks",
            "- [ ] a `auth/names.py`",
            "- b after 1",
            "  - c",
            "- [x] d",
            "1. e (after 2)",
            "",
            "words",
            "```",
        ]
    ),
    max_size=14,
)


@given(LINES, st.sampled_from([("**",), ("auth/**",), ("docs/", "tests/**")]))
def test_any_plan_may_be_carried_out(lines: list[str], write: tuple[str, ...]) -> None:
    policy = RepoPolicy(scope=Scope(write=write), checks=POLICY.checks)
    plan = planned("\n".join(lines), policy)
    assert 1 <= len(plan.tasks) <= MOST_TASKS
    assert problems(plan, policy, PATHS, built_in()) == ()


@given(st.text(max_size=400))
def test_any_text_can_be_planned(text: str) -> None:
    assert problems(planned(f"## Tasks\n{text}"), POLICY, PATHS, built_in()) == ()
