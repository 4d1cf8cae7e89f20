"""The progress comment: one for each request, edited in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.prose.evidence import doubt_lines
from pushpals.audit.prose.words import (
    COMMENT_LIMIT,
    duration,
    failure_text,
    money,
    one_line,
    outcome,
    record_of,
    role_name,
)
from pushpals.model import ENDED, HELD, FailureKind, JobState, Risk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.model import JobRecord, RequestRecord

PROGRESS_MARK = "<!-- pushpals:progress -->"
"""Helps to find our own comment again. A hint only: authorship is checked by the App's own id."""

STATE_WORDS = {
    JobState.QUEUED: "waiting for a worker",
    JobState.CLAIMED: "starting",
    JobState.RUNNING: "running",
    JobState.PROPOSED: "being checked",
    JobState.GATED: "being published",
    JobState.PUBLISHED: "ready for review",
    JobState.MERGED: "merged",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "stopped",
    JobState.SUPERSEDED: "superseded",
}


def progress_comment(
    request: RequestRecord, jobs: Sequence[JobRecord], pulls: Mapping[str, int], live: str = ""
) -> str:
    """Render the one progress comment of a request.

    `pulls` gives the pull request's number by job id. `live` is a short line about the running job
    (turn, last command); it is the only part that neither the ledger nor GitHub holds.
    """
    last = jobs[-1] if jobs else None
    lines = [
        PROGRESS_MARK,
        f"### PushPals · #{request.request.number} {one_line(request.request.title, 120)}",
        _headline(request, last),
    ]
    if jobs:
        lines += ["", *(_job_line(job, pulls.get(job.id), live if job.state in HELD else "") for job in jobs)]
    if last and last.failure:
        lines += ["", failure_text(last.failure)]
    if last and last.state is JobState.PUBLISHED:
        lines += doubt_lines(last)
    lines += ["", _next_words(last, pulls.get(last.id) if last else None)]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


def _headline(request: RequestRecord, last: JobRecord | None) -> str:
    """Say in one line how it stands, how long it took, what it cost and how risky it is."""
    if last is None:
        return "Planning"
    words = {
        JobState.PUBLISHED: "Ready for review",
        JobState.MERGED: "Merged",
        JobState.SUPERSEDED: "Superseded",
    }
    parts = [outcome(last.failure) if last.failure else words.get(last.state, "Working")]
    if last.usage.seconds:
        parts += [duration(last.usage.seconds), money(last.usage.usd, request.plan.max_usd)]
    risk = max(request.plan.risk, last.report.risk, key=lambda level: Risk(level).rank)
    return " · ".join([*parts, f"{risk} risk"])


def _job_line(job: JobRecord, pull: int | None, live: str) -> str:
    box = "x" if job.state in {JobState.PUBLISHED, JobState.MERGED} else " "
    state = STATE_WORDS.get(job.state, job.state.value)
    if job.state is JobState.QUEUED and job.failures:
        state = f"trying again after a {job.failures[-1].value} failure"
    if pull:
        state = f"#{pull} {state}"
    elif live:
        state = f"{state}, {live}"
    return f"- [{box}] {job.id} {one_line(job.task.goal)} · {role_name(job.task.role)} · {state}"


def _next_words(last: JobRecord | None, pull: int | None) -> str:
    if last is None or last.state not in ENDED | {JobState.PUBLISHED}:
        return "To stop it, remove the label or close this issue; nothing is published after that."
    record = f"Record: {record_of(last)}."
    if last.state is JobState.PUBLISHED:
        where = f"#{pull}" if pull else f"branch `{last.branch}`"
        return f"**Next.** Read {where} and merge it, or close it to reject it. {record}"
    if last.state is JobState.MERGED:
        return f"Nothing more is asked of you. {record}"
    if last.failure and last.failure.kind is FailureKind.CANCELLED:
        return record  # how to start again is part of why it was stopped
    return f"A new try starts when the label is removed and added again. {record}"
