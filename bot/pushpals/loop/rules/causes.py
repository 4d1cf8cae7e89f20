"""What asks for work: a label put by somebody who may, on a text that nobody else has changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.localbuddy import picture
from pushpals.localbuddy.request import people_who_commented
from pushpals.loop import steps
from pushpals.loop.rules.common import NEEDS_ASKER, allowed, changed_since, labelled, plan_jobs
from pushpals.loop.rules.tasks import lacks_jobs, under_way
from pushpals.model import HELD
from pushpals.policy.access import Refused

if TYPE_CHECKING:
    from pushpals.github import LabelEvent, SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Person
    from pushpals.policy.repo_policy import RepoPolicy


def newest_cause(view: SubjectView, ledger: LedgerView, label: str) -> LabelEvent | None:
    """Return the label event that asks for work and has no answer yet, if there is one."""
    if view.state != "OPEN" or not labelled(view, label):
        return None
    events = [
        event
        for event in view.labelled
        if event.label.casefold() == label.casefold()
        and not (event.actor and event.actor.id == view.viewer.id)
    ]
    if not events:
        return None
    newest = events[-1]
    if ledger.request and newest.id in ledger.request.record.causes:
        return None
    return newest


def people_to_check(view: SubjectView, ledger: LedgerView, label: str) -> tuple[Person, ...]:
    """Return the people whose role these rules will ask for, so that `observe` reads just these."""
    cause = newest_cause(view, ledger, label)
    fresh = cause is not None and not _refused_before(view, cause.id)
    people: list[Person] = []
    if cause and fresh:
        people += [who for who in (cause.actor, *changed_since(view, cause.at)) if who]
        people += people_who_commented(view)
    going_on = any(job.record.state in NEEDS_ASKER | HELD for job in plan_jobs(ledger))
    if ledger.request and (going_on or lacks_jobs(ledger)):
        people.append(ledger.request.record.request.asker)
        people += [job.record.asker for job in plan_jobs(ledger) if job.record.asker]
    return tuple({person.id: person for person in people}.values())


def _refused_before(view: SubjectView, cause: str) -> bool:
    return picture.refusal_comment(view, cause) is not None


def cause_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """A new cause is answered once: by a job, by joining the job under way, or by a refusal."""
    cause = newest_cause(s.view, s.ledger, policy.trigger.label)
    if cause is None or _refused_before(s.view, cause.id):
        return []
    asker = allowed(s, policy, cause.actor)
    meddlers = [
        who for who in changed_since(s.view, cause.at) if isinstance(allowed(s, policy, who), Refused)
    ]
    if isinstance(asker, Refused) or meddlers:
        if picture.may_be_unread(s.view, cause.at):
            return []
        if isinstance(asker, Refused):
            login = cause.actor.login if cause.actor else "ghost"
            refusal = picture.refusal(s.view, login, cause.id, asker, policy.trigger.label)
            return [steps.Write(refusal, urgent=True)]
        login = meddlers[0].login if meddlers[0] else "ghost"
        return [steps.Write(picture.changed_text(s.view, login, cause.id, policy.trigger.label), urgent=True)]
    if under_way(s):
        return [steps.JoinRequest(cause.id)]
    if s.begun >= policy.budget.jobs:
        return [steps.Write(picture.too_many(s.view, cause.id, policy), urgent=True)]
    return [steps.OpenRequest(cause.id, asker, cause.at)]
