"""Rule-based review of a diff: leftovers, weakened tests, risky calls. Pure; facts of the diff only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from unidiff import PatchSet

from pushpals.model import Finding
from pushpals.policy.risk import is_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from unidiff import PatchedFile

    from pushpals.model import FileChange

MAX_FINDINGS = 20
_CONFLICT = re.compile(r"^(<{7}|>{7}|\|{7}) ")
_SKIP = re.compile(
    r"@(?:unittest\.|pytest\.mark\.)?(?:skip|skipif|skipIf|xfail|expectedFailure)\b|\b(?:it|test|describe)\.skip\(|\bt\.Skip\("
)
_LEFTOVER = re.compile(
    r"\b(breakpoint\(\)|pdb\.set_trace\(\)|console\.log\(|debugger;|dbg!\()|\b(TODO|FIXME|XXX)\b"
)
_RISKY = re.compile(
    r"\b(eval|exec)\(|os\.system\(|shell\s*=\s*True|pickle\.loads?\(|yaml\.load\((?!.*Safe)|verify\s*=\s*False|child_process"
)


def review(diff: bytes, files: Sequence[FileChange]) -> tuple[Finding, ...]:
    """Return what a careful reader would remark on a change, at most 20 findings, blocking ones first.

    `diff` is a unified git diff; bytes that are not UTF-8 are replaced before it is read.
    """
    findings = list(_about_files(files))
    for patched in PatchSet(diff.decode(errors="replace")):
        findings += _about_lines(patched)
    findings.sort(key=lambda finding: not finding.blocking)
    return tuple(findings[:MAX_FINDINGS])


def _about_files(files: Sequence[FileChange]) -> Iterator[Finding]:
    for change in files:
        if change.status == "deleted" and is_test(change.path):
            yield Finding(
                rule="tests-deleted", message="A test file is deleted.", path=change.path, blocking=True
            )


def _about_lines(patched: PatchedFile) -> Iterator[Finding]:
    path = patched.path
    for hunk in patched:
        for line in hunk:
            if not line.is_added:
                continue
            text, number = line.value.rstrip("\n"), line.target_line_no
            if _CONFLICT.match(text):
                yield Finding(
                    rule="conflict-marker",
                    message="A merge conflict marker is left.",
                    path=path,
                    line=number,
                    blocking=True,
                )
            elif is_test(path) and _SKIP.search(text):
                yield Finding(
                    rule="test-skipped",
                    message="A test is skipped by this change.",
                    path=path,
                    line=number,
                    blocking=True,
                )
            elif _LEFTOVER.search(text):
                yield Finding(
                    rule="leftover",
                    message="A debugging aid or unfinished mark is left.",
                    path=path,
                    line=number,
                )
            elif _RISKY.search(text):
                yield Finding(
                    rule="risky-call", message="A call that deserves a second look.", path=path, line=number
                )
