"""The policy file: what it may say, and what its author is told of each mistake."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import PolicyProblem, RepoPolicy, policy_digest


def read(text: str) -> RepoPolicy:
    policy = parse_policy(dedent(text))
    assert isinstance(policy, RepoPolicy), policy
    return policy


def problem(text: str | bytes) -> PolicyProblem:
    found = parse_policy(text)
    assert isinstance(found, PolicyProblem)
    return found


@pytest.mark.parametrize(
    "text", [None, "", "\n\n", "# only a comment\n", "---\n", "{}", "scope:\n", b"", "\ufeff"]
)
def test_no_file_and_an_empty_file_mean_the_defaults(text: str | bytes | None) -> None:
    policy = parse_policy(text)
    assert isinstance(policy, RepoPolicy)
    assert policy.model_dump() == RepoPolicy().model_dump()
    assert policy_digest(policy) == policy_digest(RepoPolicy())


def test_the_defaults_are_safe() -> None:
    policy = RepoPolicy()
    assert policy.access.roles == ("write", "maintain", "admin")
    assert policy.limits.files == 20
    assert policy.limits.lines == 800
    assert policy.budget.turns == 50
    assert policy.checks == ()


def test_every_section_can_be_set_and_knows_its_lines() -> None:
    policy = read("""\
        version: 1
        trigger:
          label: do it
        access: {roles: [maintain, release team]}
        scope:
          write: ["src/**"]
          protected:
            - src/billing/**
            - "*.sql"
          unprotect: [.gitattributes]
        limits:
          files: 3
        budget:
          usd: 2
          minutes: 7.5
        checks:
          - make check
          - run: npm test
            timeout_minutes: 5
    """)
    assert policy.trigger.label == "do it"
    assert policy.access.roles == ("maintain", "release team")
    assert policy.budget.usd == 2
    assert [(check.run, check.timeout_minutes) for check in policy.checks] == [
        ("make check", 10),
        ("npm test", 5),
    ]
    assert policy.where("scope.protected.1") == "policy line 9"
    assert policy.where("limits.files") == "policy line 12"
    assert policy.where("limits.lines") == "default"
    assert policy.job_budget.max_minutes == 7.5


def test_the_digest_is_of_what_is_said_not_of_how() -> None:
    assert policy_digest(read("limits: {files: 3}\nversion: 1")) == policy_digest(
        read("limits:\n  files: 3 # few\n")
    )
    assert policy_digest(read("limits: {files: 3}")) != policy_digest(read("limits: {files: 4}"))
    assert policy_digest(read("budget: {usd: .inf}")) != policy_digest(read("budget: {usd: 1}"))


MISTAKES = [
    # text, line, column, what the message says, what is suggested
    ("scope:\n  wrte: [a]\n", 2, 3, "did you mean 'write'", "write:"),
    ("Limits:\n  files: 3\n", 1, 1, "did you mean 'limits'", "limits:"),
    (
        "checks:\n  - run: a\n    timeout-minutes: 3\n",
        3,
        5,
        "did you mean 'timeout_minutes'",
        "timeout_minutes:",
    ),
    ("colour: red\n", 1, 1, "known here: version, trigger", None),
    ("protected: [a]\n", 1, 1, "belongs under 'scope'", "scope:\n  protected:"),
    ("budget:\n  turns: 90\n", 2, 10, "must be at most 50", "turns: 50"),
    ("budget:\n  turns: 0\n", 2, 10, "must be at least 1", "turns: 1"),
    ("budget:\n  minutes: 0\n", 2, 12, "must be more than 0", None),
    ("budget:\n  turns: 1.5\n", 2, 10, "whole number", None),
    ("budget:\n  turns: '20'\n", 2, 10, "whole number", "turns: 20"),
    ("budget:\n  turns: many\n", 2, 10, "whole number", None),
    ("budget:\n  turns: 0x10\n", 2, 10, "plain decimal", None),
    ("budget:\n  turns: 1:30\n", 2, 10, "plain decimal", None),
    ("budget:\n  usd: .nan\n", 2, 8, "plain decimal", None),
    ("budget:\n  usd: yes\n", 2, 8, "must be a number", None),
    ("checks: pytest -q\n", 1, 9, "must be a list", 'checks: ["pytest -q"]'),
    ("checks:\n  - 3\n", 2, 5, "must be text", None),
    ("checks:\n  - ''\n", 2, 5, "must not be empty", None),
    ("checks:\n  - timeout_minutes: 3\n", 2, 5, "'run' of entry 1 of 'checks' is missing", None),
    ("checks:\n  - |\n    a\n    b\n", 2, 5, "one line", None),
    ("trigger:\n  label: on\n", 2, 10, "must be text", 'label: "on"'),
    ("trigger:\n  label: 2026-11-20\n", 2, 10, "reads as a date", '"2026-11-20"'),
    ("trigger:\n  label: agent: ready\n", 2, 15, "needs quotes", '  label: "agent: ready"'),
    ("scope: 3\n", 1, 8, "keys, indented below it", None),
    ("scope:\n  write: ['!a']\n", 2, 11, "negation", None),
    ("scope:\n  write: [a, 'b\\c']\n", 2, 14, "entry 2 of 'scope.write' has a backslash", None),
    ("scope:\n  unprotect: [x]\n", 2, 15, "not one of the built-in paths", None),
    ("scope:\n  unprotect: [CODEOWNERS]\n", 2, 15, "never be released", None),
    ("access:\n  roles: [read]\n", 2, 11, "would let everyone", None),
    ("version: 2\n", 1, 10, "must be 1", "version: 1"),
    ("version: 1\nversion: 1\n", 2, 1, "set twice, first on line 1", None),
    ("- a\n", 1, 1, "list of 'key: value' lines", "version: 1"),
    ("just text\n", 1, 1, "list of 'key: value' lines", "version: 1"),
    ("? [a]\n: b\n", 1, 3, "single word", None),
    ("scope:\n\twrite: [a]\n", 2, 1, "tabs", "  write: [a]"),
    ("a: &x 1\n", 1, 4, "anchors", None),
    ("a: *x\n", 1, 4, "anchors", None),
    ("checks: [!!python/object:os.system x]\n", 1, 10, "tag", None),
    ("!!set {a, b}\n", 1, 1, "tag", None),
    ("version: 1\n---\nversion: 1\n", 2, 1, "second document", None),
    ("[" * 50, 1, 9, "levels deep", None),
    ("version: 'x\n", 2, 1, "not valid YAML", None),
    ("version: 1\n bad\n", 1, 10, "must be 1", "version: 1"),
    ("limits: {files: 3\n", 2, 1, "not valid YAML", None),
    ("limits:\n  files: 3\n bad: 1\n", 3, 2, "not valid YAML", None),
    ("a: \x00", 1, 1, "U+0000", None),
]


@pytest.mark.parametrize(
    ("text", "line", "column", "says", "suggestion"), MISTAKES, ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_answered_with_its_line(
    text: str, line: int, column: int, says: str, suggestion: str | None
) -> None:
    found = problem(text)
    assert (found.line, found.column) == (line, column)
    assert says in found.message
    assert found.suggestion == suggestion
    assert found.quoted_line == [*text.split("\n"), "", ""][line - 1]
    assert str(found).startswith(f"line {line}, column {column}: ")


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    assert "65,536" in problem("a" * 65_537).message


def test_bytes_that_are_not_utf8_are_named_with_their_line() -> None:
    found = problem(b"version: 1\ntrigger: {label: \xff}\n")
    assert (found.line, "UTF-8" in found.message) == (2, True)


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert "aliases" in problem("\n".join(lines)).message


@given(st.text(max_size=200))
def test_any_text_gets_an_answer_and_a_problem_quotes_the_text(text: str) -> None:
    found = parse_policy(text)
    if isinstance(found, PolicyProblem):
        assert found.line >= 1
        assert found.column >= 1
        assert found.quoted_line in text


KEYS = st.sampled_from(
    ["version", "scope", "write", "budget", "usd", "checks", "run", "access", "roles", "x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_data_gets_an_answer(data: dict[str, object]) -> None:
    import yaml  # noqa: PLC0415 - only this test writes YAML

    assert isinstance(parse_policy(yaml.safe_dump(data)), RepoPolicy | PolicyProblem)
