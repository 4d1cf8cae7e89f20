"""What the common runners print is read: counts, names of failing tests, and what they said."""

import pytest

from pushpals.model import CheckResult
from pushpals.sandbox.api import CommandResult
from pushpals.workerpals.checks import (
    cannot_run,
    clip,
    failing_units,
    find_test,
    only,
    read_result,
    section,
)
from pushpals.workerpals.localise import Codebase

UNITTEST = """..F.
======================================================================
FAIL: test_dot_stays (tests.test_names.NamesTest.test_dot_stays)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/workspace/tests/test_names.py", line 14, in test_dot_stays
    self.assertEqual(normalize_name("Ada.L"), "ada.l")
AssertionError: 'adal' != 'ada.l'

======================================================================
ERROR: test_old (tests.test_names.NamesTest)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/workspace/auth/names.py", line 3, in f
KeyError: 'x'

----------------------------------------------------------------------
Ran 7 tests in 0.002s

FAILED (failures=1, errors=1, skipped=2)
"""
PYTEST = """F.                                                  [100%]
=================================== FAILURES ===================================
______________________________ Test.test_dot[a-b] ______________________________

    def test_dot():
>       assert f("a.b") == "a.b"
E       AssertionError: assert 'ab' == 'a.b'

tests/test_names.py:4: AssertionError
=========================== short test summary info ============================
FAILED tests/test_names.py::Test::test_dot[a-b] - AssertionError: assert 'ab'...
ERROR tests/test_more.py
1 failed, 211 passed, 1 error in 0.31s
"""
GO = """--- FAIL: TestDot (0.00s)
    names_test.go:9: got "ab", want "a.b"
--- PASS: TestPlain (0.00s)
FAIL
FAIL    example.org/names       0.002s
"""
CARGO = """running 2 tests
test tests::dot ... FAILED
test tests::plain ... ok

failures:

---- tests::dot stdout ----
thread 'tests::dot' panicked at src/lib.rs:12:9:
assertion `left == right` failed

failures:
    tests::dot

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out
"""
TAP = """TAP version 13
ok 1 - clock pads seconds
not ok 2 - countdown ends with zero
  ---
  error: 'Expected values to be strictly deep-equal'
  ...
1..2
# tests 2
# pass 1
# fail 1
"""
NODE = """✔ clock pads seconds (0.9ms)
✖ countdown ends with zero (1.2ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly deep-equal
      at TestContext.<anonymous> (file:///workspace/test/countdown.test.js:12:10)

ℹ tests 2
ℹ pass 1
ℹ fail 1

✖ failing tests:
"""


@pytest.mark.parametrize(
    ("output", "name", "said", "not_said"),
    [
        (UNITTEST, "tests.test_names.NamesTest.test_dot_stays", "'adal' != 'ada.l'", "KeyError"),
        (PYTEST, "tests/test_names.py::Test::test_dot[a-b]", "assert 'ab' == 'a.b'", "short test summary"),
        (GO, "TestDot", 'got "ab", want "a.b"', "TestPlain"),
        (CARGO, "tests::dot", "left == right", "test result"),
        (TAP, "countdown ends with zero", "strictly deep-equal", "clock"),
        (NODE, "countdown ends with zero", "countdown.test.js:12:10", "clock"),
    ],
    ids=["unittest", "pytest", "go", "cargo", "tap", "node"],
)
def test_the_part_about_one_test_is_found(output, name, said, not_said):
    part = section(output, name)
    assert said in part
    assert not_said not in part


def test_a_result_keeps_its_ends_and_loses_its_colours():
    raw = CommandResult(
        "t", 1, "\x1b[31mFAILED a.py::t\x1b[0m\n" + "x\n" * 45_000 + "1 failed in 1s", False, 1.5, "exited"
    )
    result = read_result(raw)
    assert result.failing == ("a.py::t",)
    assert result.output.startswith("FAILED a.py::t\n")
    assert result.output.endswith("1 failed in 1s")
    assert "characters left out" in result.output
    assert len(result.output) < 41_000


def test_a_run_that_passed_has_no_failing_tests():
    said = "FAILED a.py::t\n1 failed in 1s\n"
    assert read_result(CommandResult("t", 1, said, False, 1.0, "exited")).failing == ("a.py::t",)
    assert read_result(CommandResult("t", 0, said, False, 1.0, "exited")).failing == ()


def test_of_very_many_failing_tests_some_are_named_and_all_are_counted():
    said = "".join(f"FAILED tests/test_{n}.py::test - no\n" for n in range(9_000)) + "9000 failed in 9s\n"
    result = read_result(CommandResult("t", 1, said, False, 9.0, "exited"))
    assert len(result.failing) == 50
    assert (result.failed, len(result.failing) + result.unnamed) == (9_000, 9_000)
    assert len(result.model_dump_json()) < 60_000


def test_clipping_keeps_both_ends():
    assert clip("abc", 3) == "abc"
    assert clip("a" * 5 + "b" * 5, 4).startswith("aa\n[… 6 characters")


def test_only_one_test_is_run_where_the_runner_is_known():
    code = Codebase({})

    def of(command: str, output: str):
        result = read_result(CommandResult(command, 1, output, False, 1.0, "exited"))
        return only(command, failing_units(result, code)[0])

    assert of("python3 -m unittest", UNITTEST) == (
        "python3 -m unittest tests.test_names.NamesTest.test_dot_stays"
    )
    assert of("python -m pytest -q tests/", PYTEST) == (
        "python -m pytest -q 'tests/test_names.py::Test::test_dot[a-b]'"
    )
    assert of("node --test", TAP) is None


def test_a_check_that_names_no_test_still_says_what_is_wrong():
    result = CheckResult(command="ruff check", exit_code=1, output="a.py:1:1: F821 Undefined name `x`\n")
    [failing] = failing_units(result, Codebase({}))
    assert (failing.name, failing.unit, failing.command) == ("", None, "ruff check")
    assert "Undefined name" in failing.output


@pytest.mark.parametrize(
    ("code", "output"),
    [
        (0, ""),
        (127, "sh: pytest: not found\n"),
        (126, ""),
        (1, "/usr/bin/python3: No module named pytest\n"),
        (1, 'npm ERR! Missing script: "test"\n'),
    ],
)
def test_a_check_that_passed_or_could_not_run_has_nothing_to_mend(code, output):
    result = CheckResult(command="pytest", exit_code=code, output=output)
    assert failing_units(result, Codebase({})) == []
    assert cannot_run(result) is (code != 0)


def test_tests_are_found_by_the_names_their_runners_give_them():
    code = Codebase(
        {
            "tests/test_a.py": "class T:\n    def test_x(self):\n        pass\n",
            "tests/test_b.py": "class T:\n    def test_x(self):\n        pass\n\n\ndef test_y():\n    pass\n",
            "test/n.test.js": "test('ends with zero', () => {\n  check();\n});\n\ntest('more', () => {});\n",
        }
    )

    def path_of(name: str) -> str | None:
        unit = find_test(name, code)
        return unit.path if unit else None

    assert path_of("tests.test_b.T.test_x") == "tests/test_b.py"
    assert path_of("tests/test_a.py::T::test_x[1]") == "tests/test_a.py"
    assert path_of("tests/test_b.py::test_y") == "tests/test_b.py"
    assert path_of("test_nowhere") is None
    unit = find_test("countdown > ends with zero", code)
    assert unit
    assert unit.source == "test('ends with zero', () => {\n  check();\n});"
