"""The rules of the product: a pure function from a snapshot to the steps that are owed.

No I/O, no clock (the time is in the snapshot), no environment. The first step is performed, then
the loop decides again; a list with several steps only shows what would follow. This module holds the order
of the rules; they themselves are in `pushpals.loop.rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.loop.rules import causes, conversation, integration, plans
from pushpals.loop.rules.broken import with_broken_policy, with_damaged_record
from pushpals.loop.rules.causes import cause_steps
from pushpals.loop.rules.jobs import job_steps, tidy_steps
from pushpals.loop.rules.pictures import picture_steps
from pushpals.loop.rules.plans import plan_steps
from pushpals.loop.rules.presses import press_steps
from pushpals.loop.rules.rounds import people_of_rounds, round_steps
from pushpals.loop.rules.tasks import queue_steps
from pushpals.policy.repo_policy import PolicyProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pushpals.github import SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.loop import steps
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Person
    from pushpals.policy.repo_policy import RepoPolicy

RULES: tuple[Callable[[Snapshot, RepoPolicy], list[steps.Step]], ...] = (
    conversation.conversation_steps,
    cause_steps,
    plan_steps,
    queue_steps,
    press_steps,
    round_steps,
    integration.integration_steps,
    job_steps,
)
"""The rules in their order: the first that owes anything is served, then all are asked again."""


def decide(s: Snapshot) -> list[steps.Step]:
    """Return the steps owed for one issue, the most urgent first; empty when all is quiet."""
    if s.view.kind == "pull":
        if isinstance(s.policy, PolicyProblem):
            return []
        return conversation.conversation_steps(s, s.policy) or conversation.waiting_steps(s, s.policy)
    if s.ledger.damaged:
        return with_damaged_record(s, s.ledger.damaged[0])
    if isinstance(s.policy, PolicyProblem):
        return with_broken_policy(s, s.policy)
    for rule in RULES:
        if owed := rule(s, s.policy):
            return owed
    return picture_steps(s) or tidy_steps(s, s.policy) or conversation.waiting_steps(s, s.policy)


def people_to_check(
    view: SubjectView, ledger: LedgerView, policy: RepoPolicy, now: datetime
) -> tuple[Person, ...]:
    """Return the people whose role `decide` will ask for, so that `observe` reads just these."""
    found = [
        *causes.people_to_check(view, ledger, policy.trigger.label),
        *conversation.people_to_check(view, ledger, now),
        *people_of_rounds(view, ledger),
        *integration.reviewers_to_check(view, ledger, policy),
        *plans.people_to_check(view, ledger),
    ]
    return tuple({person.id: person for person in found}.values())
