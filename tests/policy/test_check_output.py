"""Reading the last words of test runners."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.policy.check_output import MAX_NAMES, Counts, parse_check_output

PYTEST_VERBOSE = """\
=================================== FAILURES ===================================
_________________________________ test_dot _____________________________________
E       AssertionError
=========================== short test summary info ============================
FAILED tests/test_names.py::test_dot - AssertionError: assert 'a' == 'a.b'
FAILED tests/test_names.py::test_param[a - b] - assert 0
ERROR tests/test_other.py - ModuleNotFoundError: No module named 'x'
======= 2 failed, 211 passed, 3 skipped, 1 warning, 1 error in 62.12s (0:01:02) =======
"""
UNITTEST_OLD = """\
FAIL: test_dot (tests.test_names.NamesTest)
ERROR: setUpClass (tests.test_names.Other)
Ran 8 tests in 0.002s

FAILED (failures=1, errors=1, skipped=2, expected failures=1)
"""
JEST = """\
FAIL src/names.test.js
  ● names › keeps dots

    expect(received).toBe(expected)

Test Suites: 1 failed, 1 total
Tests:       1 failed, 2 skipped, 5 passed, 8 total
Snapshots:   0 total
"""
VITEST = """\
 FAIL  src/names.test.ts > names > keeps dots

 Test Files  1 failed (1)
      Tests  1 failed | 4 passed (5)
"""
NODE_TAP = "TAP version 13\nok 1 - one\nnot ok 2 - two # time=1ms\n1..2\n# tests 2\n# pass 1\n# fail 1\n"
NODE_SPEC = "✔ one (0.5ms)\n✖ two (1.2ms)\n\u2139 tests 2\n\u2139 pass 1\n\u2139 fail 1\n"
MOCHA = "  names\n    ✔ one\n    1) two\n\n\n  1 passing (5ms)\n  1 failing\n\n  1) names\n       two:\n"
CARGO = """\
test tests::one ... ok
test tests::two ... FAILED
---- tests::two stdout ----
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
     Running tests/other.rs
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""
GO = "--- FAIL: TestDot (0.00s)\n    x_test.go:9: no\nFAIL\texample.com/n\t0.002s\nok  \tx.org/x\t0.1s\n"
GO_VERBOSE = (
    "=== RUN   TestA\n--- PASS: TestA (0.00s)\n--- PASS: TestB (0.00s)\nPASS\nok  \texample.com/x\t(cached)\n"
)

TABLE = [
    (PYTEST_VERBOSE, 211, 3,
     ("tests/test_names.py::test_dot", "tests/test_names.py::test_param[a - b]", "tests/test_other.py")),
    ("....\n4 passed in 0.01s\n", 4, 0, ()),
    ("\x1b[32m\x1b[1m4 passed\x1b[0m\x1b[32m in 0.01s\x1b[0m\n", 4, 0, ()),
    ("no tests ran in 0.00s\n", 0, 0, ()),
    ("1 skipped in 0.00s\n", 0, 0, ()),
    (UNITTEST_OLD, 3, 2, ("tests.test_names.NamesTest.test_dot", "tests.test_names.Other.setUpClass")),
    ("Ran 1 test in 0.000s\n\nOK\n", 1, 0, ()),
    ("Ran 0 tests in 0.000s\n\nNO TESTS RAN\n", 0, 0, ()),
    ("Ran 3 tests in 0.000s\n\nOK (skipped=1)\n", 2, 0, ()),
    ("Ran 2 tests in 0.000s\n\nFAILED (unexpected successes=1)\n", 1, 1, ()),
    (JEST, 5, 1, ("names › keeps dots",)),
    (VITEST, 4, 1, ("src/names.test.ts > names > keeps dots",)),
    (NODE_TAP, 1, 1, ("two",)),
    (NODE_SPEC, 1, 1, ("two",)),
    (MOCHA, 1, 1, ()),
    (CARGO, 4, 1, ("tests::two",)),
    (GO, None, 1, ("TestDot",)),
    (GO_VERBOSE, 2, 0, ()),
    ("ok  \texample.com/x\t0.1s\n", None, None, ()),
    ("All good.\n", None, None, ()),
    ("I think 5 passed in my life\n", None, None, ()),
    ("", None, None, ()),
]  # fmt: skip


@pytest.mark.parametrize(("output", "passed", "failed", "failing"), TABLE)
def test_counts_and_names_are_read(
    output: str, passed: int | None, failed: int | None, failing: tuple[str, ...]
) -> None:
    unnamed = (failed or 0) - len(failing)
    assert parse_check_output(output) == Counts(passed, failed, failing, unnamed)
    assert parse_check_output(output.replace("\n", "\r\n")) == Counts(passed, failed, failing, unnamed)


def test_the_last_summary_counts() -> None:
    assert parse_check_output("1 failed in 0.1s\n...\n7 passed in 0.2s\n").passed == 7


TESTS = dedent("""\
    import unittest

    class Names(unittest.TestCase):
        def test_good(self):
            pass

        def test_bad(self):
            self.fail("no")

        @unittest.skip("later")
        def test_skipped(self):
            pass
""")


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("-m", "unittest"), "test_names.Names.test_bad"),
        (("-m", "pytest", "-q", "-p", "no:cacheprovider"), "test_names.py::Names::test_bad"),
        (("-m", "pytest", "-p", "no:cacheprovider"), "test_names.py::Names::test_bad"),
    ],
)
def test_what_python_s_runners_really_print_is_read(tmp_path: Path, argv: tuple[str, ...], name: str) -> None:
    (tmp_path / "test_names.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, *argv], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert parse_check_output(done.stdout + done.stderr) == Counts(1, 1, (name,))


def test_names_are_bounded_in_number_and_length() -> None:
    lines = [f"FAILED tests/test_{n}.py::{'x' * 500} - no" for n in range(200)]
    counts = parse_check_output("\n".join([*lines, "200 failed in 1.00s"]))
    assert counts.failed == 200
    assert (len(counts.failing), counts.unnamed) == (MAX_NAMES, 200 - MAX_NAMES)
    assert max(map(len, counts.failing)) == 200


def test_a_test_that_fails_in_several_ways_is_named_once_and_none_is_missing() -> None:
    subtests = "FAIL: test_x (a.T.test_x) (i=1)\nFAIL: test_x (a.T.test_x) (i=2)\nRan 1 test in 0.0s\n\n"
    counts = parse_check_output(subtests + "FAILED (failures=2)\n")
    assert (counts.failing, counts.unnamed) == (("a.T.test_x",), 0)


@given(st.text(max_size=300))
def test_any_output_gets_an_answer(output: str) -> None:
    for text in (output, output + "\n1 passed in 0.1s", "Ran 1 test in 0.0s\n\n" + output):
        counts = parse_check_output(text)
        assert counts.passed is None or counts.passed >= 0


HOSTILE = [
    "\n" * 200_000,
    "FAILED " + "[" * 200_000,
    "1 a" * 60_000,
    "Tests: " + "1" * 200_000,
    " " * 200_000,
]
HOSTILE += ["FAILED x[ - " * 20_000 + "\n1 passed in 1s", "\x1b[" * 60_000]


@pytest.mark.parametrize("text", HOSTILE, ids=[repr(text[:8]) for text in HOSTILE])
@pytest.mark.timeout(60)
def test_no_output_keeps_the_reader_busy(text: str) -> None:
    assert parse_check_output(text).failed in {None, 0}
