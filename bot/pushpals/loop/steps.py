"""The steps that `decide` may ask for. Each says what is owed, never how it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from pushpals.github import Mutation
    from pushpals.localbuddy.heard import Heard
    from pushpals.model import CarLeft, Failure, Gathered, HeadApproval, JobId, Order, Person, Sha


@dataclass(frozen=True)
class OpenRequest:
    """Record in the ledger who asked for what, with a plan. `cause` is the event that asked."""

    cause: str
    asker: Person
    asked_at: datetime


@dataclass(frozen=True)
class JoinRequest:
    """Record that a further cause is answered by the job that is under way."""

    cause: str


@dataclass(frozen=True)
class MakePlan:
    """Ask a model for a plan, as an errand."""


@dataclass(frozen=True)
class ProposePlan:
    """Show the plan, which needs a person's yes, on a commit of its own."""


@dataclass(frozen=True)
class ApprovePlan:
    """Record a person's yes to the plan. `cause` is the press or command that gave it, if one did."""

    by: Person
    how: Literal["review", "button", "command"]
    cause: str | None = None


@dataclass(frozen=True)
class StopPlan:
    """Record that nothing of the plan goes on; `reason` is a sentence for people."""

    reason: str
    cause: str | None = None


@dataclass(frozen=True)
class AskAboutPlan:
    """Ask people a question before anything is begun."""

    text: str
    cause: str


@dataclass(frozen=True)
class AnswerQuestion:
    """Add a person's answer to the request, and plan again."""

    text: str
    by: Person
    cause: str
    question: str | None = None
    """What it answers, where nothing was asked: somebody had remarks on the plan of their own accord."""


@dataclass(frozen=True)
class ReadAgain:
    """Take in a request that was edited, and plan again. `voided` says why a yes does not hold any more."""

    voided: str | None = None
    by: Person | None = None
    """Who had the last word on it, and so asks for it as it reads now: not the one to approve it alone."""


@dataclass(frozen=True)
class QueueJob:
    """Create the job of a task of the plan, from index 0; on top of the unmerged job `onto`, if any."""

    index: int = 0
    onto: JobId | None = None


@dataclass(frozen=True)
class StartJob:
    """Claim a job by compare-and-swap and hand it to a worker."""

    job: JobId


@dataclass(frozen=True)
class AskForRun:
    """Ask the repository's workflow for a run that takes a job out of the queue."""

    job: JobId


@dataclass(frozen=True)
class PauseJob:
    """Let a job wait: what the repository may spend in a day is spent. `why` is a sentence for people."""

    job: JobId
    why: str


@dataclass(frozen=True)
class TakeUp:
    """Put a job that waited for another day back into the queue."""

    job: JobId


@dataclass(frozen=True)
class GateJob:
    """Check a proposed patch on the control side: scope, secrets, review, the checks on the exact tree."""

    job: JobId


@dataclass(frozen=True)
class PublishJob:
    """Move the agent branch and the job's ref in one atomic push."""

    job: JobId


@dataclass(frozen=True)
class EndJob:
    """Stop a job: its worker if one runs here, and its record."""

    job: JobId
    failure: Failure
    for_good: bool = False
    """Whether it ends a job that has a pull request. Else only its present round ends."""
    cause: str | None = None
    """The command that asked for it, if one did."""


@dataclass(frozen=True)
class GoOn:
    """Begin a further round on a published job: same branch, from its present head.

    `merges` is the commit of the base branch that is to be merged in, where the two conflict.
    """

    job: JobId
    orders: tuple[Order, ...]
    head: Sha
    merges: Sha | None = None


@dataclass(frozen=True)
class Retry:
    """Start a job again from its base. `cause` is the command that asked, `by` who gave it."""

    job: JobId
    cause: str
    by: Person
    head: Sha | None = None
    """Where its branch stands now, if it was published."""


@dataclass(frozen=True)
class Resume:
    """Let a job that waits go on from its checkpoint, with its budget raised by `factor`.

    `allowed` and `denied` are commands that a person decided on.
    """

    job: JobId
    cause: str
    by: Person
    factor: float = 1.0
    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeleteBranch:
    """Clear away the branch of a merged job, if it still stands where PushPals left it."""

    job: JobId


@dataclass(frozen=True)
class MarkMerged:
    """Record that a person merged the pull request."""

    job: JobId


@dataclass(frozen=True)
class CancelWork:
    """Stop jobs at a person's word, and with `whole` everything that the plan still holds.

    Nothing of them is published after that; their pull requests are closed.
    """

    cause: str
    by: Person
    jobs: tuple[JobId, ...]
    whole: bool


@dataclass(frozen=True)
class AskModel:
    """Let a model answer a question, while everything else goes on."""

    heard: Heard


@dataclass(frozen=True)
class RevertJob:
    """Make a job that takes back what a merged one did: a pull request like any other."""

    job: JobId
    cause: str
    by: Person
    merged_as: Sha | None = None
    """The commit on the base branch with which it landed, where GitHub tells."""


@dataclass(frozen=True)
class ApproveJob:
    """Record that what is on a job's branch may land: the merge train takes it."""

    job: JobId
    approval: HeadApproval


@dataclass(frozen=True)
class VoidApproval:
    """Record that it may not land any more, and why."""

    job: JobId
    why: str


@dataclass(frozen=True)
class TakeBack:
    """Record that the merge train sent a job back, and why."""

    job: JobId
    out: CarLeft


@dataclass(frozen=True)
class NoteRide:
    """Record that a job is on the merge train, waits for it again, or waits to be merged with others."""

    job: JobId
    on_board: bool
    halt: Failure | None = None
    """Why the train stands still, if it does."""
    gathered: Gathered | None = None
    """Where its change waits, if it is gathered: it is then on board for as long as nobody merges that."""


@dataclass(frozen=True)
class ReviewPull:
    """Review the pull request that somebody asked to have reviewed, while everything else goes on."""

    heard: Heard


@dataclass(frozen=True)
class AllowAlways:
    """Let a job run the command it asks for, and propose that for the repository's list."""

    job: JobId
    cause: str
    by: Person


@dataclass(frozen=True)
class Write:
    """Bring what people see in step: one request with all the writes that are owed."""

    mutations: tuple[Mutation, ...]
    urgent: bool = False
    """Whether it answers what somebody said or did: then it goes before all else that creates something."""


@dataclass(frozen=True)
class Wake:
    """Nothing is owed before this time; look again then."""

    at: datetime


Step = (
    OpenRequest
    | JoinRequest
    | MakePlan
    | ProposePlan
    | ApprovePlan
    | StopPlan
    | AskAboutPlan
    | AnswerQuestion
    | ReadAgain
    | QueueJob
    | StartJob
    | AskForRun
    | PauseJob
    | TakeUp
    | GateJob
    | PublishJob
    | GoOn
    | Retry
    | Resume
    | AllowAlways
    | ReviewPull
    | EndJob
    | MarkMerged
    | DeleteBranch
    | CancelWork
    | AskModel
    | RevertJob
    | ApproveJob
    | VoidApproval
    | TakeBack
    | NoteRide
    | Write
    | Wake
)
