"""What findings amount to: a score for people to sort by, and which of them evidence has answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.review_agent.rules import TESTS_UNTOUCHED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import Evidence, Finding

PER_BLOCKING: Final = 45
PER_NOTE: Final = 5
LEAST_FOR_NOTES: Final = 60
"""Notes alone never bring a change below this: they ask for a look, they do not stand in the way."""


def score(findings: Sequence[Finding]) -> int:
    """Return 0 to 100 for a reviewed change.

    100 is a change with nothing to remark on. Each kind of note in a file takes 5, and notes together at most
    40, so from 60 up nothing blocks. Every blocking finding takes 45 from what the notes left. It sums up the
    findings and knows nothing beside them: it is no measure of correctness.
    """
    blocking = sum(finding.blocking for finding in findings)
    kinds = {(finding.rule, finding.path) for finding in findings if not finding.blocking}
    noted = max(LEAST_FOR_NOTES, 100 - PER_NOTE * len(kinds))
    return max(0, noted - PER_BLOCKING * blocking)


def unanswered(findings: Sequence[Finding], evidence: Evidence | None) -> tuple[Finding, ...]:
    """Leave out what the checks have answered: no test need be written where one that failed now passes."""
    proven = evidence is not None and evidence.thin is None and any(not check.ok for check in evidence.base)
    return tuple(finding for finding in findings if not (proven and finding.rule == TESTS_UNTOUCHED))
