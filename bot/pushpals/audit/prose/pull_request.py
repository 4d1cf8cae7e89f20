"""The pull request, whose body is the report, and the message of its commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.evidence import doubt_lines, evidence_lines, remark_lines
from pushpals.audit.prose.reviews import objection
from pushpals.audit.prose.rounds import report_mark, round_words
from pushpals.audit.prose.words import (
    COMMENT_LIMIT,
    code,
    count,
    flat,
    item,
    others_than_authors,
    plain,
    record_of,
    spent,
    unskipped,
)
from pushpals.audit.text import clean_model_text, truncate_markdown
from pushpals.policy.plan_gate import held_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import Evidence, FileChange, JobRecord, Report, RequestRecord

WORDS_LIMIT = 1_500
_SHOWN_FILES = 10
_SHOWN_REASONS = 8


def pull_title(request: RequestRecord, job: JobRecord) -> str:
    """Return the title of the pull request."""
    return plain(job.task.goal or request.request.title, 120)


def pull_body(request: RequestRecord, job: JobRecord) -> str:
    """Render the pull request's body: it is the report (Shipped, Evidence, Risk, Follow-ups)."""
    report, number = job.report, request.request.number
    lines = [f"{_closes(request, job)}.", "", f"**Shipped.** {_shipped(report.files)}"]
    if report.words:
        words = truncate_markdown(clean_model_text(report.words).text, WORDS_LIMIT)
        lines += ["", "The worker's own words, not checked:", *(f"> {line}" for line in words.splitlines())]
    lines += ["", *_evidence(report.evidence), *doubt_lines(job)]
    undo = "Once merged, `/pushpals revert` here takes it back."
    lines += ["", f"**Risk.** {_risk(report)} {undo}"]
    if why := held_back(request, job):
        who = others_than_authors(request.request)
        lines += ["", f"**A draft.** {why} {who} approves it before it lands."]
    lines += remark_lines(report)
    cleaned = (f"Removed from the request before a model read it: {c}." for c in request.request.cleaned)
    follow = [*report.follow_ups, *cleaned]
    lines += ["", f"**Follow-ups.**{'' if follow else ' None.'}"]
    lines += [f"{i}. {item(text)}" for i, text in enumerate(follow, 1)]
    wanted = f"if {job.reverts} is to be taken back" if job.reverts else f"if it does what #{number} asks"
    otherwise = "If not, say `/pushpals fix …` here with what is missing, or close it to reject it."
    if job.onto:
        otherwise += f" It builds on {code(job.onto, 120)}: merge the pull request of that branch first."
    if any(finding.blocking for finding in report.findings):
        lines += ["", f"**Next.** {objection(job.branch)}"]
    else:
        lines += ["", f"**Next.** Merge this {wanted}. {otherwise}"]
    made = f"{spent(job.usage)} · record {record_of(job)}"
    lines += ["", "<details><summary>How it was made</summary>", "", made, "", "</details>"]
    if job.round:
        lines.append(report_mark(job))
    # A squash may take the body as the message of its commit.
    return unskipped(truncate_markdown("\n".join(lines), COMMENT_LIMIT))


def commit_message(request: RequestRecord, job: JobRecord) -> str:
    """Render the message of the work's commit, with trailers that tie it to the ledger."""
    return (
        f"{plain(_subject(request, job), 72)}\n\n"
        f"{_closes(request, job)}\n\n"
        f"PushPals-Job: {job.id}\nPushPals-Model: {flat(job.usage.model, 100) or 'unknown'}\n"
        f"PushPals-Requested-By: {flat(request.request.asker.login, 100)}\n"
    )


def _subject(request: RequestRecord, job: JobRecord) -> str:
    goal = job.task.goal or request.request.title
    return f"{round_words(job).capitalize()}: {goal}" if job.round and job.orders else goal


def _closes(request: RequestRecord, job: JobRecord) -> str:
    """Say what it does for the issue. One of several must not close it: the others would stop with that."""
    number, tasks = request.request.number, len(request.plan.tasks)
    if job.reverts:
        return f"Takes back {job.reverts}, which was done for #{number}"
    return f"Fixes #{number}" if tasks == 1 else f"Part {job.index + 1} of {tasks} of #{number}"


def _shipped(files: Sequence[FileChange]) -> str:
    if not files:
        return "Nothing."
    shown = [f"{code(f.path, 120)} ({_lines_of(f)})" for f in files[:_SHOWN_FILES]]
    rest = f" and {len(files) - _SHOWN_FILES} more" if len(files) > _SHOWN_FILES else ""
    return f"{count(len(files), 'file')}: {', '.join(shown)}{rest}."


def _lines_of(change: FileChange) -> str:
    if change.status == "deleted":
        return "deleted"
    if change.added is None or change.removed is None:
        return "binary"
    return f"+{change.added} −{change.removed}"


def _evidence(evidence: Evidence | None) -> list[str]:
    if evidence is None or not evidence.head:
        return ["**Evidence.** None: no check was run on this tree."]
    return [
        f"**Evidence.** On the exact tree of this pull request (`{evidence.tree[:12]}`), in a clean sandbox:",
        "",
        *evidence_lines(evidence),
    ]


def _risk(report: Report) -> str:
    reasons = "; ".join(report.risk_reasons[:_SHOWN_REASONS]) or "no rule raised it"
    if len(report.risk_reasons) > _SHOWN_REASONS:
        reasons += f"; and {len(report.risk_reasons) - _SHOWN_REASONS} more"
    return f"{report.risk.value.capitalize()}: {reasons}."
