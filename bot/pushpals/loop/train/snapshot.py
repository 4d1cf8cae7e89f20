"""Everything that may be known of a merge train when it is decided on, and the steps that may be owed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pushpals.model import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pushpals.github import PullView
    from pushpals.ledger import TrainView
    from pushpals.loop.rules.ci import Check
    from pushpals.model import Car, CheckResult, Failure, Holder, JobId, RepoRef, Sha
    from pushpals.policy.repo_policy import RepoPolicy

RIDING = frozenset({JobState.APPROVED, JobState.INTEGRATING})
"""States of jobs that wait for the train, or are on it."""


@dataclass(frozen=True)
class Trunk:
    """The default branch, where the train lands on another: its name, and its tip."""

    name: str
    tip: Sha


@dataclass(frozen=True)
class RollingSeen:
    """What was seen of the changes that are gathered."""

    repository_id: str
    pulls: tuple[PullView, ...] = ()
    """Pull requests from the integration branch, the newest first."""
    taken: frozenset[JobId] = frozenset()
    """Jobs whose change is on the default branch, or was merged with the pull request."""
    lost: frozenset[JobId] = frozenset()
    """Jobs whose change is neither there nor on the integration branch any more."""


@dataclass(frozen=True)
class TrainSnapshot:
    """What was true of a repository's merge train when it was looked at."""

    repo: RepoRef
    now: datetime
    holder: Holder
    branch: str
    """Name of the branch it lands on."""
    policy: RepoPolicy
    ledger: TrainView
    pulls: Mapping[str, PullView]
    """The open pull requests to that branch, by the branch they come from."""
    ci: Mapping[Sha, Sequence[Check]] = field(default_factory=dict)
    """What is checked of the base, the commit under test, and the heads of the pull requests."""
    testing: bool = False
    """Whether this process runs the checks of the commit under test at this moment."""
    abandoned: bool = False
    """Whether the record has not moved for so long that its writer is taken for gone."""
    trunk: Trunk | None = None
    """Set where the policy gathers changes on an integration branch, which is then `branch`."""
    rolling: RollingSeen | None = None
    """Set while changes are gathered, whatever the policy says by now."""

    @property
    def default(self) -> str:
        """Name of the default branch, which pull requests go to."""
        return self.trunk.name if self.trunk else self.branch


@dataclass(frozen=True)
class Board:
    """Fill the empty train from those that wait."""

    cars: tuple[Car, ...]


@dataclass(frozen=True)
class LetGo:
    """Cars may not ride any more; each says so in one word, for the record's history."""

    jobs: Mapping[JobId, str]


@dataclass(frozen=True)
class OntoNewBase:
    """The branch moved: all is tested again."""


@dataclass(frozen=True)
class Depart:
    """Merge the next cars onto the base, push that commit to the integration branch, and have it tested."""

    checks: Literal["github", "sandbox"]


@dataclass(frozen=True)
class TestHere:
    """Run the checks on the commit under test in a sandbox of this process."""

    __test__ = False  # not what a test runner looks for


@dataclass(frozen=True)
class Hear:
    """The verdict on the commit under test is known."""

    green: bool
    results: tuple[CheckResult, ...]


@dataclass(frozen=True)
class Conclude:
    """Draw what follows from the verdict: land, bisect, or send a car back."""


@dataclass(frozen=True)
class Halt:
    """Nothing goes on until somebody has done something."""

    why: Failure


@dataclass(frozen=True)
class Begin:
    """Let the integration branch begin at the default branch: it holds nothing, or not what was tested."""


@dataclass(frozen=True)
class Settle:
    """Gathered changes are merged, or gathered no more; `over` says that so is their pull request."""

    taken: frozenset[JobId] = frozenset()
    lost: frozenset[JobId] = frozenset()
    over: bool = False


@dataclass(frozen=True)
class ShowRolling:
    """Open the pull request of what is gathered, or bring it up to date if it is there."""

    pull: PullView | None
    title: str
    body: str


@dataclass(frozen=True)
class NoteRolling:
    """Record which pull request shows what is gathered."""

    pull: int


@dataclass(frozen=True)
class GoOn:
    """What the train stood still for is over."""


@dataclass(frozen=True)
class LookAgain:
    """Nothing is owed before this time."""

    at: datetime


TrainStep = (
    Board
    | LetGo
    | OntoNewBase
    | Depart
    | TestHere
    | Hear
    | Conclude
    | Halt
    | Begin
    | Settle
    | ShowRolling
    | NoteRolling
    | GoOn
    | LookAgain
)

__all__ = [
    "RIDING",
    "Begin",
    "Board",
    "Conclude",
    "Depart",
    "GoOn",
    "Halt",
    "Hear",
    "LetGo",
    "LookAgain",
    "NoteRolling",
    "OntoNewBase",
    "RollingSeen",
    "Settle",
    "ShowRolling",
    "TestHere",
    "TrainSnapshot",
    "TrainStep",
    "Trunk",
]
