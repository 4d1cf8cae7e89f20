"""The automated review of a job, as people see it: a review on its pull request, and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.audit.prose import reviews
from pushpals.github import AddReview, Annotation, LineComment
from pushpals.model import JobState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.github import Mutation, PullView
    from pushpals.model import Finding, JobRecord

MAX_ANNOTATIONS: Final = 50
"""GitHub takes so many in a request."""
REVIEWS_READ: Final = 20
"""So many reviews of a pull request are read, the last ones: see `PullView`."""


def review_owed(pull: PullView | None, job: JobRecord) -> tuple[Mutation, ...]:
    """Return the review of a published job that is not on its pull request yet.

    A further round with the same findings is not told them again. Where so many reviews came since that ours
    may be among those that were not read, nothing is said a second time.
    """
    found = job.report.findings
    if pull is None or pull.state != "OPEN" or job.state is not JobState.PUBLISHED or not found:
        return ()
    mark = reviews.review_mark(reviews.review_digest(found))
    known = any(review.mine and review.body.startswith(mark) for review in pull.reviews)
    if known or pull.head_sha != job.head or len(pull.reviews) >= REVIEWS_READ:
        return ()
    return (AddReview(pull.id, reviews.job_review(job), line_comments(found), job.head),)


def line_comments(found: Sequence[Finding]) -> tuple[LineComment, ...]:
    """Return the findings that have a line as comments on it."""
    return tuple(
        LineComment(finding.path, finding.line, reviews.line_remark(finding))
        for finding in found
        if finding.path and finding.line
    )


def annotations_of(job: JobRecord) -> tuple[Annotation, ...]:
    """Return the findings that have a line as annotations of a check run, as many as GitHub takes at once."""
    placed = [
        Annotation(
            path=finding.path,
            line=finding.line,
            level="FAILURE" if finding.blocking else "WARNING",
            message=finding.message,
            title=finding.rule,
        )
        for finding in job.report.findings
        if finding.path and finding.line
    ]
    return tuple(placed[:MAX_ANNOTATIONS])
