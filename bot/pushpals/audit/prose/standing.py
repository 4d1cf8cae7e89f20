"""How jobs stand, in a phrase each: for the status page and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pushpals.audit.prose.words import duration, flat
from pushpals.model import ENDED, HELD, ON_A_BRANCH, JobState, WaitReason
from pushpals.policy.plan_gate import waits_for_people

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from pushpals.model import JobRecord, RequestRecord

Place = Literal["asked", "running", "waiting", "review", "failed"]
PLACES: dict[Place, str] = {
    "asked": "Waits for you",
    "running": "At work",
    "waiting": "In line",
    "review": "For you to review",
    "failed": "Failed in the last seven days",
}
"""The lists of jobs, what people are asked for first, and what they are called."""
RECENT_DAYS = 7
"""How long failures are shown."""
_WAITS_FOR = {
    WaitReason.APPROVAL: "approval",
    WaitReason.BUDGET: "a larger budget",
    WaitReason.QUESTION: "an answer",
    WaitReason.DEPENDENCY: "the job it depends on",
    WaitReason.COMMAND: "leave to run a command",
}
_WORKED_ON = HELD | {JobState.PROPOSED, JobState.GATED}


def place(job: JobRecord, now: datetime) -> Place | None:
    """Return the list in which a job is shown; None for what is over and well, or long over."""
    if job.state in _WORKED_ON:
        return "running"
    if job.state is JobState.WAITING:
        return "waiting" if job.waiting is WaitReason.DEPENDENCY else "asked"
    if job.state is JobState.QUEUED:
        return "waiting"
    if job.state in ON_A_BRANCH:
        return "review"
    recent = job.state is JobState.FAILED and (now - job.updated_at).days < RECENT_DAYS
    return "failed" if recent else None


def plan_place(request: RequestRecord) -> Place | None:
    """Return the list in which a request is shown whose plan is not settled; None for any other."""
    if request.stopped:
        return None
    if request.drafted_by:
        return "running"
    return "asked" if _unanswered(request) or waits_for_people(request) else None


def plan_detail(request: RequestRecord) -> str:
    """Return what a plan that is not settled waits for."""
    if request.drafted_by:
        return "is being planned"
    if question := _unanswered(request):
        return f"waits for an answer: {question}"
    return f"waits for somebody's yes to the plan, risk {request.plan.risk.value}"


def _unanswered(request: RequestRecord) -> str:
    question = request.question
    return question.text if question and question.answer is None else ""


def detail(job: JobRecord, now: datetime, *, live: str = "", here: bool = False, free: bool = True) -> str:
    """Return what a job does, waits for or failed of; `live` is what its worker says, where that is known."""
    if job.failure and job.state in ENDED:
        return f"{job.failure.kind.value}: {job.failure.cause}"
    if job.state is JobState.WAITING:
        what = _WAITS_FOR[job.waiting] if job.waiting else "people"
        return f"waits for {what}" + (f": {job.asks}" if job.asks else "")
    if job.state is JobState.QUEUED:
        if job.not_before and job.not_before > now:
            return f"is tried again at {job.not_before:%H:%M:%S} UTC"
        return "is about to start" if free else "waits for a worker: all are busy"
    if job.state in _WORKED_ON:
        holder = f", {job.holder.instance}" if job.holder else ""
        return live or ("is being judged" if here else f"is worked on by another process{holder}")
    return ""


def standing(
    repository: str, requests: Iterable[RequestRecord], jobs: Iterable[JobRecord], now: datetime, web: str
) -> Iterator[str]:
    """Yield the lines that `pushpals status` prints about one repository; `web` is GitHub's address."""
    yield repository
    known = [(place(job, now), job) for job in jobs]
    plans = [(plan_place(request), request) for request in requests]
    for name, title in PLACES.items():
        rows = [job for where, job in known if where == name]
        unsettled = [request for where, request in plans if where == name]
        if not rows and not unsettled:
            continue
        yield f"  {title}"
        for request in unsettled:
            yield f"    #{request.request.number:<7} {'plan':<11} {flat(request.request.title, 60)}"
            yield f"             {flat(plan_detail(request), 200)}"
            yield f"             {web}/{repository}/issues/{request.request.number}"
        for job in sorted(rows, key=lambda each: each.updated_at, reverse=True):
            yield from _row(job, now, f"{web}/{repository}/issues/{job.request}")
    if not any(where for where, _ in (*known, *plans)):
        yield "  Nothing runs, waits or failed lately. Label an issue, and it appears here."


def _row(job: JobRecord, now: datetime, url: str) -> Iterator[str]:
    ago = duration(max(0.0, (now - job.updated_at).total_seconds()))
    yield f"    {job.id:<8} {job.state.value:<11} {flat(job.task.goal, 60)}  ({ago} ago)"
    if job.holder and job.state in HELD:
        said = f"held by {job.holder.instance}, attempt {job.attempt}"
    else:
        said = detail(job, now)
    if said:
        yield f"             {flat(said, 200)}"
    if job.failure and job.state in ENDED:
        yield f"             {flat(job.failure.next_step, 200)}"
    yield f"             {url}"
