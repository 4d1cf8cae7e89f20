"""Rule-based review of a diff: leftovers, weakened tests, risky calls. Pure; facts of the diff only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pushpals.model import Finding
from pushpals.policy.diff import DiffError, read_diff
from pushpals.policy.risk import is_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushpals.model import FileChange

MAX_FINDINGS: Final = 20


@dataclass(frozen=True, slots=True)
class LineRule:
    """What is remarked on an added line that `pattern` is found in."""

    name: str
    message: str
    pattern: re.Pattern[str]
    blocking: bool = False
    tests_only: bool = False


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
            r"|verify\s*=\s*False|child_process)"
        ),
    ),
)
"""For each added line the first rule that fits counts."""


def review(diff: bytes, files: Sequence[FileChange]) -> tuple[Finding, ...]:
    """Return what a careful reader would remark on a change, at most 20 findings, blocking ones first.

    `diff` is a unified git diff. Of one that is damaged nothing is said: the policy's gate stops it.
    """
    findings = [*_about_files(files), *_about_lines(diff)]
    findings.sort(key=lambda finding: not finding.blocking)
    return tuple(findings[:MAX_FINDINGS])


def _about_files(files: Sequence[FileChange]) -> Iterator[Finding]:
    for change in files:
        if change.status == "deleted" and is_test(change.path):
            yield Finding(
                rule="tests-deleted", message="A test file is deleted.", path=change.path, blocking=True
            )


def _about_lines(diff: bytes) -> Iterator[Finding]:
    try:
        parts = read_diff(diff)
    except DiffError:
        return
    for part in parts:
        rules = [rule for rule in LINE_RULES if is_test(part.path) or not rule.tests_only]
        for number, text in part.added:
            if rule := next((rule for rule in rules if rule.pattern.search(text)), None):
                yield Finding(
                    rule=rule.name,
                    message=rule.message,
                    path=part.path,
                    line=number,
                    blocking=rule.blocking,
                )
