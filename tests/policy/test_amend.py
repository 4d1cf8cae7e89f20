"""Putting a command on the policy file's list changes the list and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.policy.amend import with_command
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import RepoPolicy

COMMENTED = """\
# Ours.
version: 1  # the first
commands:  # what may run
  # by hand
  allow:
    - make docs *  # builds pages

    - "make deploy"
  ask: true

checks:
  - make test
"""


def allowed(text: str) -> tuple[str, ...]:
    policy = parse_policy(text)
    assert isinstance(policy, RepoPolicy)
    return policy.commands.allow


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "commands:\n  allow:\n    - 'rm -r x'\n"),
        ("version: 1\n", "version: 1\n\ncommands:\n  allow:\n    - 'rm -r x'\n"),
        ("commands:\n    ask: false\n", "commands:\n    allow:\n      - 'rm -r x'\n    ask: false\n"),
        ("commands:\n  allow:\n  - a\n", "commands:\n  allow:\n  - a\n  - 'rm -r x'\n"),
        (
            COMMENTED,
            COMMENTED.replace('    - "make deploy"\n', "    - \"make deploy\"\n    - 'rm -r x'\n"),
        ),
    ],
)
def test_the_entry_is_added_and_everything_else_stays(before: str, after: str) -> None:
    assert with_command(before, "rm -r x") == after
    assert allowed(after)[-1] == "rm -r x"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("commands: {allow: [a]}\n", "b"),
        ("commands:\n  allow: [a]\n", "b"),
        ("unknown: 1\n", "b"),
        ("", "two\nlines"),
        ("", ""),
        ("", " leading"),
        ("", "x" * 1001),
        ("", "zero\u200bwidth"),
    ],
)
def test_where_it_cannot_be_sure_it_leaves_the_file_alone(text: str, command: str) -> None:
    assert with_command(text, command) is None


def test_a_command_that_is_listed_is_not_listed_twice() -> None:
    assert with_command(COMMENTED, "make deploy") == COMMENTED


@given(
    st.text(min_size=1, max_size=60), st.sampled_from(["", COMMENTED, "commands:\n  allow:\n", "version: 1"])
)
def test_whatever_the_command_the_file_says_just_that_more(command: str, text: str) -> None:
    amended = with_command(text, command)
    if amended is not None and command not in allowed(text):
        assert allowed(amended) == (*allowed(text), command)
