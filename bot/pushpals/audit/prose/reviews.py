"""What the automated review says: in reports, as a review on a pull request, and on its lines."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.prose.words import COMMENT_LIMIT, code, count, item, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import Finding, JobRecord, Report, ReviewNote

_SHOWN_LEFT_OUT = 10
OBJECTION = "The worker had one more go at what blocks"
"""How the text of a pull request begins to say that the review objects to it."""


def review_lines(report: Report) -> list[str]:
    """Return how the change was reviewed and what was remarked, one line each; nothing where it was not."""
    found = report.findings
    if report.review is None:
        return ["", "**Review.**", *(finding_line(finding) for finding in found)] if found else []
    lines = [
        "",
        f"**Review.** {verdict(report.review, found)}",
        *(finding_line(finding) for finding in found),
    ]
    return [*lines, *unseen_lines(report.review)]


def verdict(note: ReviewNote, found: Sequence[Finding]) -> str:
    """Return the score, who read the change, and what stands in its way."""
    by = f"rules and {code(note.model, 60)}" if note.model else "rules"
    blocking = sum(finding.blocking for finding in found)
    if blocking:
        stands = f"{count(blocking, 'finding')} {'blocks' if blocking == 1 else 'block'} it"
    else:
        stands = "nothing blocks it" if found else "no findings"
    return f"{note.score} of 100 by {by}: {stands}."


def finding_line(finding: Finding) -> str:
    """Return one finding as an item of a list."""
    where = f" {code(finding.path)}" if finding.path else ""
    at = f" line {finding.line}" if finding.line else ""
    return f"- {_weight(finding)}, {one_line(finding.rule)}:{where}{at} {one_line(finding.message, 300)}"


def unseen_lines(note: ReviewNote) -> list[str]:
    """Return what no model looked at, and why none did: an absence is said, not passed over."""
    lines = ["", f"{item(note.unread, 400)} The rules alone have read the change."] if note.unread else []
    if note.left_out:
        shown = "; ".join(one_line(phrase, 200) for phrase in note.left_out[:_SHOWN_LEFT_OUT])
        rest = len(note.left_out) - _SHOWN_LEFT_OUT
        more = f"; and {rest} more" if rest > 0 else ""
        lines += ["", f"The model did not look at: {shown}{more}."]
    return lines


def review_digest(findings: Sequence[Finding]) -> str:
    """Return what tells one set of findings from another, wherever their lines have moved to."""
    facts = [f"{finding.path}\0{finding.rule}\0{finding.message}\0{finding.blocking}" for finding in findings]
    return hashlib.sha256("\n".join(sorted(facts)).encode(errors="backslashreplace")).hexdigest()[:16]


def review_mark(digest: str) -> str:
    """Return the hidden mark of our review with these findings."""
    return f"<!-- pushpals:review {digest} -->"


def job_review(job: JobRecord) -> str:
    """Return the body of the review on a job's own pull request; its remarks on lines stand there."""
    report = job.report
    note, found = report.review, report.findings
    opening = verdict(note, found) if note else f"{count(len(found), 'finding')}."
    lines = [review_mark(review_digest(found)), f"**Automated review.** {opening} It is no approval."]
    lines += _without_line(found)
    lines += unseen_lines(note) if note else []
    if any(finding.blocking for finding in found):
        lines += ["", f"**Next.** {objection(job.branch)}"]
    else:
        lines += ["", "**Next.** Read the notes with the change; none of them stands in its way."]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


def objection(branch: str) -> str:
    """Say what is to be done with a change that the review objects to a second time."""
    return (
        f"{OBJECTION}, and it still stands, so a person decides. Say `/pushpals fix …` on the pull request "
        f"of `{branch}` with what should be done, take it as it is by marking it ready for review, or close "
        "it."
    )


def asked_review(note: ReviewNote, found: Sequence[Finding], commit: str, spent: str) -> str:
    """Return the body of a review that somebody asked for, of any pull request."""
    lines = [f"**Automated review** of `{commit[:12]}`. {verdict(note, found)} It is no approval."]
    lines += _without_line(found)
    lines += unseen_lines(note)
    if not note.model and not note.unread:
        lines += ["", "No model has read it, so what only sense can find is not found."]
    lines += ["", f"**Next.** A person reads the change and decides. {spent}".rstrip()]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


def line_remark(finding: Finding) -> str:
    """Return the comment on the line of one finding."""
    return f"**{_weight(finding).capitalize()}**, {one_line(finding.rule)}: {one_line(finding.message, 600)}"


def review_failed(cause: str) -> str:
    """Say that a review that was asked for could not be made."""
    return f"This could not be reviewed: {item(cause, 400)} Say `/pushpals review` again later."


def _weight(finding: Finding) -> str:
    return "blocking" if finding.blocking else "note"


def _without_line(found: Sequence[Finding]) -> list[str]:
    loose = [finding_line(finding) for finding in found if not (finding.path and finding.line)]
    return ["", *loose] if loose else []
