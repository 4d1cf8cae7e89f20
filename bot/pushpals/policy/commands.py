"""Which checks a repository has, seen from its files when its policy names none.

At most two are chosen, in this order: Python (pytest, else unittest), npm, Go, Cargo; `make test` only when
none of these is recognised, because a Makefile's test target may do anything.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from pushpals.model import Frozen
from pushpals.policy.globs import first_match
from pushpals.policy.repo_policy import CheckSetting, RepoPolicy

MAX_CHECKS: Final = 2
_MAX_TEST_FILES_READ: Final = 20

Reader = Callable[[str], str | None]
"""Returns the text of a small file of the repository, or None when there is none to read."""


class Check(Frozen):
    """A command that tells whether the repository works, and why it was chosen."""

    command: str
    why: str


def detect_checks(paths: Sequence[str], read: Reader) -> tuple[Check, ...]:
    """Return the checks of a repository with these `paths`, at most two; empty when none is recognised."""
    known = frozenset(paths)
    found = (_python(paths, read), _npm(known, read), _go(known), _cargo(known))
    chosen = tuple(check for check in found if check)[:MAX_CHECKS]
    if chosen:
        return chosen
    make = _make(known, read)
    return (make,) if make else ()


def check_timeout_minutes(policy: RepoPolicy, command: str) -> float:
    """Return how many minutes `command` may run as a check: what the policy says, else the default."""
    listed = {check.run: check.timeout_minutes for check in policy.checks}
    return listed.get(command, CheckSetting(run=command).timeout_minutes)


def _python(paths: Sequence[str], read: Reader) -> Check | None:
    if why := _pytest_config(frozenset(paths), read):
        return Check(command="python -m pytest -q", why=why)
    unittests: list[str] = []
    for path in islice(_python_tests(paths), _MAX_TEST_FILES_READ):
        text = read(path) or ""
        if re.search(r"^[ \t]*(?:import|from) pytest\b|^(?:async )?def test_", text, re.MULTILINE):
            return Check(command="python -m pytest -q", why=f"`{path}` is written for pytest")
        if re.search(r"^[ \t]*(?:import|from) unittest\b", text, re.MULTILINE):
            unittests.append(path)
    return _unittest(unittests, frozenset(paths)) if unittests else None


def _pytest_config(known: frozenset[str], read: Reader) -> str | None:
    """Return where pytest is set up, or None."""
    if "pytest.ini" in known or ".pytest.ini" in known:
        return "`pytest.ini` sets up pytest"
    if "pyproject.toml" in known and _has_pytest_table(read("pyproject.toml") or ""):
        return "`pyproject.toml` sets up pytest"
    for name, section in (("setup.cfg", "[tool:pytest]"), ("tox.ini", "[pytest]")):
        if name in known and section in (read(name) or ""):
            return f"`{name}` sets up pytest"
    conftest = next((path for path in sorted(known) if path.rpartition("/")[2] == "conftest.py"), None)
    return f"`{conftest}` belongs to pytest" if conftest else None


def _has_pytest_table(text: str) -> bool:
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return False
    return isinstance(tool, dict) and "pytest" in tool


def _python_tests(paths: Sequence[str]) -> Iterator[str]:
    return (path for path in sorted(paths) if first_match(("test*.py", "*_test.py"), path))


def _unittest(tests: Sequence[str], known: frozenset[str]) -> Check:
    """Choose the discovery that finds `tests`: unittest looks only into packages below where it starts."""
    why = f"`{tests[0]}` is written for unittest"
    folder = tests[0].rpartition("/")[0]
    start = folder.split("/")[0]
    if not folder or f"{start}/__init__.py" in known:
        return Check(command="python -m unittest", why=why)
    while f"{folder}/__init__.py" in known and "/" in folder:
        folder = folder.rpartition("/")[0]
    return Check(command=f"python -m unittest discover -s {folder}", why=why)


def _npm(known: frozenset[str], read: Reader) -> Check | None:
    if "package.json" not in known:
        return None
    try:
        package = json.loads(read("package.json") or "")
    except ValueError:
        return None
    scripts = package.get("scripts") if isinstance(package, dict) else None
    script = scripts.get("test") if isinstance(scripts, dict) else None
    # What `npm init` writes is the absence of a test.
    if not isinstance(script, str) or not script.strip() or "no test specified" in script:
        return None
    return Check(command="npm test --silent", why="`package.json` has a test script")


def _go(known: frozenset[str]) -> Check | None:
    if "go.mod" not in known:
        return None
    return Check(command="go test ./...", why="`go.mod` makes this a Go module")


def _cargo(known: frozenset[str]) -> Check | None:
    if "Cargo.toml" not in known:
        return None
    return Check(command="cargo test -q", why="`Cargo.toml` makes this a Cargo package")


def _make(known: frozenset[str], read: Reader) -> Check | None:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if name in known and re.search(r"^test\s*:(?!=)", read(name) or "", re.MULTILINE):
            return Check(command="make test", why=f"`{name}` has a `test` target")
    return None
