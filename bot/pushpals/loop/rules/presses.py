"""Buttons on check runs: one tap by somebody who may is one decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.localbuddy import buttons
from pushpals.loop import steps
from pushpals.loop.rules.common import BEFORE_PUBLICATION, allowed, plan_jobs
from pushpals.model import Failure, FailureKind, Person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Press
    from pushpals.policy.repo_policy import RepoPolicy


def cause_of(press: Press) -> str:
    """Return the key of a press: a delivery that is repeated has the same."""
    return f"press:{press.id}"


def press_steps(s: Snapshot, policy: RepoPolicy) -> list[steps.Step]:
    """Do what buttons on jobs ask for. Whoever may not start work may not press them: nothing happens."""
    jobs = {entry.record.id: entry.record for entry in plan_jobs(s.ledger)}
    return [
        step
        for press in s.presses
        if (job := jobs.get(press.external_id)) is not None
        and not job.knows(cause_of(press))
        and isinstance(allowed(s, policy, press.person), Person)
        for step in _pressed(job, press)
    ]


def _pressed(job: JobRecord, press: Press) -> Iterator[steps.Step]:
    cause, by = cause_of(press), press.person
    button, asked = buttons.pressed(job, press.action), (job.asks,) if job.asks else ()
    if press.action == buttons.STOP.identifier and job.state in BEFORE_PUBLICATION:
        yield steps.EndJob(job.id, stopped_by(by), cause=cause)
    elif button == buttons.MORE:
        yield steps.Resume(job.id, cause, by, factor=2.0)
    elif button == buttons.ALLOW_ONCE:
        yield steps.Resume(job.id, cause, by, allowed=asked)
    elif button == buttons.ALLOW_ALWAYS:
        yield steps.AllowAlways(job.id, cause, by)
    elif button == buttons.DENY:
        yield steps.Resume(job.id, cause, by, denied=asked)


def stopped_by(person: Person) -> Failure:
    """Return the failure of a job that somebody stopped."""
    return Failure(
        kind=FailureKind.CANCELLED,
        cause=f"`{person.login}` stopped it.",
        next_step="Nothing more of it is published. `/pushpals retry` starts it again.",
    )
