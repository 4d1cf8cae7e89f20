"""Roles as data: seven that come with PushPals, and a repository's own, which the policy bounds."""

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.policy.repo_policy import BudgetSection, Limits, RepoPolicy, Scope
from pushpals.policy.roles import BUILT_IN_ROLES, Role, RoleProblem, gather, parse_role
from tests.policy.roles import built_in, texts

GO = """---
title: Go Expert
modes: [implement]
tools: [read, search, edit]
scope: ["src/**"]
limits: {turns: 10, files: 3}
---
Write idiomatic Go.
"""
FOLDER = ".github/pushpals/roles"


def problem(text: str, policy: RepoPolicy | None = None, name: str = "go_expert") -> str:
    found = gather(texts(), {f"{FOLDER}/{name}.md": text}, policy or RepoPolicy())
    assert found.by_name == built_in().by_name  # what is wrong changes nothing
    [one] = found.problems
    return f"{one.line}: {one.message}"


def test_seven_roles_come_with_the_package_and_each_can_do_a_task() -> None:
    files = {
        item.name for item in (resources.files("pushpals") / "roles").iterdir() if item.name.endswith(".md")
    }
    assert files == {f"{name}.md" for name in BUILT_IN_ROLES}
    roles = built_in()
    assert set(roles.by_name) == set(BUILT_IN_ROLES)
    assert all(role.changes_files and role.instructions for role in roles.by_name.values())
    assert [role.title for role in roles.by_name.values()] == [
        "Bug Fixer",
        "CI Medic",
        "Conflict Resolver",
        "Dependency Steward",
        "Performance Tuner",
        "Refactorer",
        "Security Sentinel",
    ]


def test_a_repository_adds_a_role() -> None:
    role = gather(texts(), {f"{FOLDER}/go_expert.md": GO}, RepoPolicy()).get("go_expert")
    assert role is not None
    assert (role.title, role.instructions, role.modes) == ("Go Expert", "Write idiomatic Go.", ("implement",))
    assert role.bounds.within == ("src/**",)
    assert role.bounds.tools == ("read", "search", "edit")
    assert (role.bounds.turns, role.bounds.files, role.bounds.lines) == (10, 3, None)


def test_a_repository_narrows_a_role_that_is_there() -> None:
    text = "---\ntitle: Bug Fixer\nscope: [lib/**]\ntools: [read, edit]\nlimits: {turns: 5}\n---\nOnly lib."
    found = gather(texts(), {f"{FOLDER}/bug_fixer.md": text}, RepoPolicy())
    role = found.get("bug_fixer")
    assert role is not None
    assert (role.bounds.within, role.bounds.turns, found.problems) == (("lib/**",), 5, ())


@pytest.mark.parametrize(
    ("text", "policy", "said"),
    [
        (
            GO,
            RepoPolicy(scope=Scope(write=("docs/**",))),
            "5: `src/**` is not inside the paths the policy lets be",
        ),
        (GO, RepoPolicy(limits=Limits(files=2)), "6: `files: 3` is more than the policy's 2 (limits.files)"),
        (GO, RepoPolicy(budget=BudgetSection(turns=9)), "6: `turns: 10` is more than the policy's 9"),
        (GO.replace("tools", "tolls"), None, "4: unknown key 'tolls'; did you mean 'tools'?"),
        (GO.replace("[implement]", "[destroy]"), None, "3: `modes.0`"),
        (
            GO.replace("turns: 10", "turns: 60"),
            None,
            "6: `limits.turns`: Input should be less than or equal to 50",
        ),
        (GO.replace("title: Go Expert", "title: [a"), None, "3: "),
        ("Write Go.", None, "1: the file begins with '---'"),
        ("---\ntitle: Empty\n---\n", None, "4: there are no instructions"),
        ("---\nmodes: [plan]\n---\nLook.", None, "1: `title` is missing"),
        (GO + "x" * 16_000, None, "1: the file has more than 16,000 bytes"),
    ],
)
def test_a_broken_or_wider_file_is_left_out_and_its_line_told(
    text: str, policy: RepoPolicy | None, said: str
) -> None:
    assert problem(text, policy).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "---\ntitle: CI Medic\nlimits: {turns: 30, files: 10}\n---\nx",
            "`lines` is more than the built-in role's 300",
        ),
        (
            "---\ntitle: CI Medic\nlimits: {turns: 31, files: 10, lines: 300}\n---\nx",
            "`turns` is more than the built-in role's 30",
        ),
    ],
)
def test_a_built_in_role_is_never_widened(text: str, said: str) -> None:
    assert problem(text, name="ci_medic").endswith(said)


def test_a_role_that_only_looks_has_no_tool_that_changes() -> None:
    role = parse_role("auditor.md", "---\ntitle: Auditor\nmodes: [review]\n---\nLook.")
    assert isinstance(role, Role)
    assert role.bounds.tools == ("read", "search", "list")
    assert not role.changes_files


@pytest.mark.parametrize("name", ["../x", "Bug", "a-b", "", "x" * 41])
def test_a_role_s_name_becomes_part_of_a_branch(name: str) -> None:
    assert isinstance(parse_role(f"{FOLDER}/{name}.md", GO), RoleProblem) or "/" in name


def test_only_so_many_files_are_read() -> None:
    many = {f"{FOLDER}/role{at:02}.md": GO for at in range(22)}
    found = gather(texts(), many, RepoPolicy())
    assert len(found.by_name) == len(BUILT_IN_ROLES) + 20
    assert [str(one) for one in found.problems] == [
        f"{FOLDER} line 1: there are 22 role files; the first 20 by name are read"
    ]


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_is_read_or_refused(front: str, words: str) -> None:
    for text in (front, f"---\n{front}\n---\n{words}"):
        assert isinstance(parse_role("any.md", text), Role | RoleProblem)
