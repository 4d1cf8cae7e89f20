"""Commands that act: each says why it cannot, or which steps it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose import answers, refusals
from pushpals.audit.text import clean_untrusted
from pushpals.localbuddy.commands import Command
from pushpals.loop import steps
from pushpals.loop.rules.common import (
    allowed,
    asked_by_command,
    changed_since,
    labelled,
    plan_waits,
    question_open,
)
from pushpals.loop.rules.places import head_of, job_branch, jobs_here
from pushpals.loop.rules.plans import CHANGE_QUESTION, plan_shown
from pushpals.loop.rules.plans import approve as approve_plan
from pushpals.loop.rules.plans import reject as reject_plan
from pushpals.loop.rules.rounds import MERGE_TEXT, free_for_a_round
from pushpals.loop.rules.tasks import under_way
from pushpals.model import ENDED, ON_A_BRANCH, JobState, Order, OrderKind, WaitReason
from pushpals.policy.access import Refused
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from pushpals.localbuddy.heard import Heard
    from pushpals.localbuddy.utterances import Place
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Person
    from pushpals.policy.repo_policy import RepoPolicy

Reply = str | list[steps.Step]
"""A text that answers, or the steps that are asked for; no steps: its time has not come yet."""


def may_run(s: Snapshot, place: Place) -> bool:
    """True on an open issue with nothing under way."""
    return (
        s.view.kind == "issue" and job_branch(place) is None and s.view.state == "OPEN" and not under_way(s)
    )


def run(s: Snapshot, policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    """Start work on what the issue asks for."""
    if s.view.kind != "issue" or job_branch(heard.utterance.place) is not None:
        return answers.not_now(Verb.RUN, "work starts on an issue.")
    if s.view.state != "OPEN":
        return answers.not_now(Verb.RUN, "this issue is closed.")
    if under_way(s):
        failed = [job.id for job in _to_retry(s, heard.utterance.place)]
        again = f" `/pushpals retry {failed[-1]}` tries {failed[-1]} again beside it." if failed else ""
        return answers.not_now(Verb.RUN, f"the work is under way.{again} `/pushpals status` shows it.")
    return _open(s, policy, heard)


def _open(s: Snapshot, policy: RepoPolicy, heard: Heard) -> Reply:
    said = heard.utterance
    changes = changed_since(s.view, said.at)
    meddlers = [who for who in changes if isinstance(allowed(s, policy, who), Refused)]
    if meddlers:
        return answers.changed_meanwhile(meddlers[0].login if meddlers[0] else "ghost")
    if s.begun >= policy.budget.jobs:
        limit = policy.budget.jobs
        return f"{refusals.too_many(limit, policy.where('budget.jobs'))} Then, or tomorrow, say it again."
    return [steps.OpenRequest(heard.key, heard.person, said.at)]


def _to_retry(s: Snapshot, place: Place) -> list[JobRecord]:
    """Return the jobs that may begin again: those that failed, and a pull request's own.

    Also one that was stopped, while other tasks of its plan go on: else all is asked for anew.
    """
    return [
        job
        for job in jobs_here(s, place)
        if job.state is JobState.FAILED
        or (job.state is JobState.CANCELLED and job.head is None and under_way(s))
        or (job_branch(place) and job.state in ON_A_BRANCH)
    ]


def may_retry(s: Snapshot, place: Place) -> bool:
    """True where there is a job to begin again."""
    return bool(_to_retry(s, place)) and s.view.state == "OPEN"


def retry(s: Snapshot, policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    """Begin a job again, or ask anew where nothing is left to try."""
    place, request = heard.utterance.place, s.ledger.request
    if request is None:
        return answers.nothing_yet(policy.trigger.label)
    if s.view.state != "OPEN":
        return answers.not_now(Verb.RETRY, "the issue is closed.")
    found = [job for job in _to_retry(s, place) if command.job in {None, job.id}]
    stands = asked_by_command(request.record) or labelled(s.view, policy.trigger.label)
    if found and stands and not request.record.stopped:
        job = found[-1]
        if job.state is JobState.INTEGRATING:
            return [_off_the_train(job, heard)]
        return [steps.Retry(job.id, heard.key, heard.person, head_of(s, job))]
    lost = {job.id for job in jobs_here(s, place) if job.state in ENDED - {JobState.MERGED}}
    if command.job and command.job not in lost:
        return answers.not_now(Verb.RETRY, f"`{command.job}` is none that failed or was stopped.")
    if under_way(s):
        return answers.not_now(Verb.RETRY, "the work is under way, and nothing of it has failed.")
    return _open(s, policy, heard)


def may_fix(s: Snapshot, place: Place) -> bool:
    """True on a pull request of ours that is not ended."""
    return job_branch(place) is not None and any(
        job.head and job.state not in ENDED for job in jobs_here(s, place)
    )


def fix(s: Snapshot, _policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    """Order a further round."""
    if not may_fix(s, heard.utterance.place):
        return answers.not_now(Verb.FIX, "say it on an open pull request of PushPals.")
    job = jobs_here(s, heard.utterance.place)[-1]
    head = head_of(s, job)
    if job.state is JobState.INTEGRATING:
        return [_off_the_train(job, heard)]
    if head is None or not free_for_a_round(s, job):
        return []  # its turn comes when the round under way has ended
    return [steps.GoOn(job.id, (_order(heard),), head)]


def _off_the_train(job: JobRecord, heard: Heard) -> steps.VoidApproval:
    """What somebody wants changed does not land as it is."""
    return steps.VoidApproval(job.id, f"`{heard.person.login}` asks for more.")


def may_rebase(s: Snapshot, place: Place) -> bool:
    """True on an open pull request of ours whose base branch has moved on."""
    return may_fix(s, place) and jobs_here(s, place)[-1].base != s.view.repository.default_sha


def rebase(s: Snapshot, _policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    """Merge the default branch into the pull request's branch, in a round of its own."""
    place, tip = heard.utterance.place, s.view.repository.default_sha
    if not may_fix(s, place):
        return answers.not_now(Verb.REBASE, "say it on an open pull request of PushPals.")
    job = jobs_here(s, place)[-1]
    head = head_of(s, job)
    if job.state is JobState.INTEGRATING:
        return answers.not_now(Verb.REBASE, "it is on the merge train, which tests it on top of that branch.")
    if head is None or not free_for_a_round(s, job):
        return []  # its turn comes when the round under way has ended
    if job.onto and place.pull and place.pull.base_ref == job.onto:
        return answers.not_now(Verb.REBASE, "it builds on another pull request, which lands first.")
    if tip is None or job.base == tip:
        return answers.not_now(Verb.REBASE, "it is up to date already.")
    order = Order(
        kind=OrderKind.REBASE, cause=heard.key, text=MERGE_TEXT, at=heard.utterance.at, by=heard.person
    )
    return [steps.GoOn(job.id, (order,), head, tip)]


def _order(heard: Heard) -> Order:
    said, thread = heard.said, heard.utterance.place.thread
    return Order(
        kind=OrderKind.FIX,
        cause=heard.key,
        text=clean_untrusted(said.text).text.strip() if isinstance(said, Command) else "",
        at=heard.utterance.at,
        by=heard.person,
        path=thread.path if thread else None,
        line=thread.line if thread else None,
        thread=thread.id if thread else None,
    )


def may_cancel(s: Snapshot, place: Place) -> bool:
    """True while anything goes on."""
    going_on = any(job.state not in ENDED for job in jobs_here(s, place))
    return going_on or (job_branch(place) is None and under_way(s))


def stopped_by(person: Person) -> str:
    """Say who stopped the work."""
    return f"`{person.login}` stopped it with `/pushpals cancel`."


def cancel(s: Snapshot, _policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    """Stop a job, or all that was asked."""
    place = heard.utterance.place
    named = [job for job in jobs_here(s, place) if job.state not in ENDED and command.job in {None, job.id}]
    jobs = tuple(job.id for job in named if job.gathered is None)
    whole = job_branch(place) is None and command.job is None
    record = s.ledger.request.record if s.ledger.request else None
    half_done = record is not None and record.stopped == stopped_by(heard.person)
    if named and not jobs:
        return answers.not_now(
            Verb.CANCEL, "it is tested and gathered: its pull request is where to judge it."
        )
    if not jobs and not (whole and (under_way(s) or half_done)):
        return answers.not_now(Verb.CANCEL, "nothing is under way that it could stop.")
    return [steps.CancelWork(heard.key, heard.person, jobs, whole)]


def _short_of_budget(s: Snapshot, place: Place) -> list[JobRecord]:
    waiting = [job for job in jobs_here(s, place) if job.state is JobState.WAITING]
    return [job for job in waiting if job.waiting in {WaitReason.BUDGET, WaitReason.DAY}]


def may_raise(s: Snapshot, place: Place) -> bool:
    """True while a job waits for more budget."""
    return bool(_short_of_budget(s, place)) and s.view.state == "OPEN"


def budget(s: Snapshot, _policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    """Let a job spend more."""
    short = [job for job in _short_of_budget(s, heard.utterance.place) if command.job in {None, job.id}]
    if not short or s.view.state != "OPEN":
        return answers.not_now(Verb.BUDGET, "no job here has run out of budget.")
    return [steps.Resume(short[-1].id, heard.key, heard.person, command.factor or 2.0)]


def _to_decide(s: Snapshot, place: Place) -> list[JobRecord]:
    waiting = [job for job in jobs_here(s, place) if job.state is JobState.WAITING and job.asks]
    return [job for job in waiting if job.waiting is WaitReason.COMMAND]


def may_plan(s: Snapshot, _place: Place) -> bool:
    """True while a plan waits for a person's word."""
    record = s.ledger.request.record if s.ledger.request else None
    return plan_shown(s) or (record is not None and plan_waits(record) and question_open(record))


def plan(s: Snapshot, _policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    """Plan again with a person's remarks, or ask for them."""
    record = s.ledger.request.record if s.ledger.request else None
    if record is None or not may_plan(s, heard.utterance.place):
        return answers.not_now(Verb.PLAN, "no plan waits for a word of yours.")
    if question_open(record):
        if command.text:
            return [steps.AnswerQuestion(command.text, heard.person, heard.key)]
        return answers.not_now(Verb.PLAN, "a question is open already: answer it in a comment.")
    if command.text:
        return [steps.AnswerQuestion(command.text, heard.person, heard.key, CHANGE_QUESTION)]
    return [steps.AskAboutPlan(CHANGE_QUESTION, heard.key)]


def may_decide(s: Snapshot, place: Place) -> bool:
    """True while something waits for a person's yes or no."""
    return bool(_to_decide(s, place)) or plan_shown(s)


def _decided(s: Snapshot, heard: Heard, command: Command) -> JobRecord | str:
    """Return the job that a yes or no is about, else why there is none.

    It had asked by then, in GitHub's whole seconds. Of several the command names one: nobody's yes is taken
    for another command than they have read.
    """
    said, named = heard.utterance.at, {command.job, *command.text.split()}
    waiting = _to_decide(s, heard.utterance.place)
    asked = [job for job in waiting if job.updated_at.replace(microsecond=0) <= said]
    found = [job for job in asked if job.id in named] or ([] if command.job else asked)
    if len(found) > 1:
        ways = " or ".join(f"`/pushpals {command.verb} {job.id}`" for job in found)
        return f"several jobs ask for a command. Say {ways}."
    return found[0] if found else "nothing waits for a yes or no."


def _on_plan(s: Snapshot, heard: Heard, command: Command) -> bool:
    """True when a yes or no is about the plan that waits: it was shown as it is by then."""
    jobs = {entry.record.id for entry in s.ledger.jobs}
    if command.text == "command" or command.job or command.text.strip() in jobs:
        return False  # it is about what a job asks
    record = s.ledger.request.record if s.ledger.request else None
    written = record.written_at if record else None
    return plan_shown(s) and (written is None or written.replace(microsecond=0) <= heard.utterance.at)


def approve(s: Snapshot, policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    """Say yes to the plan that waits, else to the command that a job wants to run."""
    if _on_plan(s, heard, command):
        step = approve_plan(s, policy, heard.person, "command", heard.key)
        if isinstance(step, Refused):
            return answers.not_now(Verb.APPROVE, step.reason)
        return [step] if step else answers.not_now(Verb.APPROVE, "nothing waits for a yes.")
    job = _decided(s, heard, command)
    if isinstance(job, str):
        return answers.not_now(Verb.APPROVE, job)
    return [steps.Resume(job.id, heard.key, heard.person, allowed=(job.asks or "",))]


def reject(s: Snapshot, policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    """Say no to it."""
    if _on_plan(s, heard, command):
        step = reject_plan(s, policy, heard.person, command.text, heard.key)
        if isinstance(step, Refused):
            return answers.not_now(Verb.REJECT, step.reason)
        return [step] if step else answers.not_now(Verb.REJECT, "nothing waits for a yes or no.")
    job = _decided(s, heard, command)
    if isinstance(job, str):
        return answers.not_now(Verb.REJECT, job)
    return [steps.Resume(job.id, heard.key, heard.person, denied=(job.asks or "",))]
