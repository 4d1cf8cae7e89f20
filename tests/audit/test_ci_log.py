"""What is kept of a CI log: the part that tells what failed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit.ci_log import failing_part

NOISE = "\n".join(f"2026-01-01T00:00:{n % 60:02d}.0000000Z downloading part {n}" for n in range(500))
FAILURE = "2026-01-01T00:09:00.0000000Z \x1b[31mFAILED tests/test_names.py::test_dot\x1b[0m - AssertionError"
END = (
    "2026-01-01T00:09:01.0000000Z ##[error]Process completed with exit code 1.\n"
    "2026-01-01T00:09:02.0000000Z Post job cleanup"
)


def test_the_lines_around_the_failure_are_kept_without_times_and_colours() -> None:
    kept = failing_part(f"{NOISE}\n{FAILURE}\n{END}")
    assert "FAILED tests/test_names.py::test_dot - AssertionError" in kept
    assert kept.startswith("downloading part 488\n")
    assert kept.endswith("##[error]Process completed with exit code 1.")
    assert "2026" not in kept


def test_two_failures_far_apart_are_told_with_a_gap_between() -> None:
    kept = failing_part(f"error: one\n{NOISE}\nerror: two")
    assert kept.startswith("error: one\n")
    assert "\n…\n" in kept
    assert kept.endswith("error: two")


def test_of_a_log_that_tells_no_failure_the_end_is_kept() -> None:
    kept = failing_part(NOISE, 100)
    assert kept.endswith("downloading part 499")
    assert kept.count("\n") < 5


@given(st.text(), st.integers(0, 400))
def test_it_never_grows_beyond_its_limit(log: str, limit: int) -> None:
    assert len(failing_part(log, limit)) <= limit
