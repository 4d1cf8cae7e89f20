"""What each command does: a text that answers it, or the steps it asks for.

`HANDLERS` is the one list of what can be said; `help` shows of it what applies here and now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pushpals.audit.prose import answers
from pushpals.audit.text import clean_untrusted
from pushpals.github import LabelEvent
from pushpals.localbuddy.commands import Command
from pushpals.localbuddy.pull_picture import pull_numbers
from pushpals.loop import steps
from pushpals.loop.rules.causes import changed_since
from pushpals.loop.rules.common import allowed, asked_by_command, labelled, plan_jobs
from pushpals.loop.rules.tasks import under_way
from pushpals.model import ENDED, ON_A_BRANCH, JobState, Order, OrderKind, WaitReason
from pushpals.policy.access import Allowed, Refused, may
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from pushpals.localbuddy.heard import Heard
    from pushpals.localbuddy.utterances import Place
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Person, Sha
    from pushpals.policy.repo_policy import RepoPolicy

PATIENCE: Final = timedelta(minutes=10)
"""How long a question that was acknowledged may go without its answer before it is seen to again."""

Reply = str | list[steps.Step]


@dataclass(frozen=True)
class Handler:
    """One command: whether it can do anything at a place, and what it does there."""

    applies: Callable[[Snapshot, Place], bool]
    serve: Callable[[Snapshot, RepoPolicy, Heard, Command], Reply]


def jobs_here(s: Snapshot, place: Place) -> tuple[JobRecord, ...]:
    """Return the jobs that something said at `place` is about: of its pull request, else all of the plan."""
    jobs = tuple(entry.record for entry in plan_jobs(s.ledger))
    job = job_branch(place)
    return jobs if job is None else tuple(each for each in jobs if each.branch == job)


def job_branch(place: Place) -> str | None:
    """Return the branch of the job that a place belongs to; None where it belongs to the whole request."""
    ours = place.pull is not None and place.pull.head_ref.startswith("agent/")
    return place.pull.head_ref if place.pull and ours else None


def _always(_s: Snapshot, _place: Place) -> bool:
    return True


# Told from what is on record


def available(s: Snapshot, policy: RepoPolicy, person: Person, place: Place) -> tuple[Verb, ...]:
    """Return what `person` may say at `place` now and to some effect."""
    role, own = s.roles.get(person.id), is_own(s, person, place)
    return tuple(
        verb
        for verb, handler in HANDLERS.items()
        if isinstance(may(verb, role, policy, person, own=own), Allowed) and handler.applies(s, place)
    )


def is_own(s: Snapshot, person: Person, place: Place) -> bool:
    """True where the issue or pull request is the person's own."""
    author = place.pull.author if place.pull else s.view.author
    return author is not None and author.id == person.id


def _help(s: Snapshot, policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    return answers.help_answer(available(s, policy, heard.person, heard.utterance.place))


def _status(s: Snapshot, policy: RepoPolicy, _heard: Heard, _command: Command) -> Reply:
    jobs = [entry.record for entry in plan_jobs(s.ledger)]
    request = s.ledger.request.record if s.ledger.request else None
    pulls = pull_numbers(s.view, jobs)
    return answers.status_answer(request, jobs, pulls, s.live, policy.trigger.label)


def _explain(s: Snapshot, policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    jobs = [entry.record for entry in plan_jobs(s.ledger)]
    request = s.ledger.request.record if s.ledger.request else None
    here = jobs_here(s, heard.utterance.place)
    only = command.job or (here[0].id if len(here) == 1 and len(jobs) > 1 else None)
    pulls = pull_numbers(s.view, jobs)
    return answers.explain_answer(request, jobs, pulls, policy.trigger.label, only)


def _ask(s: Snapshot, _policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    said = heard.utterance
    if heard.key in s.errands:
        return []
    untouched = said.at == said.written and len(said.said(s.view.viewer.login.removesuffix("[bot]"))) == 1
    if "EYES" in said.reacted and untouched and s.now - said.at < PATIENCE:
        # Somebody has read it, and is about to answer: this process before it ended, or another one.
        return [steps.Wake(said.at + PATIENCE)]
    return [steps.AskModel(heard)]


# Acting


def _may_run(s: Snapshot, place: Place) -> bool:
    return (
        s.view.kind == "issue" and job_branch(place) is None and s.view.state == "OPEN" and not under_way(s)
    )


def _run(s: Snapshot, policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    if s.view.kind != "issue" or job_branch(heard.utterance.place) is not None:
        return answers.not_now(Verb.RUN, "work starts on an issue.")
    if s.view.state != "OPEN":
        return answers.not_now(Verb.RUN, "this issue is closed.")
    if under_way(s):
        return answers.not_now(Verb.RUN, "the work is under way. `/pushpals status` shows it.")
    return _open(s, policy, heard)


def _open(s: Snapshot, policy: RepoPolicy, heard: Heard) -> Reply:
    said = heard.utterance
    changes = changed_since(s.view, LabelEvent(heard.key, said.at, said.author, ""))
    meddlers = [who for who in changes if isinstance(allowed(s, policy, who), Refused)]
    if meddlers:
        return answers.changed_meanwhile(meddlers[0].login if meddlers[0] else "ghost")
    return [steps.OpenRequest(heard.key, heard.person, said.at)]


def _to_retry(s: Snapshot, place: Place) -> list[JobRecord]:
    """Return the jobs that may begin again: those that failed, and a pull request's own."""
    return [
        job
        for job in jobs_here(s, place)
        if job.state is JobState.FAILED or (job_branch(place) and job.state in ON_A_BRANCH)
    ]


def _may_retry(s: Snapshot, place: Place) -> bool:
    return bool(_to_retry(s, place)) and s.view.state == "OPEN"


def _retry(s: Snapshot, policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    place, request = heard.utterance.place, s.ledger.request
    if request is None:
        return answers.nothing_yet(policy.trigger.label)
    if s.view.state != "OPEN":
        return answers.not_now(Verb.RETRY, "the issue is closed.")
    found = [job for job in _to_retry(s, place) if command.job in {None, job.id}]
    stands = asked_by_command(request.record) or labelled(s.view, policy.trigger.label)
    if found and stands and not request.record.stopped:
        job = found[-1]
        return [steps.Retry(job.id, heard.key, heard.person, head_of(s, job))]
    if under_way(s):
        return answers.not_now(Verb.RETRY, "the work is under way, and nothing of it has failed.")
    return _open(s, policy, heard)


def head_of(s: Snapshot, job: JobRecord) -> Sha | None:
    """Return where the branch of a published job stands; people may have pushed to it."""
    pulls = s.view.pulls.get(job.branch, ())
    return (pulls[0].head_sha if pulls else job.head) if job.head else None


def _may_fix(s: Snapshot, place: Place) -> bool:
    return job_branch(place) is not None and any(
        job.head and job.state not in ENDED for job in jobs_here(s, place)
    )


def _fix(s: Snapshot, _policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    if not _may_fix(s, heard.utterance.place):
        return answers.not_now(Verb.FIX, "say it on an open pull request of PushPals.")
    job = jobs_here(s, heard.utterance.place)[-1]
    head = head_of(s, job)
    if job.state not in {JobState.PUBLISHED, JobState.APPROVED} or head is None:
        return []  # its turn comes when the round under way has ended
    return [steps.GoOn(job.id, (_order(heard),), head)]


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


def _may_cancel(s: Snapshot, place: Place) -> bool:
    going_on = any(job.state not in ENDED for job in jobs_here(s, place))
    return going_on or (job_branch(place) is None and under_way(s))


def _cancel(s: Snapshot, _policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    place = heard.utterance.place
    jobs = tuple(
        job.id for job in jobs_here(s, place) if job.state not in ENDED and command.job in {None, job.id}
    )
    whole = job_branch(place) is None and command.job is None
    if not jobs and not (whole and under_way(s)):
        return answers.not_now(Verb.CANCEL, "nothing is under way that it could stop.")
    return [steps.CancelWork(heard.key, heard.person, jobs, whole)]


def _short_of_budget(s: Snapshot, place: Place) -> list[JobRecord]:
    waiting = [job for job in jobs_here(s, place) if job.state is JobState.WAITING]
    return [job for job in waiting if job.waiting is WaitReason.BUDGET]


def _may_raise(s: Snapshot, place: Place) -> bool:
    return bool(_short_of_budget(s, place)) and s.view.state == "OPEN"


def _budget(s: Snapshot, _policy: RepoPolicy, heard: Heard, command: Command) -> Reply:
    short = [job for job in _short_of_budget(s, heard.utterance.place) if command.job in {None, job.id}]
    if not short or s.view.state != "OPEN":
        return answers.not_now(Verb.BUDGET, "no job here has run out of budget.")
    return [steps.Resume(short[-1].id, heard.key, heard.person, command.factor or 2.0)]


HANDLERS: Final[Mapping[Verb, Handler]] = MappingProxyType(
    {
        Verb.HELP: Handler(_always, _help),
        Verb.STATUS: Handler(_always, _status),
        Verb.EXPLAIN: Handler(_always, _explain),
        Verb.ASK: Handler(_always, _ask),
        Verb.RUN: Handler(_may_run, _run),
        Verb.FIX: Handler(_may_fix, _fix),
        Verb.RETRY: Handler(_may_retry, _retry),
        Verb.CANCEL: Handler(_may_cancel, _cancel),
        Verb.BUDGET: Handler(_may_raise, _budget),
    }
)
