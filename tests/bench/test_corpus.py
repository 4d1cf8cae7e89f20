"""Every bug of the bench is what it says: seen by one test of three, caught by the unseen ones, and mendable.

All cases run in one child process each for the broken and the correct programs; a child of its own, under a
limit of CPU time, runs each test that may never end.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.agent.corpus import Case, load

CASES = load()
KINDS = {
    "boundary",
    "operator",
    "wrong variable",
    "missing case",
    "wrong base case",
    "endless loop",
    "mutated argument",
    "off-by-one across two files",
    "wrong default",
    "bad format",
}
# Runs the tests of `tests.py` in a folder without a runner's overhead; prints one letter for each.
JUDGE = """
import resource, signal, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
def stop(*_):
    raise TimeoutError
signal.signal(signal.SIGVTALRM, stop)
sys.path.insert(0, sys.argv[1])
names = {}
exec(compile(open(sys.argv[1] + "/tests.py").read(), "tests.py", "exec"), names)
for name, test in names.items():
    if name.startswith("test_"):
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.3)
        try:
            test()
            print(".", end="")
        except Exception:
            print("F", end="")
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
"""


def judge(files: Mapping[str, str], tests: str, folder: Path) -> str:
    """Return a letter for each test: a dot for one that passes."""
    folder.mkdir()
    for name, text in {**files, "tests.py": tests}.items():
        (folder / name).write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-B", "-c", JUDGE, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not ran.returncode, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.bug.name)
def test_a_bug_fails_one_seen_test_and_some_unseen_ones(case: Case, tmp_path: Path) -> None:
    assert judge(case.broken, case.seen, tmp_path / "seen") == "F.."
    assert "F" in judge(case.broken, case.unseen, tmp_path / "unseen")
    letters = judge(
        case.program, case.seen + case.unseen.replace("test_", "test_unseen_"), tmp_path / "right"
    )
    assert letters == "." * (3 + len(case.bug.unseen))


def test_all_kinds_and_enough_of_each() -> None:
    kinds = Counter(case.bug.kind for case in CASES)
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= 4
    assert len(CASES) >= 44
    assert len({str(case.program) for case in CASES}) >= 12
    assert len({case.bug.name for case in CASES}) == len(CASES)


def test_the_halves_are_split_by_kind_and_share_no_bug() -> None:
    for kind in KINDS:
        tuning, held = (
            sum(case.bug.kind == kind and case.half == half for case in CASES)
            for half in ("tuning", "held out")
        )
        assert tuning - held in {0, 1}


def test_a_user_does_not_name_the_place() -> None:
    for case in CASES:
        changed = case.bug.old.strip()
        assert changed not in case.bug.issue
        assert "()" not in case.bug.issue
