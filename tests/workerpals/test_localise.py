"""The likeliest function is found from tracebacks, tests, and a user's words."""

import pytest

from pushpals.sandbox.api import CommandResult
from pushpals.workerpals.checks import failing_units, read_result
from pushpals.workerpals.localise import Codebase, localise, words
from tests.workerpals.bench import cases
from tests.workerpals.conftest import BUGGY, REPORT


def first(code: Codebase, request: str, **more) -> str:
    return localise(code, request, **more)[0].unit.name


def test_what_the_failing_test_calls_is_suspected_first():
    code = Codebase(BUGGY)
    test = next(unit for unit in code.tests if unit.short == "test_discount")
    [suspect, *_] = localise(code, "Something is off", tests=[test])
    assert (suspect.unit.name, suspect.why) == ("discount", "the failing test calls it")


def test_the_deepest_frame_of_ours_counts_most():
    code = Codebase({"a.py": "def outer(x):\n    return deep(x)\n\n\ndef deep(x):\n    return x[0]\n"})
    output = 'File "/workspace/a.py", line 2, in outer\nFile "/workspace/a.py", line 6, in deep\nIndexError'
    assert first(code, "Something is broken", outputs=[output]) == "deep"


def test_frames_of_other_runners_are_read():
    code = Codebase({"src/lib.js": "function f() {\n  return 1;\n}\n"})
    assert code.frames("at f (file:///workspace/src/lib.js:2:3)\nat node:internal/x.js:1:1") == [
        ("src/lib.js", 2)
    ]


def test_a_name_in_the_request_is_enough():
    assert first(Codebase(BUGGY), "`total` gives nonsense") == "total"


def test_words_are_compared_without_endings():
    assert words("archivedNotes are_listed") == words("archive note list")


@pytest.mark.parametrize("name", [name for name in cases.names() if name.startswith("quiet_")])
def test_a_users_words_lead_to_the_function_among_the_first_three(name):
    story = cases.load(name)
    code = Codebase(story.files)
    suspects = [suspect.unit for suspect in localise(code, f"{story.title}\n\n{story.body}", most=3)]
    [hidden] = story.hidden.values()
    assert any(unit.short in hidden for unit in suspects)


def test_nothing_to_go_by_is_no_suspect():
    assert localise(Codebase({}), REPORT) == []
    assert localise(Codebase(BUGGY), "") == []


def test_failing_tests_come_with_their_source_and_output():
    output = (
        "======================================================================\n"
        "FAIL: test_discount (tests.test_prices.PricesTest.test_discount)\nAssertionError: 220 != 180\n"
        "Ran 2 tests in 0.001s\n\nFAILED (failures=1)\n"
    )
    result = read_result(CommandResult("python3 -m unittest", 1, output, False, 0.1, "exited"))
    [test] = failing_units(result, Codebase(BUGGY))
    assert test.unit
    assert test.unit.name == "PricesTest.test_discount"
    assert "220 != 180" in test.output
