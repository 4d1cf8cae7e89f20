"""Everything `decide` may know, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pushpals.github import SubjectView
    from pushpals.ledger import LedgerView
    from pushpals.model import Holder, JobId, Press, Spending, SubjectRef
    from pushpals.policy.repo_policy import Dispatch, PolicyProblem, RepoPolicy


@dataclass(frozen=True)
class Snapshot:
    """What was true of one issue when it was observed.

    `roles` maps the numeric account id of the people who matter now to their `role_name`.
    `working` are the jobs this process works on; `abandoned` those whose claim has not moved for ten
    minutes of this process's own clock, or belonged to an earlier life of this very process.
    """

    ref: SubjectRef
    now: datetime
    holder: Holder
    view: SubjectView
    ledger: LedgerView
    policy: RepoPolicy | PolicyProblem
    roles: Mapping[int, str]
    working: frozenset[JobId] = frozenset()
    abandoned: frozenset[JobId] = frozenset()
    errands: frozenset[str] = frozenset()
    """Keys of the errands that this process runs for the repository: they are being seen to."""
    presses: tuple[Press, ...] = ()
    """Buttons pressed on our check runs, told by the hint that led here: maybe again, so keep their ids."""
    live: Mapping[JobId, str] = field(default_factory=dict)
    """A short line on what each worker of this process does now; for people, never for a decision."""
    begun: int = 0
    """How many jobs were begun in the repository within a day, where that stood in the way of one."""
    spent: Spending | None = None
    """What was spent in the repository today, where that was looked up."""
    works_for: frozenset[Dispatch] = frozenset({"inline"})
    """Which jobs are worked on here, by where the policy sends them."""
    sparing: bool = False
    """Whether so much was created within the hour that what can be left out is."""
    free: bool = True
    """Whether a worker of this process is free."""
