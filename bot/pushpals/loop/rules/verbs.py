"""What each command does: a text that answers it, or the steps it asks for.

`HANDLERS` is the one list of what can be said; `help` shows of it what applies here and now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pushpals.audit.prose import answers, refusals
from pushpals.localbuddy.pull_picture import pull_numbers
from pushpals.loop import steps
from pushpals.loop.rules import acting, landing
from pushpals.loop.rules.common import plan_jobs
from pushpals.loop.rules.places import is_own, jobs_here
from pushpals.policy.access import Allowed, may
from pushpals.policy.budget import questions_over
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from pushpals.localbuddy.commands import Command
    from pushpals.localbuddy.heard import Heard
    from pushpals.localbuddy.utterances import Place
    from pushpals.loop.rules.acting import Reply
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Person

PATIENCE: Final = timedelta(minutes=10)
"""How long a question that was acknowledged may go without its answer before it is seen to again."""


@dataclass(frozen=True)
class Handler:
    """One command: whether it can do anything at a place, and what it does there."""

    applies: Callable[[Snapshot, Place], bool]
    serve: Callable[[Snapshot, RepoPolicy, Heard, Command], Reply]


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
    if heard.key in s.errands:
        return []
    return no_more_questions(s) or _seen_to(s, heard) or [steps.AskModel(heard)]


def no_more_questions(s: Snapshot) -> str | None:
    """Return what is said instead of asking a model, where it was looked up that the day's are asked."""
    if s.spent is None or not isinstance(s.policy, RepoPolicy):
        return None
    why = questions_over(s.policy, s.spent)
    return refusals.no_more_questions(why) if why else None


def _may_review(_s: Snapshot, place: Place) -> bool:
    """True on an open pull request, whoever made it."""
    return place.pull is not None and place.pull.state == "OPEN"


def _review(s: Snapshot, _policy: RepoPolicy, heard: Heard, _command: Command) -> Reply:
    if not _may_review(s, heard.utterance.place):
        return answers.not_now(Verb.REVIEW, "say it on an open pull request.")
    if heard.key in s.errands:
        return []
    return no_more_questions(s) or _seen_to(s, heard) or [steps.ReviewPull(heard)]


def _seen_to(s: Snapshot, heard: Heard) -> list[steps.Step]:
    """Return when to look again at what somebody else seems to be answering."""
    said = heard.utterance
    untouched = said.at == said.written and len(said.said(s.view.viewer.login.removesuffix("[bot]"))) == 1
    if "EYES" in said.reacted and untouched and s.now - said.at < PATIENCE:
        # Somebody has read it, and is about to answer: this process before it ended, or another one.
        return [steps.Wake(said.at + PATIENCE)]
    return []


HANDLERS: Final[Mapping[Verb, Handler]] = MappingProxyType(
    {
        Verb.HELP: Handler(_always, _help),
        Verb.STATUS: Handler(_always, _status),
        Verb.EXPLAIN: Handler(_always, _explain),
        Verb.ASK: Handler(_always, _ask),
        Verb.RUN: Handler(acting.may_run, acting.run),
        Verb.REVIEW: Handler(_may_review, _review),
        Verb.FIX: Handler(acting.may_fix, acting.fix),
        Verb.REBASE: Handler(acting.may_rebase, acting.rebase),
        Verb.INTEGRATE: Handler(landing.may_integrate, landing.integrate),
        Verb.REVERT: Handler(landing.may_revert, landing.revert),
        Verb.RETRY: Handler(acting.may_retry, acting.retry),
        Verb.CANCEL: Handler(acting.may_cancel, acting.cancel),
        Verb.PLAN: Handler(acting.may_plan, acting.plan),
        Verb.APPROVE: Handler(acting.may_decide, acting.approve),
        Verb.REJECT: Handler(acting.may_decide, acting.reject),
        Verb.BUDGET: Handler(acting.may_raise, acting.budget),
    }
)
