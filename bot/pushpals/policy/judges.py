"""Which files decide how a check runs, besides the tests: who changes them changes the judge. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from pushpals.policy.globs import first_match

CONFIGURATION: Final = (
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
    "noxfile.py",
    "setup.cfg",
    "pyproject.toml",
    ".coveragerc",
    "sitecustomize.py",
    "usercustomize.py",
    "package.json",
    ".npmrc",
    ".mocharc*",
    "jest.config.*",
    "vitest.config.*",
    "karma.conf.*",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "*.mk",
    "justfile",
    "Rakefile",
    ".rspec",
    "phpunit.xml*",
    "build.gradle*",
    "pom.xml",
    ".cargo/config*",
    "nextest.toml",
)
"""Files in which runners look up what to run and how, in any folder."""


RUNNERS: Final = frozenset(
    {
        "coverage",
        "doctest",
        "hypothesis",
        "mypy",
        "nose2",
        "nox",
        "pytest",
        "ruff",
        "tox",
        "trial",
        "unittest",
    }
)
"""Modules that run or judge tests. One of that name at the top of a repository stands in for the real one."""


def is_judge(path: str, checks: Sequence[str]) -> bool:
    """Tell whether `path` decides how one of `checks` (command lines) runs.

    It does when it is configuration of a runner, the script that a check starts, or a module that would be
    run in place of the runner.
    """
    if first_match(CONFIGURATION, path):
        return True
    top = PurePosixPath(path).parts[0].removesuffix(".py")
    return top in RUNNERS or any(path == script for script in map(_script, checks))


def _script(check: str) -> str | None:
    """Return the script that a check starts, when it is one of the repository's."""
    try:
        words = shlex.split(check)
    except ValueError:
        return None
    named = (word for word in words[:2] if "/" in word[1:] or word.endswith(".sh"))
    return next((word.removeprefix("./") for word in named), None)
