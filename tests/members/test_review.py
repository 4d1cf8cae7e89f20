"""What the rule-based reader remarks on a change, and what leaves it silent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import FileChange
from pushpals.review_agent import review
from pushpals.review_agent.rules import MAX_FINDINGS


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
