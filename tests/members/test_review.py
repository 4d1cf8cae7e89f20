"""What the rule-based reader remarks on a change, and what leaves it silent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import CheckResult, Evidence, FileChange, Finding
from pushpals.review_agent import review
from pushpals.review_agent.rules import MAX_FINDINGS
from pushpals.review_agent.verdict import score, unanswered


def diff(path: str, *added: str, first: int = 1) -> bytes:
    """Return a diff that adds lines to a file after a line that was there."""
    lines = "".join(f"+{line}\n" for line in added)
    head = f"diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}\n+++ b/{path}\n"
    return f"{head}@@ -{first} +{first},{1 + len(added)} @@\n kept\n{lines}".encode()


def deleted(path: str) -> FileChange:
    return FileChange(path=path, status="deleted", added=0, removed=3, mode="000000")


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [
        ("a.py", "<<<<<<< ours", "conflict-marker"),
        ("a.md", "||||||| base", "conflict-marker"),
        ("tests/test_a.py", "@pytest.mark.skip(reason='flaky')", "test-skipped"),
        ("tests/test_a.py", "    @unittest.skipIf(True, 'x')", "test-skipped"),
        ("tests/test_a.py", "@pytest.mark.xfail", "test-skipped"),
        ("a.test.ts", "it.skip('works', () => {})", "test-skipped"),
        ("a_test.go", "\tt.Skip()", "test-skipped"),
        ("a.py", "    breakpoint()", "leftover"),
        ("a.js", "console.log(user)", "leftover"),
        ("a.py", "# TODO: finish", "leftover"),
        ("a.py", "eval(text)", "risky-call"),
        ("a.py", "run(command, shell = True)", "risky-call"),
        ("a.py", "yaml.load(text)", "risky-call"),
        ("a.py", "requests.get(url, verify=False)", "risky-call"),
    ],
)
def test_a_line_is_remarked_on_where_it_stands(path: str, line: str, rule: str) -> None:
    [finding] = review(diff(path, "fine", line, first=7), ())
    assert (finding.rule, finding.path, finding.line) == (rule, path, 9)
    assert finding.blocking is (rule in {"conflict-marker", "test-skipped"})


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", "@pytest.mark.skip"),
        ("a.py", "text = '======='"),
        ("a.md", "<<<<<<<"),
        ("a.py", "yaml.load(text, Loader=yaml.SafeLoader)"),
        ("a.py", "literal_eval(text)"),
        ("a.py", "shelled = True"),
        ("a.py", "todo = []"),
        ("tests/test_a.py", "def test_skip_of_blanks():"),
    ],
)
def test_ordinary_lines_are_not_remarked_on(path: str, line: str) -> None:
    assert review(diff(path, line), ()) == ()


def test_lines_that_were_there_or_go_are_not_the_change_s_fault() -> None:
    kept = diff("a.py", "x").replace(b" kept", b" breakpoint()")
    gone = diff("a.py", "x").replace(b"@@ -1 +1,2 @@", b"@@ -1,2 +1,2 @@") + b"-breakpoint()\n"
    assert review(kept, ()) == review(gone, ()) == ()


def test_deleting_a_test_stops_the_change_and_deleting_code_does_not() -> None:
    [finding] = review(b"", (deleted("src/a.py"), deleted("tests/test_a.py")))
    assert (finding.rule, finding.path, finding.blocking) == ("tests-deleted", "tests/test_a.py", True)


def test_what_blocks_is_said_first_and_is_not_lost_among_many_notes() -> None:
    found = review(diff("a.py", *["breakpoint()"] * 30, ">>>>>>> theirs"), ())
    assert len(found) == MAX_FINDINGS
    assert [finding.rule for finding in found[:2]] == ["conflict-marker", "leftover"]


@pytest.mark.parametrize(
    "damaged",
    [diff("a.py", "breakpoint()", "x")[:-3], b"breakpoint()\n", diff("a.py", "x") + b"@@ -1,9 +1,9 @@\n"],
)
def test_of_a_damaged_diff_nothing_is_said(damaged: bytes) -> None:
    """Not even of its sound part: the policy's gate stops the whole, and tells why."""
    assert review(damaged, ()) == ()
    assert [finding.rule for finding in review(damaged, (deleted("tests/test_a.py"),))] == ["tests-deleted"]


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_stop_the_reader(noise: bytes, at: int) -> None:
    whole = diff("tests/test_a.py", "breakpoint()", "@pytest.mark.skip")
    for finding in review(whole[:at] + noise + whole[at:], ()):
        assert finding.path
        assert finding.line


def changed(path: str, *, added: int = 3, status: str = "modified") -> FileChange:
    return FileChange.model_validate(
        {"path": path, "status": status, "added": added, "removed": 0, "mode": "100644"}
    )


@pytest.mark.parametrize(
    ("path", "lines", "at"),
    [
        ("a.py", ["# total = 0", "# total += price(item)"], [2]),
        ("a.py", ["    # if ready:", "    #     start()"], [2]),
        ("a.ts", ["// const a = 1;", "// start(a);"], [2]),
        ("a.go", ["// if ready {", "// }"], [2]),
        ("a.py", ["    return total", "    total += 1"], [3]),
        ("a.py", ["    raise ValueError", "    if ready:"], [3]),
        ("a.py", ["        continue", "        print(x)"], [3]),
    ],
)
def test_code_that_is_dead_for_certain_is_remarked_on(path: str, lines: list[str], at: list[int]) -> None:
    found = review(diff(path, *lines), ())
    assert [(finding.rule, finding.line, finding.blocking) for finding in found] == [
        ("dead-code", line, False) for line in at
    ]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("a.py", ["# the total of all", "# items in the cart"]),
        ("a.py", ["# see price(item)", "# total"]),
        ("a.py", ["# total = 0"]),
        ("a.py", ["# total = 0", "x = 1", "# total = 1"]),
        ("a.ts", ["// A word about this;", "// and what follows from it"]),
        ("a.md", ["# total = 0", "# total += 1"]),
        ("a.py", ["    return total", "  total = 1"]),
        ("a.py", ["    return total", "", "    total = 1"]),
        ("a.py", ["    return (", "    total"]),
        ("a.py", ["    return early", "    if nothing is there"]),
        ("a.py", ["        return 1", "    elif other:"]),
        ("a.py", ["    return total", "    # why"]),
        ("a.py", ["    returned = total", "    total = 1"]),
    ],
)
def test_what_may_be_alive_or_prose_is_left_alone(path: str, lines: list[str]) -> None:
    assert review(diff(path, *lines), ()) == ()


def test_a_private_function_that_a_new_file_never_uses_is_remarked_on() -> None:
    lines = [
        "def _unused(a):",
        "    pass",
        "def _used():",
        "    pass",
        "@route",
        "def _kept():",
        "    _used()",
    ]
    new = changed("tests/a.py", status="added")
    [finding] = review(diff(new.path, *lines), (new,))
    assert (finding.line, finding.message) == (2, "Nothing in this new file uses `_unused`.")
    assert review(diff(new.path, *lines), (changed(new.path),)) == ()


@pytest.mark.parametrize(
    ("paths", "rules"),
    [
        (["src/a.py"], ["tests-untouched"]),
        (["src/a.py", "tests/test_a.py"], []),
        (["README.md", "setup.cfg"], []),
        (["tests/test_a.py"], []),
        ([f"tests/test_{n}.py" for n in range(11)], ["large"]),
        ([f"{n}/tests/test_a.py" for n in range(5)], ["spread"]),
    ],
)
def test_size_spread_and_missing_tests_are_notes(paths: list[str], rules: list[str]) -> None:
    found = review(b"", [changed(path) for path in paths])
    assert [(finding.rule, finding.blocking) for finding in found] == [(rule, False) for rule in rules]


def test_many_lines_are_a_large_change() -> None:
    [finding] = review(b"", [changed("a.md", added=401)])
    assert finding.message == "401 lines in 1 files are much to review at once; smaller parts are safer."


def noted(count: int, blocking: int) -> list[Finding]:
    notes = [Finding(rule=f"rule-{n}", message="m") for n in range(count)]
    return [*notes, *[Finding(rule="b", message="m", blocking=True)] * blocking]


@pytest.mark.parametrize(
    ("notes", "blocking", "expected"),
    [(0, 0, 100), (1, 0, 95), (8, 0, 60), (20, 0, 60), (0, 1, 55), (2, 1, 45), (0, 2, 10), (20, 3, 0)],
)
def test_the_score_is_what_its_description_says(notes: int, blocking: int, expected: int) -> None:
    assert score(noted(notes, blocking)) == expected


@given(st.integers(0, 40), st.integers(0, 5))
def test_a_score_below_60_means_that_something_blocks(notes: int, blocking: int) -> None:
    assert (score(noted(notes, blocking)) < 60) == (blocking > 0)


def test_the_same_note_in_the_same_file_counts_once() -> None:
    assert score([Finding(rule="leftover", message="m", path="a.py", line=n) for n in range(9)]) == 95


def test_no_test_is_asked_for_where_one_that_failed_now_passes() -> None:
    note = Finding(rule="tests-untouched", message="The code changes and no test does.")
    red, green = (CheckResult(command="t", exit_code=code) for code in (1, 0))
    proven = Evidence(tree="a" * 40, base=(red,), head=(green,))
    assert unanswered([note], proven) == ()
    assert unanswered([note], None) == (note,)
    assert unanswered([note], Evidence(tree="a" * 40, base=(green,), head=(green,), thin="why")) == (note,)
    other = Finding(rule="leftover", message="m")
    assert unanswered([other], proven) == (other,)
