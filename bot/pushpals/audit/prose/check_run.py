"""Check runs: the one line next to their name, and the summary behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.prose.evidence import doubt_lines, evidence_lines, remark_lines
from pushpals.audit.prose.progress import STATE_WORDS
from pushpals.audit.prose.queueing import queue_lines
from pushpals.audit.prose.reviews import objection
from pushpals.audit.prose.waits import waiting_lines, waiting_title
from pushpals.audit.prose.words import (
    COMMENT_LIMIT,
    SENTENCES_LIMIT,
    count,
    failure_text,
    one_line,
    outcome,
    plain,
    record_of,
    role_name,
    spent,
)
from pushpals.model import ENDED, JobState, WaitReason
from pushpals.policy.job import doubts

if TYPE_CHECKING:
    from pushpals.model import JobRecord

TITLE_LIMIT = 120


def check_title(job: JobRecord, conclusion: str | None) -> str:
    """Return the one line that GitHub shows next to the check's name."""
    if job.failure:
        return plain(f"{outcome(job.failure)}: {job.failure.cause}", TITLE_LIMIT)
    if job.waiting is WaitReason.COMMAND:
        return plain(waiting_title(job), TITLE_LIMIT)
    evidence = job.report.evidence
    blocking = sum(finding.blocking for finding in job.report.findings)
    if conclusion == "failure" and blocking:
        return f"The review objects: {count(blocking, 'blocking finding')}"
    if conclusion is None or evidence is None:
        return plain(STATE_WORDS.get(job.state, job.state.value).capitalize(), TITLE_LIMIT)
    if not evidence.head:
        return plain(f"No checks ran: {evidence.thin}" if evidence.thin else "No checks ran", TITLE_LIMIT)
    ran = plain("; ".join(f"{check.command}: {check.summary}" for check in evidence.head), TITLE_LIMIT)
    doubt = next(iter(doubts(job)), "") if conclusion == "neutral" else ""
    return f"{ran} · {plain(doubt, TITLE_LIMIT)}" if doubt else ran


def check_summary(job: JobRecord, live: str = "", dispatch: str = "inline") -> str:
    """Return the summary of a job's check run: how it went, on what that rests, what comes next, its cost."""
    report = job.report
    published = job.state in {JobState.PUBLISHED, JobState.MERGED}
    lines = [f"{role_name(job.task.role)} on: {one_line(job.task.goal, 200)}"]
    if job.failure:
        lines += ["", failure_text(job.failure)]
    if live:
        lines += ["", f"Now: {live}"]
    lines += queue_lines(job, dispatch)
    if report.evidence:
        table = evidence_lines(report.evidence)
        lines += ["", *table] if table else []
        if report.evidence.thin and not published:
            lines += ["", f"The evidence is thin: {one_line(report.evidence.thin, SENTENCES_LIMIT)}"]
    if published:
        lines += doubt_lines(job)
    lines += waiting_lines(job)
    lines += remark_lines(report)
    if job.state is JobState.PUBLISHED and any(finding.blocking for finding in report.findings):
        lines += ["", f"**Next.** {objection(job.branch)}"]
    elif job.state is JobState.PUBLISHED:
        lines += [
            "",
            f"**Next.** Review the pull request of `{job.branch}`: merge it, or close it to reject it.",
        ]
    elif job.state not in ENDED:
        lines += ["", f"`/pushpals cancel` on #{job.request} stops it."]
    lines += ["", f"{spent(job.usage)} · attempt {job.attempt} · record {record_of(job)}"]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


def policy_check(message: str, line: int, quoted: str, suggestion: str | None) -> tuple[str, str]:
    """Return (title, summary) of the check run that reports a broken policy file."""
    fence = "````"
    parts = [
        f"`.github/pushpals.yml`, line {line}: {one_line(message, SENTENCES_LIMIT)}",
        "",
        fence + "yaml",
        f"{line}: {quoted}".replace("`", "'"),
        fence,
    ]
    if suggestion:
        parts += ["", "Perhaps:", "", fence + "yaml", suggestion.replace("`", "'"), fence]
    parts += ["", "Nothing runs until this is mended on the default branch."]
    return plain(f"Line {line}: {message}", TITLE_LIMIT), "\n".join(parts)
