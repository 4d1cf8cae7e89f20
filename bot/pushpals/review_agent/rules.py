"""Rule-based review of a diff: size, tests, leftovers, dead code, risky calls. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pushpals.model import Finding
from pushpals.policy.diff import DiffError, read_diff
from pushpals.policy.globs import first_match
from pushpals.policy.risk import is_test
from pushpals.review_agent.dead_code import dead_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushpals.model import FileChange

MAX_FINDINGS: Final = 20
MANY_FILES: Final = 10
MANY_LINES: Final = 400
MANY_AREAS: Final = 4
TESTS_UNTOUCHED: Final = "tests-untouched"
SOURCES: Final = tuple(
    f"*.{suffix}"
    for suffix in (
        *("py", "js", "jsx", "mjs", "ts", "tsx", "go", "rs", "rb", "java", "kt", "swift", "scala", "php"),
        *("c", "h", "cc", "cpp", "hpp", "cs", "ex", "exs", "lua", "sh"),
    )
)


@dataclass(frozen=True, slots=True)
class LineRule:
    """What is remarked on an added line that `pattern` is found in."""

    name: str
    message: str
    pattern: re.Pattern[str]
    blocking: bool = False
    tests_only: bool = False
    sources_only: bool = False


LINE_RULES: Final = (
    LineRule(
        "conflict-marker",
        "A merge conflict marker is left.",
        re.compile(r"^(?:<{7}|>{7}|\|{7}) "),
        blocking=True,
    ),
    LineRule(
        "test-skipped",
        "A test is skipped by this change.",
        re.compile(
            r"@(?:unittest\.|pytest\.mark\.)?(?:skip|skipif|skipIf|xfail|expectedFailure)\b"
            r"|\b(?:it|test|describe)\.skip\(|\bt\.Skip\("
        ),
        blocking=True,
        tests_only=True,
    ),
    LineRule(
        "test-empty",
        "This test holds whatever the code does.",
        re.compile(
            r"^\s*assert (?:True|1)\s*(?:#.*)?$|\bexpect\(true\)\.to(?:Be|Equal)\(true\)|\.assertTrue\(True\)"
        ),
        tests_only=True,
    ),
    LineRule(
        "speaks-for-tests",
        "This ends the process, or prints what a test runner would say, so that no test is the judge.",
        re.compile(
            r"\bos\._exit\(|\bprocess\.(?:reallyExit\(|exit\(0\))|\b(?:os\.)?abort\(\)"
            r"|\bRan \d+ tests?\b|\b\d+ passed\b|(?:#|ℹ) pass \d|\btest result: ok\b"
        ),
        blocking=True,
        sources_only=True,
    ),
    LineRule(
        "leftover",
        "A debugging aid or unfinished mark is left.",
        re.compile(
            r"\b(?:breakpoint\(\)|pdb\.set_trace\(\)|console\.log\(|debugger;|dbg!\(|(?:TODO|FIXME|XXX)\b)"
        ),
    ),
    LineRule(
        "risky-call",
        "A call that deserves a second look.",
        re.compile(
            r"\b(?:(?:eval|exec)\(|os\.system\(|shell\s*=\s*True|pickle\.loads?\(|yaml\.load\((?!.*Safe)"
            r"|verify\s*=\s*False|child_process|dangerouslySetInnerHTML|tempfile\.mktemp\(|0o?777\b"
            r"|marshal\.loads?\(|_create_unverified_context\()"
            r"|\.innerHTML\s*=[^=]|\bcurl\b[^|]*\|\s*(?:ba|z)?sh\b"
        ),
    ),
)
"""For each added line the first rule that fits counts."""


def review(diff: bytes, files: Sequence[FileChange]) -> tuple[Finding, ...]:
    """Return what a careful reader would remark on a change, at most 20 findings, blocking ones first.

    `diff` is a unified git diff. Of one that is damaged nothing is said: the policy's gate stops it.
    """
    findings = [*_about_files(files), *_about_lines(diff, files), *_about_whole(files)]
    findings.sort(key=lambda finding: not finding.blocking)
    return tuple(findings[:MAX_FINDINGS])


def _about_files(files: Sequence[FileChange]) -> Iterator[Finding]:
    for change in files:
        if change.status == "deleted" and is_test(change.path):
            yield Finding(
                rule="tests-deleted", message="A test file is deleted.", path=change.path, blocking=True
            )


def _about_lines(diff: bytes, files: Sequence[FileChange]) -> Iterator[Finding]:
    try:
        parts = read_diff(diff)
    except DiffError:
        return
    new = {change.path for change in files if change.status == "added"}
    for part in parts:
        rules = [rule for rule in LINE_RULES if _concerns(rule, part.path)]
        for number, text in part.added:
            if rule := next((rule for rule in rules if rule.pattern.search(text)), None):
                yield Finding(
                    rule=rule.name,
                    message=rule.message,
                    path=part.path,
                    line=number,
                    blocking=rule.blocking,
                )
        yield from dead_code(part, new=part.path in new)


def _concerns(rule: LineRule, path: str) -> bool:
    if rule.sources_only and first_match(SOURCES, path) is None:
        return False
    return is_test(path) or not rule.tests_only


def _about_whole(files: Sequence[FileChange]) -> Iterator[Finding]:
    """Yield what is to be said of the change as one: its size, its spread, its tests."""
    lines = sum((change.added or 0) + (change.removed or 0) for change in files)
    if len(files) > MANY_FILES or lines > MANY_LINES:
        size = f"{lines} lines in {len(files)} files"
        yield Finding(rule="large", message=f"{size} are much to review at once; smaller parts are safer.")
    areas = {change.path.partition("/")[0] for change in files if "/" in change.path}
    if len(areas) > MANY_AREAS:
        yield Finding(
            rule="spread",
            message=f"The change reaches into {len(areas)} folders; see whether all belong to it.",
        )
    written = [change for change in files if change.status != "deleted" and change.added]
    sources = [c for c in written if first_match(SOURCES, c.path) and not is_test(c.path)]
    if sources and not any(is_test(change.path) for change in files):
        yield Finding(rule=TESTS_UNTOUCHED, message="The code changes and no test does.")
