"""What a change rests on: the table of checks, what they prove, what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.reviews import review_lines
from pushpals.audit.prose.words import cell, code, item, one_line
from pushpals.policy.job import doubts, mended

if TYPE_CHECKING:
    from pushpals.model import CheckResult, Evidence, JobRecord, Report

_SHOWN_TESTS = 5


def evidence_lines(evidence: Evidence) -> list[str]:
    """Return the table of checks before and after, and the tests that the change mended."""
    lines: list[str] = []
    if evidence.head:
        before = {result.command: result for result in evidence.base}
        lines += ["| check | base | here |", "|---|---|---|"]
        lines += [_row(result, before.get(result.command)) for result in evidence.head]
    fixed = mended(evidence)
    if fixed:
        names = ", ".join(code(name) for name in fixed[:_SHOWN_TESTS])
        more = f" and {len(fixed) - _SHOWN_TESTS} more" if len(fixed) > _SHOWN_TESTS else ""
        lines += ["", f"{names}{more} failed on base and {'passes' if len(fixed) == 1 else 'pass'} here."]
    return lines


def doubt_lines(job: JobRecord, whose: str = "") -> list[str]:
    """Return why the change of a gated job is not called a success; nothing when it is. `whose` leads in."""
    found = [one_line(phrase, 300).rstrip(".") for phrase in doubts(job)]
    if not found:
        return []
    said = "; ".join(found)
    return ["", f"{whose}**Doubts.** {said[0].upper()}{said[1:]}. This is why the check is not green."]


def remark_lines(report: Report) -> list[str]:
    """Return what the review remarked and what was refused, one line each."""
    lines = review_lines(report)
    if report.refused:
        lines += ["", "**Refused.**", *(f"- {item(text)}" for text in report.refused)]
    return lines


def _row(here: CheckResult, base: CheckResult | None) -> str:
    was = base.summary if base else "not run"
    return f"| {cell(code(here.command))} | {cell(one_line(was))} | {cell(one_line(here.summary))} |"
