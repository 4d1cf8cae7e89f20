"""Every sentence that people read on GitHub is rendered here, from the ledger's facts alone.

The functions are pure and their output depends only on records, never on the clock: the loop
compares what it would write with what stands there, and writes only what differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.text import clean_model_text, truncate_markdown
from pushpals.model import ENDED, HELD, JobRecord, JobState, RequestRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.model import CheckResult, Evidence, Failure, FileChange, Finding, Usage

COMMENT_LIMIT = 65_000
"""GitHub refuses comments and bodies over 65,536 characters; some room is left for multi-byte text."""
WORDS_LIMIT = 1_500

PROGRESS_MARK = "<!-- pushpals:progress -->"
"""Helps to find our own comment again. A hint only: authorship is checked by the App's own id."""


def refusal_mark(cause: str) -> str:
    """Return the hidden mark of the refusal comment for one cause."""
    return f"<!-- pushpals:refused:{cause} -->"


def policy_mark(cause: str) -> str:
    """Return the hidden mark of the comment that reports a broken policy for one cause."""
    return f"<!-- pushpals:policy:{cause} -->"


def one_line(text: str, limit: int = 100) -> str:
    """Return `text` as one plain line of at most `limit` characters, safe inside Markdown."""
    flat = " ".join(clean_model_text(text).text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def duration(seconds: float) -> str:
    """`41 s`, `4m 10s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}m {whole % 60:02d}s"  # noqa: PLR2004


def count(number: int, noun: str) -> str:
    """`1 file`, `3 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def money(usd: float | None) -> str:
    """`$0.03`; says so when the price of the model is unknown."""
    if usd is None:
        return "price unknown"
    return f"${usd:.2f}"


def thousands(number: int) -> str:
    """`940`, `31k`."""
    return str(number) if number < 1000 else f"{number / 1000:.0f}k"  # noqa: PLR2004


def spent(usage: Usage) -> str:
    """One line of what was spent."""
    commands = count(usage.commands, "command")
    return (
        f"{count(usage.turns, 'turn')} · {thousands(usage.tokens_in)} tokens in, "
        f"{thousands(usage.tokens_out)} out"
        f" · {money(usage.usd)} · {duration(usage.seconds)} · {usage.model or 'no model'}"
        f" · {commands}, {usage.refused} refused"
    )


# --- the progress comment ---------------------------------------------------------------------------


def progress_comment(
    request: RequestRecord, jobs: Sequence[JobRecord], pulls: Mapping[str, int], live: str = ""
) -> str:
    """Render the one progress comment of a request.

    `pulls` gives the pull request's number by job id. `live` is a short line about the running job
    (turn, last command); it is the only part that neither the ledger nor GitHub holds.
    """
    lines = [
        PROGRESS_MARK,
        f"### PushPals · #{request.request.number} {one_line(request.request.title, 120)}",
        _headline(request, jobs),
        "",
    ]
    lines += [_task_line(job, pulls.get(job.id), live if job.state in HELD else "") for job in jobs]
    last = jobs[-1] if jobs else None
    if last and last.failure:
        lines += ["", failure_text(last.failure)]
    lines += ["", _next_words(last, pulls.get(last.id) if last else None)]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


_STATE_WORDS = {
    JobState.QUEUED: "waiting for a worker",
    JobState.CLAIMED: "starting",
    JobState.RUNNING: "running",
    JobState.PROPOSED: "being checked",
    JobState.GATED: "being published",
    JobState.PUBLISHED: "ready for review",
    JobState.MERGED: "merged",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
    JobState.SUPERSEDED: "superseded",
}


def _headline(request: RequestRecord, jobs: Sequence[JobRecord]) -> str:
    if not jobs:
        return "Planning."
    last = jobs[-1]
    word = {
        JobState.PUBLISHED: "Ready for review",
        JobState.MERGED: "Merged",
        JobState.FAILED: "Failed",
        JobState.CANCELLED: "Stopped",
    }.get(last.state, "Working")
    done = [word]
    if last.usage.seconds:
        done += [duration(last.usage.seconds), f"{money(last.usage.usd)} spent"]
    return " · ".join(done) + f" · risk {request.plan.risk}"


def _task_line(job: JobRecord, pull: int | None, live: str) -> str:
    box = "x" if job.state in {JobState.PUBLISHED, JobState.MERGED} else " "
    state = _STATE_WORDS.get(job.state, job.state.value)
    if job.state is JobState.QUEUED and job.failures:
        state = f"trying again after a {job.failures[-1].value} failure"
    parts = [f"- [{box}] {job.id} {one_line(job.task.goal)}", role_name(job.task.role)]
    if pull:
        parts.append(f"#{pull} {state}")
    else:
        parts.append(f"{state}, {live}" if live else state)
    return " · ".join(parts)


def role_name(role: str) -> str:
    """`bug_fixer` → `Bug Fixer`."""
    return role.replace("_", " ").title()


def _next_words(last: JobRecord | None, pull: int | None) -> str:
    if last is None or last.state not in ENDED | {JobState.PUBLISHED}:
        return "To stop it, remove the label or close this issue; nothing is published after that."
    if last.state is JobState.PUBLISHED:
        where = f"#{pull}" if pull else f"branch `{last.branch}`"
        return f"Read {where} and merge it, or close it to reject it. Record: `refs/pushpals/jobs/{last.id}`."
    if last.state is JobState.MERGED:
        return f"Record: `refs/pushpals/jobs/{last.id}`."
    return f"To try again, remove the label and add it again. Record: `refs/pushpals/jobs/{last.id}`."


def failure_text(failure: Failure) -> str:
    """Render a failure: kind, cause, the rule if one, the next step."""
    rule = f" (rule: {failure.rule})" if failure.rule else ""
    return f"**Failed ({failure.kind})**{rule}: {failure.cause}\n\n{failure.next_step}"


# --- refusals -------------------------------------------------------------------------------------------


def access_refusal(login: str, cause: str, reason: str, label: str) -> str:
    """Tell someone who may not start work who may. The name is code, not a mention, on purpose."""
    return (
        f"{refusal_mark(cause)}\n`{login}`, {reason} "
        f"A maintainer can add `{label}` for you; a clear description in this issue helps them decide."
    )


def policy_refusal(cause: str, line: int, message: str) -> str:
    """Say on the issue that the policy file stopped everything."""
    return (
        f"{policy_mark(cause)}\nNothing was started: `.github/pushpals.yml` is not valid "
        f"(line {line}: {one_line(message, 300)}). Mend it on the default branch; this request starts then."
    )


# --- check runs -------------------------------------------------------------------------------------------


def check_title(job: JobRecord, conclusion: str | None) -> str:
    """Return the one line that GitHub shows next to the check's name."""
    if job.failure:
        return f"Failed ({job.failure.kind})"
    if job.report.evidence and conclusion:
        evidence = job.report.evidence
        tail = f": {evidence.thin}" if conclusion == "neutral" and evidence.thin else ""
        return (
            one_line("; ".join(f"{c.command}: {c.summary}" for c in evidence.head) or "No checks ran", 120)
            + tail
        )
    return one_line(_STATE_WORDS.get(job.state, job.state.value).capitalize(), 120)


def check_summary(job: JobRecord, live: str = "") -> str:
    """Return the summary of a job's check run: state, evidence or failure, and what was spent."""
    lines = [f"{role_name(job.task.role)} on: {one_line(job.task.goal, 200)}", ""]
    if job.failure:
        lines += [failure_text(job.failure), ""]
    if live:
        lines += [live, ""]
    if job.report.evidence:
        lines += [*_evidence_lines(job.report.evidence), ""]
    lines += _finding_lines(job.report.findings)
    lines += [f"- Refused: {one_line(text, 300)}" for text in job.report.refused]
    lines += [
        "",
        f"{spent(job.usage)}.",
        f"Record: `git log refs/pushpals/jobs/{job.id}` (attempt {job.attempt}).",
    ]
    return truncate_markdown("\n".join(lines).strip(), COMMENT_LIMIT)


def policy_check(message: str, line: int, quoted: str, suggestion: str | None) -> tuple[str, str]:
    """Return (title, summary) of the check run that reports a broken policy file."""
    fence = "````"
    parts = [
        f"`.github/pushpals.yml`, line {line}: {message}",
        "",
        fence + "yaml",
        f"{line}: {quoted}".replace("`", "'"),
        fence,
    ]
    if suggestion:
        parts += ["", suggestion]
    parts += ["", "Nothing runs until this is mended."]
    return one_line(f"Line {line}: {message}", 120), "\n".join(parts)


# --- the pull request ------------------------------------------------------------------------------------


def pull_title(request: RequestRecord, job: JobRecord) -> str:
    """Return the title of the pull request."""
    return one_line(job.task.goal or request.request.title, 120)


def pull_body(request: RequestRecord, job: JobRecord) -> str:
    """Render the pull request's body: it is the report (Shipped, Evidence, Risk, Follow-ups)."""
    report, number = job.report, request.request.number
    lines = [f"Fixes #{number}.", "", f"**Shipped.** {_shipped(report.files)}"]
    if report.words:
        words = truncate_markdown(clean_model_text(report.words).text, WORDS_LIMIT)
        lines += ["", "The worker's own words, not checked:", *(f"> {line}" for line in words.splitlines())]
    lines += ["", *_evidence_section(report.evidence)]
    reasons = "; ".join(report.risk_reasons) or "no rule raised it"
    lines += [
        "",
        f"**Risk.** {report.risk.value.capitalize()}: {reasons}. To undo it, revert this pull request.",
    ]
    lines += _finding_lines(report.findings)
    if report.refused:
        lines += ["", "**Refused.**", *(f"- {one_line(text, 300)}" for text in report.refused)]
    cleaned = (f"Removed from the request before a model read it: {c}." for c in request.request.cleaned)
    follow = [*report.follow_ups, *cleaned]
    lines += ["", "**Follow-ups.** " + ("None." if not follow else "")]
    lines += [f"{i}. {one_line(text, 300)}" for i, text in enumerate(follow, 1)]
    lines += [
        "",
        "<details><summary>How it was made</summary>",
        "",
        f"{spent(job.usage)} · record `refs/pushpals/jobs/{job.id}`"
        f" (verify: `pushpals audit verify {job.id}`)",
        "",
        "</details>",
    ]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


def _shipped(files: Sequence[FileChange]) -> str:
    if not files:
        return "Nothing."
    shown = [f"`{one_line(f.path, 120)}` ({_lines_of(f)})" for f in files[:10]]
    rest = f" and {len(files) - 10} more" if len(files) > 10 else ""  # noqa: PLR2004
    return f"{count(len(files), 'file')}: {', '.join(shown)}{rest}."


def _lines_of(change: FileChange) -> str:
    if change.added is None or change.removed is None:
        return "binary"
    return f"+{change.added} −{change.removed}"


def _evidence_section(evidence: Evidence | None) -> list[str]:
    if evidence is None:
        return ["**Evidence.** None: no check was run on this tree."]
    return [
        f"**Evidence.** On the exact tree of this pull request (`{evidence.tree[:12]}`), in a clean sandbox:",
        "",
        *_evidence_lines(evidence),
    ]


def _evidence_lines(evidence: Evidence) -> list[str]:
    lines: list[str] = []
    if evidence.head:
        before = {result.command: result for result in evidence.base}
        lines += ["| check | base | here |", "|---|---|---|"]
        lines += [_evidence_row(result, before.get(result.command)) for result in evidence.head]
    fixed = _fixed(evidence)
    if fixed:
        names = ", ".join(f"`{one_line(name, 150)}`" for name in fixed[:5])
        more = f" and {len(fixed) - 5} more" if len(fixed) > 5 else ""  # noqa: PLR2004
        lines += ["", f"{names}{more} failed on base and {'passes' if len(fixed) == 1 else 'pass'} here."]
    if evidence.thin:
        lines += ["", f"The evidence is thin: {evidence.thin}"]
    return lines


def _evidence_row(here: CheckResult, base: CheckResult | None) -> str:
    command = one_line(here.command, 150).replace("|", "\\|")
    return f"| `{command}` | {base.summary if base else 'not run'} | {here.summary} |"


def _fixed(evidence: Evidence) -> list[str]:
    still = {name for result in evidence.head for name in result.failing}
    clean = all(result.ok for result in evidence.head)
    before = dict.fromkeys(name for result in evidence.base for name in result.failing)
    return [name for name in before if name not in still] if clean or still else []


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    rows = []
    for finding in findings:
        where = f" `{one_line(finding.path, 150)}`" if finding.path else ""
        at = f" line {finding.line}" if finding.line else ""
        weight = "blocking" if finding.blocking else "note"
        rows.append(f"- {weight}, {finding.rule}:{where}{at} {one_line(finding.message, 300)}")
    return ["", "**Review.**", *rows]


def commit_message(request: RequestRecord, job: JobRecord) -> str:
    """Render the message of the work's commit, with trailers that tie it to the ledger."""
    return (
        f"{one_line(job.task.goal or request.request.title, 72)}\n\n"
        f"Fixes #{request.request.number}\n\n"
        f"PushPals-Job: {job.id}\nPushPals-Model: {job.usage.model or 'unknown'}\n"
        f"PushPals-Requested-By: {request.request.asker.login}\n"
    )


def plan_markdown(record: RequestRecord) -> str:
    """Render a plan as the ledger's `plan.md`."""
    lines = [f"# Plan for #{record.request.number}: {one_line(record.request.title, 120)}", ""]
    lines += [f"Risk {record.plan.risk}: {'; '.join(record.plan.risk_reasons) or 'no rule raised it'}.", ""]
    for index, task in enumerate(record.plan.tasks, 1):
        lines += [
            f"{index}. {one_line(task.goal, 200)} ({role_name(task.role)}, scope {', '.join(task.scope)})"
        ]
        lines += [f"   - {one_line(text, 200)}" for text in task.acceptance]
        lines += [f"   - check: `{command}`" for command in task.checks]
        if task.no_check_reason:
            lines += [f"   - no check: {task.no_check_reason}"]
    lines += [f"\n{note}" for note in record.plan.notes]
    return "\n".join(lines) + "\n"
