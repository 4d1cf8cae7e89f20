"""Which checks a repository is seen to have."""

import subprocess
import sys
from pathlib import Path

import pytest

from pushpals.policy.commands import check_timeout_minutes, detect_checks
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import RepoPolicy

PYTEST = "python -m pytest -q"
UNITTEST = "python -m unittest"
CASE = "import unittest\n\nclass T(unittest.TestCase):\n    def test_x(self):\n        pass\n"


def commands(files: dict[str, str]) -> list[str]:
    return [check.command for check in detect_checks(tuple(files), files.get)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, []),
        ({"README.md": ""}, []),
        ({"pytest.ini": ""}, [PYTEST]),
        ({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-q'\n"}, [PYTEST]),
        ({"pyproject.toml": "[tool.ruff]\n"}, []),
        ({"pyproject.toml": "not toml ["}, []),
        ({"setup.cfg": "[tool:pytest]\n"}, [PYTEST]),
        ({"tox.ini": "[pytest]\n"}, [PYTEST]),
        ({"tests/conftest.py": ""}, [PYTEST]),
        ({"tests/test_a.py": "def test_a():\n    assert 1\n"}, [PYTEST]),
        ({"tests/test_a.py": "import pytest\n" + CASE}, [PYTEST]),
        ({"a_test.py": "async def test_a():\n    assert 1\n"}, [PYTEST]),
        ({"test_a.py": CASE}, [UNITTEST]),
        ({"tests/__init__.py": "", "tests/test_a.py": CASE}, [UNITTEST]),
        ({"tests/test_a.py": CASE}, ["python -m unittest discover -s tests"]),
        ({"tests/unit/test_a.py": CASE}, ["python -m unittest discover -s tests/unit"]),
        ({"tests/test_a.py": CASE, "tests/test_b.py": "def test_b(): pass\n"}, [PYTEST]),
        ({"src/app.py": CASE}, []),
        ({"package.json": '{"scripts": {"test": "node --test"}}'}, ["npm test --silent"]),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, []),
        ({"package.json": '{"scripts": {"build": "x"}}'}, []),
        ({"package.json": '{"scripts": "x"}'}, []),
        ({"package.json": "[]"}, []),
        ({"package.json": "{"}, []),
        ({"go.mod": "module x"}, ["go test ./..."]),
        ({"Cargo.toml": ""}, ["cargo test -q"]),
        ({"Makefile": "build:\n\ttrue\ntest: build\n\ttrue\n"}, ["make test"]),
        ({"Makefile": "test := 1\ntests:\n\ttrue\n"}, []),
        ({"Makefile": "test:\n", "go.mod": ""}, ["go test ./..."]),
        (
            {"pytest.ini": "", "package.json": '{"scripts": {"test": "x"}}', "go.mod": ""},
            [PYTEST, "npm test --silent"],
        ),
        ({"sub/go.mod": "", "sub/package.json": "{}"}, []),
    ],
    ids=str,
)
def test_checks_are_seen_from_the_files(files: dict[str, str], expected: list[str]) -> None:
    assert commands(files) == expected


def test_each_check_says_why_it_was_chosen() -> None:
    (check,) = detect_checks(["tests/test_a.py"], lambda path: CASE)
    assert check.why == "`tests/test_a.py` is written for unittest"


def test_a_file_that_cannot_be_read_is_not_guessed_about() -> None:
    assert detect_checks(["tests/test_a.py", "package.json", "Makefile"], lambda path: None) == ()


def test_few_files_are_read_however_many_there_are() -> None:
    read: list[str] = []

    def reader(path: str) -> str:
        read.append(path)
        return ""

    detect_checks([f"tests/test_{n}.py" for n in range(1000)], reader)
    assert len(read) <= 20


@pytest.mark.parametrize(
    "layout",
    [
        ("test_a.py",),
        ("tests/__init__.py", "tests/test_a.py"),
        ("tests/test_a.py",),
        ("tests/unit/test_a.py",),
    ],
)
def test_the_chosen_unittest_command_finds_the_test(tmp_path: Path, layout: tuple[str, ...]) -> None:
    files = {path: CASE if path.endswith("test_a.py") else "" for path in layout}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (command,) = commands(files)
    argv = [sys.executable, *command.split()[1:]]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert "Ran 1 test" in done.stderr


def test_a_check_may_run_as_long_as_the_policy_says() -> None:
    policy = parse_policy("checks:\n  - make a\n  - run: make b\n    timeout_minutes: 3\n")
    assert isinstance(policy, RepoPolicy)
    assert [check_timeout_minutes(policy, name) for name in ("make a", "make b", "other")] == [10, 3, 10]
