"""Patterns mean what they mean to git."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pushpals.policy.globs import first_match, glob_problem, matches

PATTERNS = (
    "*", "**", "*.py", "/*.py", "/setup.py", "setup.py", "docs", "docs/", "/docs", "src/app",
    "src/app/", "src/*", "src/*.py", "src/**", "src/**/api.py", "**/api.py", "**/tests/**", "**/tests",
    "tests/**/", "**/", "a/**/b", "a/**/**/b", "a**b", "f?le", "file-[a-c].txt", "file-[!a-c].txt",
    "[]x]", "[^]x]", "*a*a*b", "src/*/api.py", ".github/workflows/**", "*.y*ml", "a/*", "?", "[a-",
    "**/*.py",
)  # fmt: skip
PATHS = (
    "setup.py", "src/setup.py", "src/app.py", "src/app", "src/app/api.py", "src/api.py",
    "src/a/b/api.py", "api.py", "docs", "docs/x.md", "x/docs/y.md", "x/docs", "tests/test_a.py",
    "a/tests/b/c.py", "a/b", "a/x/b", "a/x/y/b", "a/b/c", "aXb", "axxb", "file", "fle", "f/le",
    "file-a.txt", "file-d.txt", "file-.txt", "x", "]", "y", "aab", "acab", "aacb",
    ".github/workflows/ci.yml", ".github/workflows", "x/.github/workflows/ci.yml", "b.yaml", "[a-",
)  # fmt: skip


def ignored_by_git(folder: Path, pattern: str) -> set[str]:
    """Ask git which of the paths, all taken as files, the pattern ignores."""
    (folder / ".gitignore").write_text(pattern + "\n")
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=folder, input="\0".join(PATHS).encode(), capture_output=True, check=False,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)},
    )  # fmt: skip
    assert asked.returncode in {0, 1}, asked.stderr
    return set(asked.stdout.decode().split("\0")) - {""}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ignore")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_matches_what_git_would_ignore(repository: Path, pattern: str) -> None:
    assert {path for path in PATHS if matches(pattern, path)} == ignored_by_git(repository, pattern)


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("!src/**", "negation"),
        ("src\\app", "backslash"),
        (" src", "spaces"),
        ("src\u200b", "invisible"),
        ("/", "nothing"),
        ("../x", "root"),
        ("./x", "root"),
        ("[a-", "closed"),
        ("[[]x[", "closed"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused_in_words(pattern: str, word: str) -> None:
    problem = glob_problem(pattern)
    assert problem is not None
    assert word in problem


@pytest.mark.parametrize("pattern", ["**", "*.py", "/a", "src/", "[[]", "a b/c", "ä/*"])
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    assert glob_problem(pattern) is None


def test_letter_case_counts_unless_told() -> None:
    assert not matches("CODEOWNERS", "docs/codeowners")
    assert matches("CODEOWNERS", "docs/codeowners", ignore_case=True)


def test_the_first_matching_pattern_is_named() -> None:
    assert first_match(["a/*", "*.py", "**"], "b.py") == "*.py"
    assert first_match([], "b.py") is None


GLOBS = st.text(alphabet="ab*?[]!-/", max_size=30)
NAMES = st.lists(st.text(alphabet="ab", min_size=1, max_size=8), min_size=1, max_size=5).map("/".join)


@given(GLOBS, NAMES)
@example("*a" * 15 + "b", "a" * 200)
@example("**/" * 15 + "b", "/".join("a" * 40))
def test_any_pattern_gets_an_answer(pattern: str, path: str) -> None:
    assert matches(pattern, path) in {True, False}


@given(NAMES)
def test_a_path_matches_itself_its_folders_and_everything(path: str) -> None:
    assert matches("/" + path, path)
    assert matches("**", path)
    assert all(matches("/" + folder + "/", path) for folder in folders(path))


def folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
