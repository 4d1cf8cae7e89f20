"""What a text means to touch: the files it names, seen against the paths of the repository. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pushpals.policy.globs import covers, glob_problem, matches
from pushpals.policy.risk import TESTS, is_test

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_NAMED: Final = 12
_CODE: Final = re.compile(r"`([^`\n]{1,200})`")
_PATHLIKE: Final = re.compile(r"(?<![\w/.-])(?:[\w.-]+/)*[\w-][\w.-]*\.[A-Za-z]\w{0,9}(?![\w/-])")
_NEW_FILE: Final = re.compile(
    r"(?:[\w.-]+/)*[\w-][\w.-]*\.(?:cfg|c|cpp|cs|css|go|h|html|ini|java|js|json|jsx|kt|md|php|py|rb|rs|rst|sh"
    r"|sql|toml|ts|tsx|txt|ya?ml)"
)
_GLOB: Final = re.compile(r"[\w./*?\[\]-]*[*/][\w./*?\[\]-]*")


def named_paths(text: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the files of the repository that a text names, in their order of mention, at most twelve.

    A file is named by its path, by the end of its path (`names.py` for `auth/names.py`) when no other file
    ends so, or by a pattern or folder in code marks.
    """
    found: dict[str, None] = {}
    for pattern in named_patterns(text, paths):
        for path in _matching(pattern, paths):
            found[path] = None
    return tuple(found)[:MOST_NAMED]


def named_patterns(text: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns a text names, in their order of mention, at most twelve.

    Each matches a file of the repository, or is the name of a file that is yet to be made.
    """
    known = frozenset(paths)
    marks = [(match.start(1), match[1].strip()) for match in _CODE.finditer(text)]
    words = [(match.start(), match[0]) for match in _PATHLIKE.finditer(text)]
    found: dict[str, None] = {}
    for at, word in sorted({*marks, *words}):
        name = word.removeprefix("./")
        ends = [path for path in paths if path.endswith(f"/{name}")]
        if name in known:
            found[f"/{name}"] = None
        elif "." in name and len(ends) == 1:
            found[f"/{ends[0]}"] = None
        elif not ends and _NEW_FILE.fullmatch(name) and glob_problem(name) is None:
            found[f"/{name}"] = None
        elif (at, word) in marks and _GLOB.fullmatch(name) and glob_problem(name) is None:
            pattern = name if any(char in name for char in "*?[") else f"/{name.strip('/')}/"
            if _matching(pattern, paths):
                found[pattern] = None
    return tuple(found)[:MOST_NAMED]


def scope_for(text: str, paths: Sequence[str], write: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scope of a task whose text is `text`: what it names and the tests, else all of `write`.

    Only files outside the tests narrow a scope: who names a test alone wants what it tests to change.
    """
    named = [pattern for pattern in named_patterns(text, paths) if inside(pattern, write, paths)]
    if all(is_test(pattern.strip("/")) for pattern in named):
        return write
    tests = (glob for glob in TESTS if _matching(glob, paths) and inside(glob, write, paths))
    return (*named, *tests)


def inside(pattern: str, write: Sequence[str], paths: Sequence[str]) -> bool:
    """Tell whether a pattern allows nothing that `write` does not, by the patterns or the files there are."""
    if covers(write, pattern):
        return True
    matched = _matching(pattern, paths)
    return bool(matched) and all(_any(write, path) for path in matched)


def touched(scope: Iterable[str], paths: Sequence[str]) -> tuple[str, ...]:
    """Return the files of the repository that a scope allows to be changed."""
    globs = tuple(scope)
    return tuple(path for path in paths if _any(globs, path))


def _any(globs: Sequence[str], path: str) -> bool:
    return any(matches(glob, path) for glob in globs)


def _matching(pattern: str, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if matches(pattern, path)]
