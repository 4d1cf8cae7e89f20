"""Which of two changes is the better one."""

import pytest

from pushpals.model import CheckResult
from pushpals.workerpals.bench import better, worse
from tests.workerpals.conftest import Desk, Scripted


def run(*failing: str, named: bool = True) -> tuple[CheckResult, ...]:
    names = failing if named else ()
    return (
        CheckResult(command="t", exit_code=1 if failing else 0, failed=len(failing), passed=9, failing=names),
    )


BASE = run("a", "b", "c")


@pytest.mark.parametrize(
    ("new", "best", "is_better", "is_worse"),
    [
        (run(), BASE, True, False),
        (run("a"), BASE, True, False),
        (run("a", "b", "c"), BASE, False, False),
        (run("a", "b"), run("a"), False, True),
        (run("new"), BASE, False, True),
        (run("x", "y", named=False), BASE, True, False),
        ((CheckResult(command="t", exit_code=None, ended="timeout"),), run(), False, True),
    ],
)
def test_fewer_failures_are_better_unless_a_new_one_is_among_them(new, best, is_better, is_worse):
    assert better(new, best, BASE) is is_better
    assert worse(new, best, BASE) is is_worse


def test_where_not_all_failing_tests_are_named_their_number_counts():
    [first] = run("a", "b")
    many = (first.model_copy(update={"failed": 80, "unnamed": 78}),)
    fewer = (first.model_copy(update={"failed": 79, "failing": ("b", "c"), "unnamed": 77}),)
    assert better(fewer, many, many)
    assert worse(many, fewer, many)


async def test_each_check_runs_no_longer_than_its_task_allows(desk: Desk):
    checks = ("tail -f /dev/null", "true")
    bench, _ = desk.bench(Scripted("unused"), checks=checks, check_minutes=(0.005, 10.0))
    await bench.run_base()
    assert [result.ended for result in bench.base] == ["timeout", "exited"]


def test_without_checks_no_change_is_better_or_worse_than_another():
    assert not better((), (), ())
    assert not worse((), (), ())
