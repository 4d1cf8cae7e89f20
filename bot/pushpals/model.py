"""The nouns of PushPals: frozen types that every room speaks.

Nothing here does I/O. Records that are kept in the ledger (`RequestRecord`, `JobRecord`) carry a
`version`, so that a later release can read what an earlier one wrote.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
GitHubName = Annotated[str, StringConstraints(pattern=r"^\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$")]
"""The name of an account or a repository. It becomes a part of paths, so it is none that leads elsewhere."""
_OUR_BRANCH = re.compile(r"^(?:agent/[^/]+/(?P<job>[0-9]{1,10})-[0-9]+|pushpals/plan/(?P<plan>[0-9]{1,10}))$")
MAX_PRESSES = 20
"""Presses that one hint carries; earlier ones are dropped."""
JobId = Annotated[str, StringConstraints(pattern=r"^[0-9]+-[0-9]+$")]


class Frozen(BaseModel):
    """Base of all types here: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RepoRef(Frozen):
    """A repository, `owner/name`."""

    owner: GitHubName
    name: GitHubName

    def __str__(self) -> str:
        """Return `owner/name`."""
        return f"{self.owner}/{self.name}"

    @classmethod
    def parse(cls, full_name: str) -> RepoRef:
        """Split `owner/name`; raises ValueError for anything else."""
        owner, slash, name = full_name.partition("/")
        if not (owner and slash and name) or "/" in name:
            msg = f"{full_name!r} is not OWNER/NAME"
            raise ValueError(msg)
        return cls(owner=owner, name=name)


class SubjectRef(Frozen):
    """An issue or pull request of a repository: what a hint points at."""

    repo: RepoRef
    number: int = Field(gt=0, lt=2**31)
    """GitHub's API gives and takes it as a GraphQL `Int`, which has 32 bits."""

    def __str__(self) -> str:
        """Return `owner/name#number`."""
        return f"{self.repo}#{self.number}"


def issue_of_branch(branch: str) -> int | None:
    """Return the number of the issue that a branch of ours is for, of a job or of a plan; else None."""
    found = _OUR_BRANCH.match(branch)
    return int(found["job"] or found["plan"]) if found else None


class Person(Frozen):
    """A GitHub account. Decisions compare `id`, never the login, which can be renamed and reused."""

    id: int
    login: str
    bot: bool = False


class Press(Frozen):
    """Somebody pressed a button on one of our check runs. GitHub tells it once and keeps no record of it."""

    id: str
    """A name for what was signed: sent again, under whichever delivery id, it is the same press."""
    person: Person
    action: str
    """Identifier of the button."""
    external_id: str
    """External id of the check run, such as the id of a job."""
    check_run: int
    """Database id of the check run."""
    at: datetime


class Hint(Frozen):
    """Something about this subject may have changed. Carries no facts but presses, only where to look."""

    ref: SubjectRef
    installation: int | None = None
    """Id of the App's installation, where the hint's sender knew it."""
    presses: tuple[Press, ...] = ()
    """Buttons that people pressed, the newest last: what no later look at GitHub could find out."""
    train: bool = False
    """It is about the repository's integration as a whole; the number of `ref` means nothing then."""

    @classmethod
    def of_train(cls, repo: RepoRef, installation: int | None = None) -> Hint:
        """Return the hint at a repository's integration."""
        return cls(ref=SubjectRef(repo=repo, number=1), installation=installation, train=True)

    @property
    def shown(self) -> str:
        """What it is about, for a log. Hints that show alike are one: no name of a repository has spaces."""
        return f"the train of {self.ref.repo}" if self.train else str(self.ref)

    def joined(self, other: Hint) -> Hint:
        """Return one hint for this one and a later one with the same key."""
        if not self.presses:
            return other  # what most are: webhooks wait for this
        known = {press.id for press in self.presses}
        presses = (*self.presses, *(press for press in other.presses if press.id not in known))
        return other.model_copy(update={"presses": presses[-MAX_PRESSES:]})


class FailureKind(StrEnum):
    """Why a job did not end in a pull request. What happens next follows from the kind alone."""

    INFRASTRUCTURE = "infrastructure"
    MODEL = "model"
    CHECKS = "checks"
    CONFLICT = "conflict"
    POLICY = "policy"
    SECRET = "secret"  # noqa: S105 - the name of a failure kind
    ACCESS = "access"
    BUDGET = "budget"
    TIMEOUT = "timeout"
    NO_CHANGE = "no_change"
    AMBIGUOUS = "ambiguous"
    CANCELLED = "cancelled"


class Failure(Frozen):
    """One failure, in words for a person: what happened, and what to do next."""

    kind: FailureKind
    cause: str
    next_step: str
    rule: str | None = None


class Risk(StrEnum):
    """Risk tiers, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for low, 1 for medium, 2 for high."""
        return list(Risk).index(self)


class Bounds(Frozen):
    """What a task's role leaves its worker, as it was when the plan was made; the policy binds besides."""

    within: tuple[str, ...] = ("**",)
    """Patterns of the paths the role may change at all."""
    tools: tuple[str, ...] | None = None
    """The tools its worker has; None: all there are."""
    turns: int | None = None
    files: int | None = None
    lines: int | None = None


UNBOUND = Bounds()


class Task(Frozen):
    """One piece of work for one WorkerPal."""

    goal: str
    acceptance: tuple[str, ...] = ()
    scope: tuple[str, ...] = ("**",)
    checks: tuple[str, ...] = ()
    check_minutes: tuple[float, ...] = ()
    """Minutes that each of `checks` may run, in their order. Missing: the default of the policy file."""
    no_check_reason: str | None = None
    role: str = "bug_fixer"
    risk: Risk = Risk.LOW
    depends_on: tuple[int, ...] = ()
    bounds: Bounds = UNBOUND

    @property
    def check_seconds(self) -> dict[str, float]:
        """Seconds that a check may run, by its command."""
        return {check: minutes * 60 for check, minutes in zip(self.checks, self.check_minutes, strict=False)}


class Plan(Frozen):
    """What will be done: one to eight tasks, and why the risk is what it is."""

    tasks: tuple[Task, ...]
    risk: Risk
    risk_reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    max_usd: float | None = None
    """What one job of it may cost by the policy it was planned under; None when there is no cap."""


class Brief(Frozen):
    """What the issue form asks for, where a request was made with it; empty where nothing was said."""

    goal: str = ""
    constraints: str = ""
    risk: Risk | None = None
    """What the person thinks the risk is. It may raise a plan's risk, never lower it."""
    done: tuple[str, ...] = ()
    """The definition of done, one criterion each."""
    context: str = ""


class Request(Frozen):
    """What a person asked for, cleaned, with the digest of the text as it was read."""

    number: int
    title: str
    body: str
    digest: str
    asker: Person
    cause: str
    """Id of the event that asked (a label event, a comment): one job per cause."""
    asked_at: datetime
    cleaned: tuple[str, ...] = ()
    """What was removed from the text before a model may read it, one plain phrase each."""
    brief: Brief | None = None
    """The parts of the issue form, if it was used."""
    shaped_by: tuple[Person, ...] = ()
    """Who else put words into it: by answering the question, or by remarks on the plan."""

    @property
    def authors(self) -> tuple[Person, ...]:
        """Who asks for it as it now reads: the asker first, each once. None of them is a second person."""
        return tuple({person.id: person for person in (self.asker, *self.shaped_by)}.values())

    @staticmethod
    def digest_of(title: str, body: str) -> str:
        """Return the sha256 (hex) of the request's raw text."""
        return hashlib.sha256(f"{title}\n\n{body}".encode()).hexdigest()


class Budget(Frozen):
    """What one job may spend. `usd` 0 means only free (local) models."""

    max_turns: int = Field(default=50, ge=1, le=50)
    max_tokens: int = Field(default=400_000, ge=1)
    max_usd: float = Field(default=1.0, ge=0)
    max_minutes: float = Field(default=20.0, gt=0)


class Usage(Frozen):
    """What a job has spent. Tokens are the provider's own count; `usd` None means price unknown."""

    turns: int = 0
    model_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0
    commands: int = 0
    refused: int = 0
    model: str = ""


class Spending(Frozen):
    """What was spent of one day, by UTC. Money whose amount nobody knows is not in it."""

    day: date
    tokens: int = 0
    usd: float = 0.0
    questions: int = 0
    """Questions and reviews that a model was asked for outside of jobs."""

    def plus(self, *, tokens: int = 0, usd: float = 0.0, questions: int = 0) -> Spending:
        """Return this with more spent on the same day."""
        return Spending(
            day=self.day,
            tokens=self.tokens + tokens,
            usd=self.usd + usd,
            questions=self.questions + questions,
        )


class CheckResult(Frozen):
    """One run of one of the repository's checks in the sandbox."""

    command: str
    exit_code: int | None
    """None when the command did not end by itself (timeout, memory, output limit)."""
    ended: str = "exited"
    passed: int | None = None
    failed: int | None = None
    failing: tuple[str, ...] = ()
    """Names of failing tests where the output tells them, the first fifty."""
    unnamed: int = 0
    """How many more tests failed than `failing` names, as far as the output tells."""
    output: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """True when the command ended by itself with exit code 0."""
        return self.exit_code == 0 and self.ended == "exited"

    @property
    def summary(self) -> str:
        """`1 failed, 211 passed`, else `ok`, `exit code 2`, `timeout`."""
        if self.ended != "exited":
            return self.ended
        counts = [f"{n} {word}" for n, word in ((self.failed, "failed"), (self.passed, "passed")) if n]
        if counts:
            return ", ".join(counts)
        return "ok" if self.ok else f"exit code {self.exit_code}"


class Evidence(Frozen):
    """Checks run by the control side on exact trees: the base, and the tree to be published."""

    tree: Sha
    base: tuple[CheckResult, ...] = ()
    head: tuple[CheckResult, ...] = ()
    thin: str | None = None
    """Why this proves little (no checks, nothing that failed before …); None when it stands."""
    left: int = 0
    """How many tests still fail as before, where that alone is why it is thin: what else it shows stands."""


class FileChange(Frozen):
    """One changed path of a patch. `added`/`removed` are lines, None for binary files."""

    path: str
    status: Literal["added", "modified", "deleted", "type_changed"]
    added: int | None
    removed: int | None
    mode: str
    """Git file mode after the change, `000000` when deleted."""


class Patch(Frozen):
    """A proposed change as data: a `git diff --binary --full-index` against `base`."""

    base: Sha
    diff: bytes
    files: tuple[FileChange, ...]

    @property
    def digest(self) -> str:
        """The sha256 (hex) of the diff."""
        return hashlib.sha256(self.diff).hexdigest()


class Finding(Frozen):
    """One remark of a gate or reviewer. Blocking findings stop publication."""

    rule: str
    message: str
    path: str | None = None
    line: int | None = None
    blocking: bool = False


class ReviewNote(Frozen):
    """How a change was reviewed. What was found is in the report's findings."""

    score: int = Field(ge=0, le=100)
    """See `pushpals.review_agent.verdict.score`."""
    model: str = ""
    """The model that read it; empty: the rules alone did."""
    left_out: tuple[str, ...] = ()
    """What the model did not look at, one phrase each."""
    unread: str | None = None
    """Why nothing was heard of a model that was to read it, as a sentence."""


class Report(Frozen):
    """What a pull request's body says. Facts are the control side's; `words` are the model's own."""

    words: str = ""
    files: tuple[FileChange, ...] = ()
    evidence: Evidence | None = None
    findings: tuple[Finding, ...] = ()
    review: ReviewNote | None = None
    refused: tuple[str, ...] = ()
    """What the worker or the request tried and was refused, one plain sentence each."""
    follow_ups: tuple[str, ...] = ()
    risk: Risk = Risk.LOW
    risk_reasons: tuple[str, ...] = ()


class JobState(StrEnum):
    """A job's life (docs/architecture.md, section 2)."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    RUNNING = "running"
    PROPOSED = "proposed"
    GATED = "gated"
    PUBLISHED = "published"
    APPROVED = "approved"
    INTEGRATING = "integrating"
    MERGED = "merged"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    WAITING = "waiting"


ENDED = frozenset({JobState.MERGED, JobState.FAILED, JobState.CANCELLED, JobState.SUPERSEDED})
HELD = frozenset({JobState.CLAIMED, JobState.RUNNING})


ON_A_BRANCH = frozenset({JobState.PUBLISHED, JobState.APPROVED, JobState.INTEGRATING})
"""Published and not ended: there is a branch with a pull request, and people may ask for more."""


class WaitReason(StrEnum):
    """What a job in state `waiting` waits for."""

    APPROVAL = "approval"
    BUDGET = "budget"
    QUESTION = "question"
    DEPENDENCY = "dependency"
    COMMAND = "command"
    DAY = "day"
    """What the repository may spend in a day is spent."""


class OrderKind(StrEnum):
    """Why a published job goes on for another round."""

    FIX = "fix"
    """A person asked for something, in a command."""
    REVIEW = "review"
    """A person's review remarked something."""
    FINDINGS = "findings"
    """ReviewAgent found something that blocks."""
    CI = "ci"
    """The repository's own checks are red on the pull request."""
    CONFLICT = "conflict"
    """The pull request does not merge any more."""
    REBASE = "rebase"
    """A person wants the base branch's news in it. Without a conflict nobody needs to think about that."""


class Order(Frozen):
    """One thing a further round of a job is asked to do."""

    kind: OrderKind
    cause: str
    """Key of what asked for it; the same cause is never served twice."""
    text: str = ""
    """What is asked, cleaned. It is data: a model is shown it inside a fence."""
    at: datetime
    by: Person | None = None
    path: str | None = None
    line: int | None = None
    thread: str | None = None
    """Id of the review thread to answer, if it came from one."""
    runs: tuple[int, ...] = ()
    """Database ids of the repository's own check runs whose logs tell what failed."""


class Approval(Frozen):
    """Somebody's yes to a plan. It holds for this commit of the plan and this text of the request alone."""

    by: Person
    at: datetime
    how: Literal["review", "button", "command"]
    plan_commit: Sha | None
    digest: str
    """The request's digest that was approved."""


class HeadApproval(Frozen):
    """Somebody's yes to a pull request. It holds for exactly this commit."""

    by: Person
    at: datetime
    how: Literal["review", "command", "policy"]
    """`policy`: nobody said so, the policy file lets work of this risk land, or be gathered, by itself."""
    head: Sha
    cause: str
    """Id of the review, or key of the command."""


class Question(Frozen):
    """The one question that is asked instead of guessing."""

    text: str
    asked_at: datetime
    answer: str | None = None
    answered_by: Person | None = None


class Holder(Frozen):
    """Who holds a claim. A process with the same `instance` and another `boot` is its successor."""

    instance: str
    boot: str
    name: str = ""
    """What people call it, where it has a name: a worker's, or a workflow run."""


class CarLeft(Frozen):
    """A car that had to leave the train without landing, and why."""

    job: JobId
    head: Sha
    failure: Failure
    paths: tuple[str, ...] = ()
    """Where it conflicts, if that is why."""
    at: datetime


class Gathered(Frozen):
    """A tested change lies on the integration branch, and waits for people to merge that."""

    branch: str
    pull: int | None = None
    """The pull request from there to the default branch; None until it is open."""


class RequestRecord(Frozen):
    """`record.json` of `refs/pushpals/requests/<n>`."""

    version: Literal[1] = 1
    request: Request
    plan: Plan
    base: Sha
    """Commit of the default branch the plan was made on."""
    policy_digest: str
    created_at: datetime
    causes: tuple[str, ...] = ()
    """Every cause this request has answered, the newest last."""
    first: int = Field(default=1, ge=1)
    """Number of the job of the plan's first task: the job of task `i`, from 0, is `<n>-<first + i>`."""
    plan_commit: Sha | None = None
    """The commit that shows the plan to people, where it waits, or waited, for their yes."""
    approval: Approval | None = None
    question: Question | None = None
    stopped: str | None = None
    """Why nothing of the plan goes on, as a sentence for people; None while it does."""
    drafted_by: Holder | None = None
    """The process that asks a model for a better plan than this one; until it has, nothing is begun."""
    planning: Usage = Usage()
    """What planning has cost."""
    role_problems: tuple[str, ...] = ()
    """Why files of roles at `base` are not used, one sentence each."""
    voided: str | None = None
    """Why an earlier yes to the plan does not hold any more, as a sentence for people."""
    by: Holder | None = None
    """Who wrote this record."""
    written_at: datetime | None = None

    def job_id(self, index: int) -> JobId:
        """Return the id of the job that does the task at `index`, from 0."""
        return f"{self.request.number}-{self.first + index}"


class Standing(Frozen):
    """What of a job is published, kept while a further round of work goes on."""

    report: Report
    tree: Sha | None = None
    head: Sha | None = None
    """The commit that it was published as; people may have pushed to the branch since."""


class JobRecord(Frozen):
    """`record.json` of `refs/pushpals/jobs/<n>-<k>`."""

    version: Literal[1] = 1
    id: JobId
    request: int
    cause: str
    task: Task
    state: JobState
    base: Sha
    branch: str
    attempt: int = 0
    holder: Holder | None = None
    """Who works on it, while it is claimed or running."""
    by: Holder | None = None
    """Who wrote this record: the process that goes on from here, unless it is seen to be gone."""
    away_until: datetime | None = None
    """Until when the holder may be silent: it works on a copy of this record, and brings that back whole."""
    queued_at: datetime | None = None
    """When it last went into the queue."""
    claimed_at: datetime | None = None
    """When it was last taken out of it."""
    runs_asked: tuple[datetime, ...] = ()
    """When workflow runs were asked to take it, since it went into the queue."""
    nonce: str
    """Random, new in every record: settles a lost answer to a compare-and-swap."""
    updated_at: datetime
    created_at: datetime
    tree: Sha | None = None
    head: Sha | None = None
    """Commit on the agent branch, once published."""
    usage: Usage = Usage()
    failure: Failure | None = None
    failures: tuple[FailureKind, ...] = ()
    """Kinds of the attempts that ended in a retry."""
    not_before: datetime | None = None
    """A retry waits until then."""
    report: Report = Report()
    index: int = Field(default=0, ge=0)
    """Which task of the plan it does, from 0."""
    onto: str | None = None
    """The branch of the unmerged job it builds on; None: the default branch."""
    round: int = Field(default=0, ge=0)
    """0 until the first publication; each further round on the same branch adds one."""
    start: Sha | None = None
    """Commit the present round begins on; None: `base`."""
    merges: Sha | None = None
    """Commit of the base branch that the present round merges into the work, where the two conflict."""
    orders: tuple[Order, ...] = ()
    """What the present round, or the last one, was asked to do; empty in the first."""
    served: tuple[str, ...] = ()
    """Causes of all that further rounds, tries and decisions have answered, the newest last."""
    standing: Standing | None = None
    """What stands on the pull request while another round goes on."""
    setback: Failure | None = None
    """Why the last round on a published job came to nothing. What was published before stands."""
    asker: Person | None = None
    """Who asked for the present round or try, where that is not who asked for the request."""
    spent_before: Usage = Usage()
    """What was spent before the present round: each has a budget of its own."""
    resumes: bool = False
    """Whether the next attempt goes on from the checkpoint, which is the record's patch."""
    branch_gone: bool = False
    """Whether the branch was cleared away after its merge, or is no longer as PushPals left it."""
    ci_rounds: int = 0
    conflict_rounds: int = 0
    sent_back: int = 0
    """How often ReviewAgent sent the patch back to the worker."""
    waiting: WaitReason | None = None
    asks: str | None = None
    """While it waits: the exact command, or what else is asked of people."""
    asks_why: str | None = None
    """Why, in the worker's own words."""
    allowed: tuple[str, ...] = ()
    """Commands outside the allowlist that a person allowed for this job."""
    denied: tuple[str, ...] = ()
    """Commands that a person denied."""
    budget_factor: float = Field(default=1.0, ge=1.0, le=16.0)
    """What people have raised the budget of the policy by."""
    today: Spending | None = None
    """What was spent on the day on which anything was spent last."""

    reverts: JobId | None = None
    """The job of the same request whose change it takes back."""
    approved: HeadApproval | None = None
    """Why it may land; None until somebody approved what is on the branch now."""
    returned: CarLeft | None = None
    """Why the merge train last sent it back, if it did."""
    halt: Failure | None = None
    """Why the merge train that it is on stands still; None while it moves."""
    gathered: Gathered | None = None
    """Where it waits to be merged with others, tested; None while it does not."""

    @property
    def origin(self) -> Sha:
        """The commit the present round begins on."""
        return self.start or self.base

    def knows(self, cause: str) -> bool:
        """Whether a cause was served, or is being served."""
        return cause in self.served or any(order.cause == cause for order in self.orders)


class Car(Frozen):
    """A job's approved branch on the merge train, at exactly the commit that was approved."""

    job: JobId
    branch: str
    head: Sha
    pull: int | None = None
    """Number of its pull request; None where the delivery has none."""
    title: str = ""
    evidence: str = ""
    """What its checks showed, in a line, where the delivery gathers changes."""


class CarGroup(Frozen):
    """Cars of a merge train that are judged together. `red`: as a whole they are known not to pass."""

    cars: tuple[JobId, ...]
    red: bool = False


class CarTally(Frozen):
    """Good and bad cars of a repository's merge train so far, the older ones fading."""

    good: float = Field(default=0.0, ge=0)
    bad: float = Field(default=0.0, ge=0)


class CarArrived(Frozen):
    """A car that landed: its head, and the commit that was tested and landed with it."""

    job: JobId
    head: Sha
    commit: Sha
    at: datetime


class CarHeld(Frozen):
    """A tested change on the integration branch that nobody has merged yet. `commit` was tested with it."""

    job: JobId
    head: Sha
    commit: Sha
    title: str = ""
    evidence: str = ""
    at: datetime


class Rolling(Frozen):
    """What the integration branch holds, and the one pull request that shows it, in the second delivery."""

    branch: str
    held: tuple[CarHeld, ...] = ()
    """In the order in which they came."""
    pull: int | None = None
    """Number of the pull request; None until it is open."""


class TrainRun(Frozen):
    """One test of a merge train: cars merged onto the base, as one exact commit."""

    cars: tuple[JobId, ...]
    commit: Sha
    checks: Literal["github", "sandbox"]
    """Who tests it: the repository's own CI, or the sandbox."""
    since: datetime
    ground: Sha | None = None
    """What the cars were merged onto, where that is not the base: the base with the default branch in it."""
    green: bool | None = None
    """The verdict; None while it is awaited."""
    results: tuple[CheckResult, ...] = ()
    """What the checks said, without their output."""


class TrainRecord(Frozen):
    """`record.json` of `refs/pushpals/train`: what is known of a repository's merge train."""

    version: Literal[1] = 1
    branch: str
    """The branch it lands on."""
    base: Sha
    """Commit of that branch on which everything in `groups` is known."""
    cars: tuple[Car, ...] = ()
    groups: tuple[CarGroup, ...] = ()
    """What is known of the cars; the last group is next."""
    run: TrainRun | None = None
    arrived: tuple[CarArrived, ...] = ()
    """Cars that landed, the newest last."""
    left: tuple[CarLeft, ...] = ()
    """Cars that had to leave, the newest last; jobs take from here why they are back."""
    tally: CarTally = CarTally()
    runs: int = 0
    """Tests so far."""
    landed: int = 0
    """Cars that landed so far."""
    rolling: Rolling | None = None
    """What is gathered; None where nothing is, or where every change has a pull request of its own."""
    halt: Failure | None = None
    """Why nothing goes on until somebody has done something; None while it does."""
    by: Holder | None = None
    """Who wrote this record: the process that goes on from here, unless it is seen to be gone."""
    nonce: str
    updated_at: datetime
    created_at: datetime


class SpendingRecord(Frozen):
    """`record.json` of `refs/pushpals/spending`: what a repository's work cost today, outside of jobs."""

    version: Literal[1] = 1
    today: Spending
    nonce: str
    updated_at: datetime
