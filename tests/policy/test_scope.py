"""What a change may touch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import Bounds, FileChange
from pushpals.policy.parse import parse_policy
from pushpals.policy.paths import path_problem, printable
from pushpals.policy.repo_policy import Limits, RepoPolicy, Scope
from pushpals.policy.scope import check_scope

EVERYTHING = ("**",)


def changed(path: str, **fields: object) -> FileChange:
    ordinary = {"status": "modified", "added": 1, "removed": 1, "mode": "100644"}
    return FileChange.model_validate({"path": path, **ordinary, **fields})


def rules(
    *files: FileChange, scope: tuple[str, ...] = EVERYTHING, policy: RepoPolicy | None = None
) -> list[str]:
    findings = check_scope(files, scope, policy or RepoPolicy())
    assert all(finding.blocking for finding in findings)
    return [finding.rule for finding in findings]


@pytest.mark.parametrize(
    "path", ["src/a.py", "README.md", "tests/test_a.py", ".gitignore", "a b.txt", "ä.md", "x.git"]
)
def test_ordinary_files_pass(path: str) -> None:
    assert rules(changed(path)) == []


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        ".github/workflows/deep/er/x.txt",
        ".GitHub/Workflows/CI.yml",
        ".github/actions/build/action.yml",
        ".github/pushpals.yml",
        ".github/pushpals/roles/x.md",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        ".github/codeowners",
        ".gitattributes",
        "sub/.gitattributes",
        ".gitmodules",
        ".husky/pre-commit",
        ".githooks/pre-push",
        ".pre-commit-config.yaml",
        "action.yml",
    ],
)
def test_protected_paths_stop_a_change_whatever_its_scope(path: str) -> None:
    assert rules(changed(path), scope=(path,)) == ["scope.protected"]
    assert rules(changed(path, status="deleted", mode="000000", added=0)) == ["scope.protected"]


def test_a_policy_releases_only_what_it_names() -> None:
    policy = RepoPolicy(scope=Scope(unprotect=(".gitattributes",)))
    assert rules(changed("a/.gitattributes"), policy=policy) == []
    assert rules(changed(".gitmodules"), policy=policy) == ["scope.protected"]


def test_a_finding_says_which_rule_and_where_it_is_set() -> None:
    policy = parse_policy("scope:\n  write:\n    - src/**\n  protected:\n    - '*.sql'\n    - src/core/**\n")
    assert isinstance(policy, RepoPolicy)
    files = [
        changed("src/core/a.py"),
        changed("docs/x.md"),
        changed(".github/workflows/ci.yml"),
        changed("src/b.py"),
    ]
    assert [finding.message for finding in check_scope(files, ("src/a/**",), policy)] == [
        "`src/core/a.py` is protected (policy line 6, `src/core/**`).",
        "`docs/x.md` is outside the paths that may be changed (policy line 2).",
        "`.github/workflows/ci.yml` is protected (built-in rule `/.github/workflows/**`).",
        "`src/b.py` is outside this task's scope (the plan: `src/a/**`).",
    ]


def test_a_task_narrows_the_policy_and_never_widens_it() -> None:
    policy = RepoPolicy(scope=Scope(write=("src/**",)))
    assert rules(changed("src/a.py"), scope=("src/b.py",), policy=policy) == ["task.scope"]
    assert rules(changed("docs/a.md"), scope=("**",), policy=policy) == ["scope.write"]
    assert rules(changed("src/a.py"), scope=(), policy=policy) == ["task.scope"]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"mode": "120000"}, "mode"),
        ({"mode": "160000"}, "mode"),
        ({"mode": "104755"}, "mode"),
        ({"mode": "000000"}, "mode"),
        ({"status": "deleted", "mode": "120000"}, "mode"),
        ({"added": None, "removed": None}, "binary"),
        ({"status": "added", "added": None, "removed": None}, "binary"),
    ],
)
def test_only_ordinary_text_files_are_published(fields: dict[str, object], rule: str) -> None:
    assert rules(changed("a.txt", **fields)) == [rule]


def test_executables_and_deletions_are_ordinary() -> None:
    assert rules(changed("run.sh", mode="100755")) == []
    assert rules(changed("old.png", status="deleted", mode="000000", added=None, removed=None)) == []


def test_size_is_limited_in_files_lines_and_bytes() -> None:
    policy = RepoPolicy(limits=Limits(files=2, lines=10, file_bytes=100))
    small = [changed(f"{name}.py", added=2, removed=1) for name in "ab"]
    assert rules(*small, policy=policy) == []
    assert rules(*small, changed("c.py"), policy=policy) == ["limits.files"]
    assert rules(changed("a.py", added=6, removed=5), policy=policy) == ["limits.lines"]
    (finding,) = check_scope([changed("a.py")], EVERYTHING, policy, {"a.py": 101})
    assert finding.message == "`a.py` gains 101 bytes; the limit is 100 (default)."
    assert check_scope([changed("a.py")], EVERYTHING, policy, {"a.py": 100}) == ()


def test_a_lock_file_does_not_change_alone() -> None:
    assert rules(changed("web/package-lock.json")) == ["lockfile"]
    assert rules(changed("web/package-lock.json"), changed("web/app/package.json")) == []
    assert rules(changed("go.sum"), changed("package.json")) == ["lockfile"]


TRICKS = [
    "/etc/passwd",
    "C:/x",
    "c:x",
    "..",
    "a/../b",
    "./a",
    "a//b",
    "a/",
    "",
    ".git/config",
    ".GIT/hooks/x",
    "a/.git",
    "a/.Git/b",
    "git~1/config",
    "GIT~2",
    "gi7eba~1",
    "GITMOD~1",
    ".git /x",
    ".git./x",
    ".git::$INDEX_ALLOCATION/x",
    ".git:x",
    ".g\u200cit/config",
    "a\u202eb",
    "a\ufeff",
    "a\x00b",
    "a\nb",
    "a\x1bb",
    "a\x7f",
    "a\x85b",
    "a\udc80",
    "a\\b",
    "..\\b",
    "name.",
    "name ",
    "dir./x",
    "a:b",
    "a\U000e0041",
]


@pytest.mark.parametrize("path", TRICKS)
def test_path_tricks_are_refused_before_any_other_rule(path: str) -> None:
    assert path_problem(path) is not None
    assert rules(changed(path), scope=()) == ["path"]


@pytest.mark.parametrize(
    "path", ["a.py", "..a", "a..b", "...x", ".github/x", ".gitignore", "git~/x", "é/ü.md", "~1"]
)
def test_unusual_but_honest_paths_are_ordinary(path: str) -> None:
    assert path_problem(path) is None


@given(st.text(max_size=20))
def test_any_path_is_shown_on_one_line_that_hides_nothing(path: str) -> None:
    shown = printable(path)
    assert shown[1:-1].isprintable() or any(char == " " or not char.isascii() for char in shown)
    assert "`" not in shown[1:-1]
    assert "\n" not in shown
    assert path_problem(shown[1:-1].replace("\\", "")) != "has control or invisible characters"


PARTS = st.sampled_from(
    ["a", "b.py", ".git", "..", ".", "", "x ", ".GIT", "src", ".github", "git~1", "c:", "d\\e"]
)


@given(st.lists(PARTS, min_size=1, max_size=4).map("/".join))
def test_what_passes_is_relative_and_stays_inside_the_repository(path: str) -> None:
    if rules(changed(path)) == []:
        assert all(part and part.strip(". ") for part in path.split("/"))
        assert ".git" not in [part.casefold() for part in path.split("/")]
        assert not path.startswith("/")


@pytest.mark.parametrize(
    ("bounds", "rules"),
    [
        (Bounds(), []),
        (Bounds(within=("docs/**",)), ["role.scope", "role.scope"]),
        (Bounds(files=1), ["role.limits.files"]),
        (Bounds(lines=1), ["role.limits.lines"]),
        (Bounds(files=2, lines=4), []),
    ],
)
def test_a_role_bounds_what_its_worker_may_change(bounds: Bounds, rules: list[str]) -> None:
    files = [changed("src/a.py"), changed("src/b.py")]
    assert [finding.rule for finding in check_scope(files, ["**"], RepoPolicy(), None, bounds)] == rules
