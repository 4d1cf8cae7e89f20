"""How the caps on what is spent are switched off."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pushpals.ledger import Ledger
from pushpals.llm import wire
from pushpals.loop import assignment
from pushpals.model import Budget, JobRecord
from pushpals.policy.repo_policy import RepoPolicy
from tests.adversary.controls import control, swapped

BUDGET = assignment._budget
USAGE = wire._usage


def lifted(name: str, keeps: str, **caps: float) -> None:
    """Register a cap of a job that is off when its budget has none."""

    def off(patch: pytest.MonkeyPatch) -> None:
        def budget(policy: RepoPolicy, job: JobRecord) -> Budget:
            return BUDGET(policy, job).model_copy(update=caps)

        patch.setattr(assignment, "_budget", budget)

    control(name, keeps)(off)


lifted("cap on turns", "a job has so many turns", max_turns=10**6)
lifted("cap on tokens", "a job has so many tokens", max_tokens=10**12)
lifted("cap on money", "a job costs so much", max_usd=math.inf)
lifted("cap on time", "a job takes so long", max_minutes=10.0**6)
swapped(
    "least tokens", "a count that cannot be true is not believed", "pushpals.llm.wire:_least", by=lambda _: 0
)
swapped(
    "end of an attempt",
    "an attempt that does not end is ended",
    "pushpals.loop.shift:_longest",
    by=lambda _: None,
)
swapped(
    "few attempts",
    "what fails is tried again a few times",
    "pushpals.loop.shift:may_retry",
    by=lambda _, failures: len(failures) < 5,
)
swapped(
    "few unreadable answers",
    "a model that says nothing of use is given up",
    "pushpals.workerpals.metered:MOST_GARBLED",
    by=15,
)
swapped(
    "few complaints",
    "work whose checks stay red is handed back",
    "pushpals.workerpals.loop:MOST_COMPLAINTS",
    by=10**6,
)
swapped(
    "few own rounds",
    "red checks call a worker by themselves twice",
    "pushpals.loop.rules.rounds:MAX_OWN_ROUNDS",
    by=10**6,
)
swapped(
    "clipped answers",
    "a model is shown the head and the tail of an output",
    "pushpals.workerpals.tools:clip",
    by=lambda text, _: text,
)
swapped(
    "clipped checks",
    "a model is shown what matters of a check's output",
    "pushpals.workerpals.checks:clip",
    "pushpals.workerpals.loop:clip",
    "pushpals.workerpals.loop:section",
    by=lambda text, *_: text,
)
swapped(
    "tasks of a plan",
    "a plan has eight tasks at most",
    "pushpals.remotebuddy.problems:MOST_TASKS",
    "pushpals.remotebuddy.proposal:MOST_TASKS",
    by=10**6,
)
swapped(
    "rest of a day",
    "a job has at most what is left of the day",
    "pushpals.loop.assignment:within_day",
    by=lambda budget, *_: budget,
)
swapped(
    "questions of a day",
    "so many questions cost something in a day",
    "pushpals.loop.rules.verbs:questions_over",
    "pushpals.loop.spending:questions_over",
    by=lambda *_: None,
)


@control("estimated tokens", "what a server does not count is estimated")
def _uncounted(patch: pytest.MonkeyPatch) -> None:
    def usage(said: object, *facts: Any) -> tuple[int, int, int]:
        return USAGE(said, *facts) if isinstance(said, dict) else (0, 0, 0)

    patch.setattr(wire, "_usage", usage)


@control("jobs of a day", "so many jobs are begun in a day")
def _uncounted_jobs(patch: pytest.MonkeyPatch) -> None:
    async def none(*_: object) -> int:
        return 0

    patch.setattr(Ledger, "begun_since", none)


@control("cap of a day", "a repository spends so much in a day")
def _endless_day(patch: pytest.MonkeyPatch) -> None:
    for place in ("pushpals.loop.rules.jobs.day_over", "pushpals.loop.planning.day_over"):
        patch.setattr(place, lambda *_: None)
    patch.setattr(assignment, "within_day", lambda budget, *_: budget)
