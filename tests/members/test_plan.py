"""A plan of one task: what will be done, by what it is judged, and what it may cost."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit import prose
from pushpals.ledger.encoding import canonical
from pushpals.model import Plan, Request, RequestRecord, Risk
from pushpals.policy.repo_policy import BudgetSection, CheckSetting, RepoPolicy, Scope
from pushpals.remotebuddy import RepoFacts, make_plan
from pushpals.remotebuddy.plan import ACCEPTANCE_LIMIT, acceptance_criteria
from tests.loop.snapshots import request

NOTHING = RepoFacts((), lambda _: None)
PYTEST = RepoFacts(("tests/test_a.py",), {"tests/test_a.py": "import pytest\n\ndef test_a(): ...\n"}.get)


def asked(body: str = "It should work.", title: str = "Login fails") -> Request:
    return request(title=title).request.model_copy(update={"body": body})


def plan(policy: RepoPolicy | None = None, facts: RepoFacts = NOTHING) -> Plan:
    return make_plan(asked(), policy or RepoPolicy(), facts)


def test_the_task_is_what_was_asked_within_what_the_policy_allows() -> None:
    [task] = plan(RepoPolicy(scope=Scope(write=("src/**",)))).tasks
    assert (task.goal, task.scope, task.role, task.risk) == (
        "Login fails",
        ("src/**",),
        "bug_fixer",
        Risk.LOW,
    )


def test_the_policy_s_checks_win_over_what_is_recognised() -> None:
    made = plan(RepoPolicy(checks=(CheckSetting(run="make ci"),)), PYTEST)
    [task] = made.tasks
    assert task.checks == ("make ci",)
    assert task.acceptance == ("`make ci` passes",)
    assert made.notes == ()
    assert task.no_check_reason is None


def test_each_check_may_run_as_long_as_the_policy_says() -> None:
    checks = (CheckSetting(run="make ci"), CheckSetting(run="make slow", timeout_minutes=45))
    assert plan(RepoPolicy(checks=checks)).tasks[0].check_seconds == {"make ci": 600, "make slow": 2700}
    assert plan(facts=PYTEST).tasks[0].check_seconds == {"python -m pytest -q": 600}


def test_a_recognised_check_says_why_it_was_chosen() -> None:
    made = plan(facts=PYTEST)
    assert made.tasks[0].checks == ("python -m pytest -q",)
    assert made.notes == ("Check `python -m pytest -q`: `tests/test_a.py` is written for pytest",)


def test_without_a_check_the_plan_says_that_there_is_none() -> None:
    [task] = plan().tasks
    assert task.checks == ()
    assert task.no_check_reason == "no check is configured and none was recognised in the repository"


@pytest.mark.parametrize(("usd", "cap"), [(1.0, 1.0), (0.0, 0.0), (math.inf, None)])
def test_the_plan_keeps_the_cap_it_was_made_under(usd: float, cap: float | None) -> None:
    made = plan(RepoPolicy(budget=BudgetSection(usd=usd)))
    record = request().model_copy(update={"plan": made})
    assert made.max_usd == cap
    assert RequestRecord.model_validate_json(canonical(record)) == record


def test_the_plan_can_be_read() -> None:
    record = request().model_copy(
        update={"plan": make_plan(asked("## Expected\n\n- `a.b` works"), RepoPolicy(), PYTEST)}
    )
    assert prose.plan_markdown(record) == (
        "# Plan for #42: Login fails for names with a dot\n"
        "\n"
        "Risk low: no rule raised it.\n"
        "\n"
        "1. Login fails (Bug Fixer, scope `**`)\n"
        "   - `a.b` works\n"
        "   - `python -m pytest -q` passes\n"
        "   - check: `python -m pytest -q`\n"
        "\n"
        "Check `python -m pytest -q`: `tests/test_a.py` is written for pytest\n"
    )


# What must hold in the end


@pytest.mark.parametrize(
    ("body", "criteria"),
    [
        ("It fails.", ()),
        ("## Expected\n- a\n* b\n+ c\n1. d\n2) e", ("a", "b", "c", "d", "e")),
        ("### Definition of Done:\n- [ ] a\n- [x] b", ("a", "b")),
        ("# acceptance criteria\nIt logs in.\n\nIt says hello.", ("It logs in.", "It says hello.")),
        ("## Expected behaviour\na\n## Steps\nb", ("a",)),
        ("## Expected behavior\na\n### More\nb\n## Expected\nc", ("a", "c")),
        ("## Unexpected\na", ()),
        ("- a\n## Expected\n\n\n", ()),
    ],
)
def test_criteria_stand_under_a_fitting_heading(body: str, criteria: tuple[str, ...]) -> None:
    assert acceptance_criteria(body) == criteria


@given(st.text(max_size=300), st.lists(st.sampled_from(["make ci", "pytest"]), max_size=3))
def test_criteria_are_few_and_short_and_the_checks_always_among_them(text: str, checks: list[str]) -> None:
    policy = RepoPolicy(checks=tuple(CheckSetting(run=check) for check in checks))
    found = make_plan(asked(f"## Expected\n{text}"), policy, NOTHING).tasks[0].acceptance
    own = found[: len(found) - len(checks)]
    assert found[len(own) :] == tuple(f"`{check}` passes" for check in checks)
    assert len(own) <= ACCEPTANCE_LIMIT
    assert all(0 < len(item) <= 300 and "\n" not in item for item in own)
