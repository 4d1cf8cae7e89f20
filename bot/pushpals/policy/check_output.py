"""Reading how many tests passed from the last words of test runners.

The formats are recognised by their own summary lines, whatever command printed them, because a check is often
a wrapper (`make test`, `npm test`). Output comes from the sandbox, so the counts are what the repository's
tools claim; only the exit code decides whether a check passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

MAX_NAMES: Final = 50
_MAX_NAME: Final = 200
_MAX_TAIL: Final = 200_000
_MAX_LINE: Final = 500
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Counts(NamedTuple):
    """Tests that passed and failed (None when the output does not tell), and the names of failing ones."""

    passed: int | None = None
    failed: int | None = None
    failing: tuple[str, ...] = ()
    unnamed: int = 0
    """How many more tests failed than `failing` names."""


Reader = Callable[[str], Counts | None]


def parse_check_output(output: str) -> Counts:
    """Return what `output` tells of passed and failed tests; `Counts()` when no known summary is in it."""
    tail = without_colours(output[-_MAX_TAIL:]).replace("\r\n", "\n")
    # Output is made by strangers' programs: short lines keep every pattern's work small.
    text = "\n".join(line[:_MAX_LINE] for line in tail.split("\n"))
    return next((counts for read in _READERS if (counts := read(text)) is not None), Counts())


def without_colours(output: str) -> str:
    """Return `output` without the sequences that colour it on a terminal."""
    return _ANSI.sub("", output)


def _counts(passed: int | None, failed: int | None, found: Iterable[str]) -> Counts:
    """Return counts with the names that were found: once each, in order, bounded in number and length."""
    said = [name.strip()[:_MAX_NAME] for name in found if name.strip()]
    names = tuple(dict.fromkeys(said))
    # A name that is said twice may stand for two failures: of its subtests, or of a test and its tear-down.
    unnamed = max(0, (failed or 0) - len(said)) + len(names[MAX_NAMES:])
    return Counts(passed, failed, names[:MAX_NAMES], unnamed)


def _count(words: str, text: str) -> int:
    """Return the number before one of `words` (a pattern) in a summary line; 0 without one."""
    match = re.search(rf"(\d+) (?:{words})\b", text)
    return int(match[1]) if match else 0


_PYTEST: Final = re.compile(
    r"^=*[ ]*((?:\d+ [a-z]+(?:, )?)+|no tests ran) in [\d.]+s(?: \([\d:]+\))?[ ]*=*$", re.MULTILINE
)


def _pytest(text: str) -> Counts | None:
    """`2 failed, 211 passed, 1 warning in 0.12s`, with `FAILED path::name - reason` lines above it."""
    summaries = _PYTEST.findall(text)
    if not summaries:
        return None
    last = summaries[-1]
    # A parameter may hold " - " itself, so a bracket is read to its end first.
    names = re.findall(r"^(?:FAILED|ERROR) (\S.*?(?:\[.*?\](?= - |$))?)(?: - .*)?$", text, re.MULTILINE)
    return _counts(_count("passed", last), _count("failed", last) + _count("errors?", last), names)


def _unittest(text: str) -> Counts | None:
    """`Ran 5 tests in 0.001s`, then `OK` or `FAILED (failures=1, errors=2, skipped=1)`."""
    ran = re.findall(r"^Ran (\d+) tests? in [\d.]+s$", text, re.MULTILINE)
    verdicts = re.findall(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$", text, re.MULTILINE)
    if not ran or not verdicts:
        return None
    parts = {key: int(n) for key, n in re.findall(r"([a-z ]+)=(\d+)", verdicts[-1])}
    counted = {key.strip(): n for key, n in parts.items()}
    failed = sum(counted.get(key, 0) for key in ("failures", "errors", "unexpected successes"))
    aside = counted.get("skipped", 0) + counted.get("expected failures", 0)
    named = re.findall(r"^(?:FAIL|ERROR|UNEXPECTED SUCCESS): (\S+)(?: \(([^)\n]*)\))?", text, re.MULTILINE)
    # Python 3.11 writes `test_x (mod.Case.test_x)`, earlier ones `test_x (mod.Case)`.
    names = (
        where if where.endswith(f".{name}") else f"{where}.{name}" if where else name for name, where in named
    )
    return _counts(max(0, int(ran[-1]) - failed - aside), failed, names)


def _jest(text: str) -> Counts | None:
    """Jest: `Tests:       1 failed, 2 passed, 3 total`. Vitest: `Tests  1 failed | 2 passed (3)`."""
    lines = re.findall(r"^[ \t]*Tests(?::\s|\s{2}).*\d.*$", text, re.MULTILINE)
    if not lines:
        return None
    named = re.findall(r"^[ \t]*(?:●|FAIL)\s+(\S.* [›>] .*)$", text, re.MULTILINE)
    return _counts(_count("passed", lines[-1]), _count("failed", lines[-1]), named)


def _node(text: str) -> Counts | None:
    """node:test: `# pass 2` and `# fail 1` (TAP), or the same after an `ℹ` (spec reporter)."""
    passed = re.findall(r"^(?:#|ℹ) pass (\d+)$", text, re.MULTILINE)
    failed = re.findall(r"^(?:#|ℹ) fail (\d+)$", text, re.MULTILINE)
    if not passed or not failed:
        return None
    tap = re.findall(r"^[ \t]*not ok \d+ - (.*?)(?: # .*)?$", text, re.MULTILINE)
    spec = re.findall(r"^[ \t]*✖ (.*?) \([\d.]+ms\)$", text, re.MULTILINE)
    return _counts(int(passed[-1]), int(failed[-1]), [*tap, *spec])


def _mocha(text: str) -> Counts | None:
    """`  3 passing (12ms)` and `  1 failing`, then the failures as `  1) suite`."""
    passing = re.findall(r"^[ \t]*(\d+) passing\b", text, re.MULTILINE)
    if not passing:
        return None
    failing = re.findall(r"^[ \t]*(\d+) failing$", text, re.MULTILINE)
    return _counts(int(passing[-1]), int(failing[-1]) if failing else 0, ())


def _cargo(text: str) -> Counts | None:
    """One `test result: ok. 2 passed; 0 failed; …` for each test binary: they are added up."""
    results = re.findall(r"^test result: \S+ (\d+) passed; (\d+) failed;", text, re.MULTILINE)
    if not results:
        return None
    verbose = re.findall(r"^test (\S.*) \.\.\. FAILED$", text, re.MULTILINE)
    quiet = re.findall(r"^---- (\S.*) stdout ----$", text, re.MULTILINE)
    passed, failed = (sum(int(number) for number in column) for column in zip(*results, strict=True))
    return _counts(passed, failed, [*verbose, *quiet])


def _go(text: str) -> Counts | None:
    """`ok <package>` and `FAIL <package>` lines; tests are counted by `--- PASS` and `--- FAIL`."""
    packages = re.findall(r"^(?:ok|FAIL)\s+\S+\s+(?:[\d.]+s|\(cached\)|\[.*\])", text, re.MULTILINE)
    if not packages:
        return None
    passes = re.findall(r"^--- PASS: ", text, re.MULTILINE)
    fails = re.findall(r"^--- FAIL: (\S+)", text, re.MULTILINE)
    # Without -v the tests that pass are not shown: their number is not known then.
    return _counts(len(passes) if passes else None, len(fails) if fails or passes else None, fails)


_READERS: Final[tuple[Reader, ...]] = (_pytest, _cargo, _jest, _node, _mocha, _unittest, _go)
