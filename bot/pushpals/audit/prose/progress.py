"""The progress comment: one for each request, edited in place."""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.prose.evidence import doubt_lines
from pushpals.audit.prose.plan import plan_standing
from pushpals.audit.prose.rolling import gathered_words
from pushpals.audit.prose.rounds import round_words
from pushpals.audit.prose.words import (
    COMMENT_LIMIT,
    code,
    count,
    duration,
    failure_text,
    money,
    one_line,
    outcome,
    record_of,
    role_name,
)
from pushpals.model import ENDED, HELD, ON_A_BRANCH, FailureKind, JobState, Risk, WaitReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.model import JobRecord, RequestRecord, Task

PROGRESS_MARK = "<!-- pushpals:progress -->"
"""Helps to find our own comment again. A hint only: authorship is checked by the App's own id."""

PLAN = "plan"
"""Where `pulls` has the number of the pull request that shows the plan."""

_STANDING = re.compile(r"<!-- pushpals:standing (?P<digest>[0-9a-f]{16}) -->")

WORKING = frozenset({JobState.QUEUED, *HELD, JobState.PROPOSED, JobState.GATED})
LOST = ENDED - {JobState.MERGED}

WAITS_FOR = {
    WaitReason.APPROVAL: "approval",
    WaitReason.BUDGET: "a larger budget",
    WaitReason.QUESTION: "an answer",
    WaitReason.DEPENDENCY: "another task",
    WaitReason.COMMAND: "leave to run a command",
    WaitReason.DAY: "another day, or leave to spend more today",
}

_HOW_TO_ANSWER = {
    WaitReason.BUDGET: "`/pushpals budget 2x {job}` goes on from there.",
    WaitReason.DAY: "`/pushpals budget 2x {job}` lets it begin today.",
    WaitReason.COMMAND: "`/pushpals approve {job}` allows it once, `/pushpals reject {job}` refuses it.",
}

STATE_WORDS = {
    JobState.QUEUED: "waiting for a worker",
    JobState.CLAIMED: "starting",
    JobState.RUNNING: "running",
    JobState.PROPOSED: "being checked",
    JobState.GATED: "being published",
    JobState.PUBLISHED: "ready for review",
    JobState.APPROVED: "approved",
    JobState.INTEGRATING: "being integrated",
    JobState.WAITING: "waiting",
    JobState.MERGED: "merged",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "stopped",
    JobState.SUPERSEDED: "superseded",
}


def progress_comment(
    request: RequestRecord,
    jobs: Sequence[JobRecord],
    pulls: Mapping[str, int],
    live: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Render the one progress comment of a request.

    `jobs` are those of its plan. `pulls` gives the pull request's number by job id. `live` is a short line
    about each running job (turn, last command); it is the only part that neither the ledger nor GitHub holds.
    """
    title = f"### PushPals · #{request.request.number} {one_line(request.request.title, 120)}"
    waiting = plan_standing(request, pulls.get(PLAN)) if not jobs else None
    if waiting is not None:
        lines = [title, waiting.headline, *waiting.lines]
    else:
        lines = [title, _headline(request, jobs), *_task_lines(request, jobs, pulls, live)]
    if request.approval and jobs:
        lines += ["", f"{code(request.approval.by.login)} approved the plan."]
    if request.stopped and jobs:
        lines += ["", one_line(request.stopped, 500)]
    lines += _job_words(jobs)
    lines += ["", waiting.last if waiting else _next_words(jobs, pulls)]
    if request.first > 1:
        number = request.request.number
        lines[-1] += f" Earlier: `refs/pushpals/jobs/{number}-{request.first - 1}`."
    mark = _standing(request, jobs, pulls)
    return truncate_markdown("\n".join([f"{PROGRESS_MARK} {mark}", *lines]), COMMENT_LIMIT)


def _job_words(jobs: Sequence[JobRecord]) -> list[str]:
    """Return what is to be said of single jobs: what failed, what waits, what speaks against them."""
    lines: list[str] = []
    for job in jobs:
        if job.setback:
            lines += ["", *_named(job, failure_text(job.setback), several=len(jobs) > 1)]
        if job.state is JobState.WAITING and job.waiting and job.asks:
            lines += ["", f"{job.id} {_asks(job)} {_how_to_answer(job)}"]
        if job.failure:
            lines += ["", *_named(job, failure_text(job.failure), several=len(jobs) > 1)]
    lost = {job.branch: job.id for job in jobs if job.state in LOST}
    for job in jobs:
        if job.state in ON_A_BRANCH:
            lines += doubt_lines(job, f"{job.id}: " if len(jobs) > 1 else "")
            lines += ["", _without_ground(job, lost[job.onto])] if job.onto in lost else []
        if job.state is JobState.PUBLISHED and job.returned:
            back = f"Back from the merge train. {failure_text(job.returned.failure)}"
            lines += ["", *_named(job, back, several=len(jobs) > 1)]
        if job.state in {JobState.APPROVED, JobState.INTEGRATING} and job.halt:
            stands = f"The merge train stands still. {failure_text(job.halt)}"
            lines += ["", *_named(job, stands, several=len(jobs) > 1)]
    return lines


def _without_ground(job: JobRecord, below: str) -> str:
    """Say that merging a job's pull request brings nothing to the default branch as things are."""
    return (
        f"{job.id} builds on {below}, which did not succeed: its pull request goes to a branch that is not "
        f"merged. `/pushpals cancel {job.id}` ends it; `/pushpals run` starts anew once nothing else goes on."
    )


def _asks(job: JobRecord) -> str:
    if job.waiting is WaitReason.COMMAND:
        return f"waits for leave to run {code(job.asks or '', 1_000)}."
    return f"waits for you: {one_line(job.asks or '', 1_000)}"


def _how_to_answer(job: JobRecord) -> str:
    return _HOW_TO_ANSWER[job.waiting].format(job=job.id) if job.waiting in _HOW_TO_ANSWER else ""


def standing_of(body: str) -> str | None:
    """Return what a progress comment shows, leaving out how far running jobs are; None for another text."""
    found = _STANDING.search(body)
    return found["digest"] if found else None


def _standing(request: RequestRecord, jobs: Sequence[JobRecord], pulls: Mapping[str, int]) -> str:
    """Return a hidden mark that changes when the state of a job does, and not with every turn of a worker."""
    facts = [
        (
            job.id,
            job.state in WORKING or job.state.value,
            job.failures,
            job.failure,
            job.round,
            job.setback,
            job.waiting,
            job.returned,
            job.halt,
            job.gathered,
            pulls.get(job.id),
        )
        for job in jobs
    ]
    plan = (request.plan_commit, request.approval, request.question, request.stopped, request.voided)
    whole = repr((request.request.title, plan, facts))
    return f"<!-- pushpals:standing {hashlib.sha256(whole.encode()).hexdigest()[:16]} -->"


def _named(job: JobRecord, text: str, *, several: bool) -> list[str]:
    return [f"{job.id}: {text}"] if several else [text]


def _headline(request: RequestRecord, jobs: Sequence[JobRecord]) -> str:
    """Say in one line how it stands, how long it took, what it cost and how risky it is."""
    tasks = request.plan.tasks
    if not jobs:
        return "Planning"
    parts = [_standing_words(jobs, len(tasks))]
    if len(tasks) > 1:
        done = sum(job.state in ON_A_BRANCH | {JobState.MERGED} for job in jobs)
        parts.append(f"{done} of {len(tasks)} tasks done")
    seconds = sum(job.usage.seconds for job in jobs)
    if seconds:
        costs = [job.usage.usd for job in jobs]
        usd = None if None in costs else sum(cost for cost in costs if cost is not None)
        cap = request.plan.max_usd
        parts += [duration(seconds), money(usd, cap * len(tasks) if cap else None)]
    risk = max([request.plan.risk, *(job.report.risk for job in jobs)], key=lambda level: Risk(level).rank)
    return " · ".join([*parts, f"{risk} risk"])


def _standing_words(jobs: Sequence[JobRecord], tasks: int) -> str:
    """Return how the whole stands: as its only job does, or as the one that most needs a look."""
    words = {
        JobState.PUBLISHED: "Ready for review",
        JobState.APPROVED: "Approved",
        JobState.INTEGRATING: "Being integrated",
        JobState.MERGED: "Merged",
        JobState.SUPERSEDED: "Superseded",
        JobState.WAITING: "Waiting for you",
    }
    states = {job.state for job in jobs}
    for state in (JobState.WAITING, *sorted(WORKING & states), JobState.FAILED):
        if state in states:
            break
    else:
        unmerged = [job for job in jobs if job.state is not JobState.MERGED]
        state = unmerged[0].state if unmerged else JobState.MERGED
        if unmerged and len(jobs) == tasks and all(_is_gathered(job) for job in unmerged):
            return "Tested, waits to be merged"
    if state in WORKING or (len(jobs) < tasks and state in ON_A_BRANCH):
        return "Working"
    failed = next((job.failure for job in jobs if job.state is state and job.failure), None)
    return outcome(failed) if failed else words.get(state, "Working")


def _task_lines(
    request: RequestRecord, jobs: Sequence[JobRecord], pulls: Mapping[str, int], live: Mapping[str, str]
) -> list[str]:
    if not jobs:
        return []
    by_index = {int(job.id.partition("-")[2]) - request.first: job for job in jobs}
    lines = [""]
    for index, task in enumerate(request.plan.tasks):
        if job := by_index.get(index):
            line = live.get(job.id, "") if job.state in HELD else ""
            lines.append(_job_line(job, pulls.get(job.id), line, several=len(request.plan.tasks) > 1))
        else:
            lines.append(_task_to_come(request, index, task, by_index))
    # Besides the plan's tasks there are jobs that take one of them back.
    more = (job for job in jobs if job.reverts)
    return lines + [_job_line(job, pulls.get(job.id), "", several=len(jobs) > 1) for job in more]


def _lost_below(request: RequestRecord, index: int, by_index: Mapping[int, JobRecord]) -> str | None:
    """Return the job that keeps a task from ever beginning, however far below; None when none does."""
    for other in request.plan.tasks[index].depends_on:
        job = by_index.get(other)
        found = (
            _lost_below(request, other, by_index) if job is None else job.id if job.state in LOST else None
        )
        if found:
            return found
    return None


def _task_to_come(request: RequestRecord, index: int, task: Task, by_index: Mapping[int, JobRecord]) -> str:
    ended = _lost_below(request, index, by_index)
    before = ", ".join(request.job_id(other) for other in task.depends_on)
    state = f"not started, since {ended} did not succeed" if ended else f"waits for {before}"
    state = state if task.depends_on else "not started"
    name = f"{request.job_id(index)} {one_line(task.goal)} · {role_name(task.role)}"
    return f"- [ ] {name} · {state}"


def _job_line(job: JobRecord, pull: int | None, live: str, *, several: bool) -> str:
    box = "x" if job.state in ON_A_BRANCH | {JobState.MERGED} else " "
    state = STATE_WORDS.get(job.state, job.state.value)
    if job.state is JobState.QUEUED and job.failures:
        state = f"trying again after a {job.failures[-1].value} failure"
    if job.state is JobState.WAITING and job.waiting:
        state = f"waiting for {WAITS_FOR[job.waiting]}"
    if (job.round or job.sent_back) and job.state in WORKING:
        state = f"{state}: {round_words(job)}"
    if job.gathered and _is_gathered(job):
        state = gathered_words(job.gathered)
    if pull:
        state = f"#{pull} {state}"
    if live:
        state = f"{state}, {live}"
    cost = (
        f" · {count(job.usage.turns, 'turn')}, {money(job.usage.usd)}" if several and job.usage.turns else ""
    )
    return f"- [{box}] {job.id} {one_line(job.task.goal)} · {role_name(job.task.role)} · {state}{cost}"


def _is_gathered(job: JobRecord) -> bool:
    return job.state is JobState.INTEGRATING and job.gathered is not None


_OR_ELSE = "`/pushpals fix …` there changes it, `/pushpals cancel` rejects it."


def _next_words(jobs: Sequence[JobRecord], pulls: Mapping[str, int]) -> str:  # noqa: PLR0911 - one sentence a standing
    going_on = [job for job in jobs if job.state not in ENDED | ON_A_BRANCH]
    if not jobs or going_on:
        return (
            "`/pushpals cancel` stops it; nothing is published after that. `/pushpals help` lists the rest."
        )
    records = f"Record: {record_of(jobs[-1])}." if len(jobs) == 1 else _records(jobs)
    lost = {job.branch for job in jobs if job.state in LOST}
    ready = [
        f"#{pulls[job.id]}" if job.id in pulls else f"branch `{job.branch}`"
        for job in jobs
        if job.state is JobState.PUBLISHED and job.onto not in lost
    ]
    if any(job.state is JobState.PUBLISHED for job in jobs) and not ready:
        return records  # what can be done is said above
    shown = sorted(
        {f"#{job.gathered.pull}" for job in jobs if _is_gathered(job) and job.gathered and job.gathered.pull}
    )
    if shown and not ready:
        where = f"{' and '.join(shown)}, which holds it with what else was tested"
        return f"**Next.** Read {where}, and merge that. {records}"
    if any(job.state in ON_A_BRANCH for job in jobs) and not ready:
        return f"**Next.** Nothing is asked of you: the merge train tests it and lets it land. {records}"
    if len(ready) == 1:
        return f"**Next.** Read {ready[0]} and merge it; {_OR_ELSE} {records}"
    if ready:
        order = "in this order" if any(job.onto for job in jobs) else "each"
        return f"**Next.** Read {', '.join(ready)} and merge {order}; {_OR_ELSE} {records}"
    if all(job.state is JobState.MERGED for job in jobs):
        return f"Nothing more is asked of you. {records}"
    if all(job.failure and job.failure.kind is FailureKind.CANCELLED for job in jobs if job.state in LOST):
        return records  # how to start again is part of why it was stopped
    return f"`/pushpals retry` tries the same again, `/pushpals run` reads the issue anew. {records}"


def _records(jobs: Sequence[JobRecord]) -> str:
    return f"Records: {', '.join(f'`refs/pushpals/jobs/{job.id}`' for job in jobs)}."
