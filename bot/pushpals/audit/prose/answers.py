"""Answers to what people say: one comment for one command, never edited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pushpals.audit.prose.progress import progress_comment
from pushpals.audit.prose.rolling import gathered_words
from pushpals.audit.prose.words import (
    COMMENT_LIMIT,
    code,
    duration,
    failure_text,
    money,
    one_line,
    others_than_authors,
    thousands,
)
from pushpals.audit.text import clean_model_text, truncate_markdown
from pushpals.model import ENDED, ON_A_BRANCH, JobState, WaitReason
from pushpals.policy.plan_gate import waits_for_people
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pushpals.model import JobRecord, RequestRecord, Usage

WORDS_LIMIT: Final = 6_000
"""Characters of a model's answer."""

USAGE: Final[Mapping[Verb, tuple[str, str]]] = {
    Verb.STATUS: ("status", "says how the work stands"),
    Verb.EXPLAIN: ("explain", "says why something waits, failed or was refused, and by which rule"),
    Verb.ASK: ("ask QUESTION", "answers a question about the code, the request or the change"),
    Verb.RUN: ("run", "starts the work, as the label does"),
    Verb.PLAN: ("plan [REMARKS]", "plans again, with your remarks"),
    Verb.APPROVE: ("approve", "says yes to the plan or to what is asked"),
    Verb.REJECT: ("reject [REASON]", "says no to it"),
    Verb.RETRY: ("retry [JOB]", "does it once more, from the start"),
    Verb.FIX: ("fix TEXT", "changes the pull request as the text says"),
    Verb.BUDGET: ("budget 2x [JOB]", "lets a job that ran out of budget spend more, and go on"),
    Verb.CANCEL: ("cancel [JOB]", "stops the work; nothing of it is published after that"),
    Verb.REVIEW: ("review", "reviews this pull request"),
    Verb.REBASE: ("rebase", "merges the default branch into this pull request"),
    Verb.INTEGRATE: ("integrate", "puts this pull request on the train"),
    Verb.REVERT: ("revert [JOB]", "opens a pull request that takes the change back"),
    Verb.HELP: ("help", "lists what you can say here"),
}
"""How each verb is written, and what it does, in the order in which they are listed."""

_MARK: Final = re.compile(r"<!-- pushpals:answer (?P<key>[^\s<>]{1,200}) -->")

_STRANGER: Final = re.compile(r"<!-- pushpals:stranger (?P<id>[0-9]{1,19}) -->")


def answer(key: str, text: str) -> str:
    """Return the comment that answers the command with this key."""
    return truncate_markdown(f"<!-- pushpals:answer {key} -->\n{text}", COMMENT_LIMIT)


def answered_keys(body: str) -> frozenset[str]:
    """Return the keys of the commands that a comment of ours answers."""
    return frozenset(found["key"] for found in _MARK.finditer(body[:2_000]))


def strangers(body: str) -> frozenset[int]:
    """Return the account ids of those whom a comment of ours refuses."""
    return frozenset(int(found["id"]) for found in _STRANGER.finditer(body[:2_000]))


def stranger_refusal(person: int, login: str, reason: str) -> str:
    """Tell someone, once, that they may not say this here. The name is code, not a mention, on purpose."""
    text = (
        f"{code(login)}, {one_line(reason, 300)} A maintainer can say it for you. "
        "Further commands of yours here get no answer."
    )
    return f"<!-- pushpals:stranger {person} -->\n{text}"


def help_answer(verbs: Sequence[Verb]) -> str:
    """List what the person may say here and now."""
    rows = [f"| `/pushpals {USAGE[verb][0]}` | {USAGE[verb][1]} |" for verb in USAGE if verb in verbs]
    return "\n".join(
        [
            "What you can say here now:",
            "",
            "| command | what it does |",
            "|---|---|",
            *rows,
            "",
            "A command starts a line; several run in their order. Quotes and code are never commands.",
        ]
    )


def mistake_answer(said: str, problem: str, suggestion: str | None) -> str:
    """Say what was not understood, and what may have been meant."""
    meant = f" Perhaps {code(suggestion)}?" if suggestion else ""
    return f"{code(said, 80)} {problem}.{meant} `/pushpals help` lists what you can say here."


def not_now(verb: Verb, reason: str) -> str:
    """Say why a command does nothing here. `reason` is a sentence of ours."""
    return f"`{verb}` does nothing here: {reason} `/pushpals help` lists what you can say here."


def changed_meanwhile(login: str) -> str:
    """Say that the text is not the one that the command was about any more."""
    return (
        f"Nothing was started: {code(login)} changed this issue after the command, and may not start "
        "PushPals here. If its text is what you want, say it again in a new comment."
    )


def status_answer(
    request: RequestRecord | None,
    jobs: Sequence[JobRecord],
    pulls: Mapping[str, int],
    live: Mapping[str, str],
    label: str,
) -> str:
    """Say how the work stands: what the progress comment says, and why something waits."""
    if request is None:
        return nothing_yet(label)
    _, _, shown = progress_comment(request, jobs, pulls, live).partition("\n")
    waiting = [_reason(job) for job in jobs if job.state is JobState.WAITING]
    return "\n\n".join([shown, *waiting])


def nothing_yet(label: str) -> str:
    """Say that PushPals has no work here."""
    return (
        "Nothing was asked of PushPals here yet, so nothing is under way. "
        f"On an issue, somebody who may start work adds {code(label)} or says `/pushpals run`."
    )


def explain_answer(
    request: RequestRecord | None,
    jobs: Sequence[JobRecord],
    pulls: Mapping[str, int],
    label: str,
    only: str | None = None,
) -> str:
    """Say of each job, or of one, why it stands where it stands, and what moves it."""
    if request is None:
        return nothing_yet(label)
    shown = [job for job in jobs if only in {None, job.id}]
    if only and not shown:
        return f"There is no job {code(only)} in the plan that counts. `/pushpals status` lists its jobs."
    lines = [] if only else list(_of_request(request, jobs))
    for job in shown:
        lines.append(f"**{job.id}** {_reason(job, pulls.get(job.id))}")
    return "\n\n".join(lines) or "Nothing waits and nothing was refused. `/pushpals status` shows the plan."


def _of_request(request: RequestRecord, jobs: Sequence[JobRecord]) -> Iterator[str]:
    """Say what holds for the request as a whole, and for the tasks that have no job yet."""
    reasons = "; ".join(one_line(reason, 200) for reason in request.plan.risk_reasons)
    yield f"The plan's risk is {request.plan.risk}" + (f": {reasons}." if reasons else ", by no rule more.")
    if request.stopped:
        yield f"Nothing of the plan goes on: {one_line(request.stopped, 300)}"
        return
    if request.voided:
        yield one_line(request.voided, 500)
    if request.drafted_by:
        yield "A plan is being made; nothing is asked of you."
    elif not (request.question and request.question.answer is None) and waits_for_people(request):
        yield (
            f"It waits for approval, which a plan of {request.plan.risk} risk needs (rule: risk). "
            f"{others_than_authors(request.request)} approves its pull request with a review, or says "
            "`/pushpals approve`."
        )
    if request.question and request.question.answer is None:
        yield f"It waits for an answer to this question: {one_line(request.question.text, 300)}"
    known = {job.id for job in jobs}
    for index, task in enumerate(request.plan.tasks):
        if request.job_id(index) not in known and task.depends_on:
            before = ", ".join(request.job_id(other) for other in task.depends_on)
            yield f"**{request.job_id(index)}** has not begun: its work builds on {before}."


def _reason(job: JobRecord, pull: int | None = None) -> str:
    """Say why a job stands where it stands, in a sentence or two."""
    if job.failure and job.state in ENDED:
        return failure_text(job.failure)
    if job.state is JobState.WAITING and job.waiting:
        asks = f" It asks: {code(job.asks, 1_000)}." if job.asks else ""
        return f"{_WAITS[job.waiting]}{asks}"
    if job.state is JobState.QUEUED and job.failures:
        when = f" It goes on at {job.not_before:%H:%M} UTC." if job.not_before else ""
        return f"tries again after a {job.failures[-1].value} failure, attempt {job.attempt + 1}.{when}"
    if job.gathered and job.state is JobState.INTEGRATING:
        return f"is tested, {gathered_words(job.gathered)}; whoever merges that merges it."
    if job.state in ON_A_BRANCH:
        return _on_a_branch(job, pull)
    return _STANDS.get(job.state, f"is {job.state}.")


def _on_a_branch(job: JobRecord, pull: int | None) -> str:
    if job.state is JobState.INTEGRATING and job.halt:
        return f"stands still with the merge train. {failure_text(job.halt)}"
    if job.state is not JobState.PUBLISHED:
        return "is approved: the merge train tests it and lets it land. Nothing is asked of you."
    if job.returned:
        return f"is back from the merge train. {failure_text(job.returned.failure)}"
    if job.setback:
        return f"is published, and its last round came to nothing. {failure_text(job.setback)}"
    where = f"#{pull}" if pull else f"the branch {code(job.branch)}"
    return f"is done and waits for a person to review {where}, merge it, or say `/pushpals fix …` there."


_WAITS: Final[Mapping[WaitReason, str]] = {
    WaitReason.APPROVAL: "waits for somebody to approve its plan (rule: risk).",
    WaitReason.BUDGET: "has spent its budget (rule: budget). `/pushpals budget 2x` lets it go on.",
    WaitReason.DAY: (
        "waits: what this repository may spend in a day is spent (rule: budget). It goes on tomorrow, "
        "by UTC; `/pushpals budget 2x` lets it go on today."
    ),
    WaitReason.QUESTION: "waits for an answer to its question: write it in a comment.",
    WaitReason.DEPENDENCY: "waits for the work that it builds on.",
    WaitReason.COMMAND: "wants to run a command that is not on the list of allowed ones (rule: commands).",
}
_STANDS: Final[Mapping[JobState, str]] = {
    JobState.QUEUED: "waits for a worker to be free.",
    JobState.CLAIMED: "is starting.",
    JobState.RUNNING: "is being worked on.",
    JobState.PROPOSED: "is done; its change is being checked on a clean copy.",
    JobState.GATED: "has passed its checks and is being published.",
    JobState.MERGED: "is merged. Nothing more is asked of you.",
}


def question_answer(words: str, usage: Usage, saw: Sequence[str]) -> str:
    """Render what a model answered. Its words are marked as such; `saw` names what it was shown."""
    said = truncate_markdown(clean_model_text(words).text.strip(), WORDS_LIMIT)
    cost = (
        f"{thousands(usage.tokens_in)} tokens in, {thousands(usage.tokens_out)} out · {money(usage.usd)} · "
        f"{duration(usage.seconds)}"
    )
    shown = ", ".join(one_line(each, 80) for each in saw) or "nothing but the question"
    return (
        f"{said or 'The model gave no answer.'}\n\n"
        f"<sub>In the words of {one_line(usage.model, 60) or 'the model'}, which saw {shown}; nobody has "
        f"checked them. {cost}. Ask on with `/pushpals ask …`.</sub>"
    )


def question_failed(what: str, remedy: str) -> str:
    """Say that a question got no answer, and what to do."""
    return f"The question was not answered: {one_line(what, 300)} {one_line(remedy, 300)}"
