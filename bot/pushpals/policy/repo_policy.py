"""The policy file of a repository: `.github/pushpals.yml` of its default branch, as types.

The docstrings of the fields are the reference: `docs/policy.md` is generated from them. A field is here only
if something enforces it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
)

from pushpals.model import Budget, Frozen
from pushpals.policy.globs import glob_problem

POLICY_PATH = ".github/pushpals.yml"

Dispatch = Literal["inline", "worker", "actions"]
"""Where jobs are worked on."""

LOCKED_PATHS = (
    "/.github/workflows/**",
    "/.github/actions/**",
    "/.github/pushpals.yml",
    "/.github/pushpals/**",
    "CODEOWNERS",
)
"""Built-in protected paths that no policy can release: they decide what runs and who approves."""

RELEASABLE_PATHS = (
    "action.yml",
    "action.yaml",
    ".gitattributes",
    ".gitmodules",
    ".githooks/**",
    ".husky/**",
    ".pre-commit-config.yaml",
)
"""Built-in protected paths that `scope.unprotect` may release by naming them exactly."""


class Section(BaseModel):
    """Base of all parts of the policy: immutable, strict about unknown keys, documented by docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _matchable(pattern: str) -> str:
    problem = glob_problem(pattern)
    if problem is not None:
        raise ValueError(problem)
    return pattern


def _releasable(pattern: str) -> str:
    if pattern in LOCKED_PATHS:
        raise ValueError("can never be released")
    if pattern not in RELEASABLE_PATHS:
        names = ", ".join(RELEASABLE_PATHS)
        raise ValueError(f"is not one of the built-in paths that can be released: {names}")
    return pattern


def _not_everyone(role: str) -> str:
    if role.casefold() in {"read", "none", "pull"}:
        raise ValueError("would let everyone start work in a public repository: list triage or higher")
    return role


def _own_branch(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name.endswith((".", ".lock")) or ".." in name:
        raise ValueError("must be a branch name of letters, digits, '.', '_' and '-'")
    if name.casefold() in {"main", "master", "trunk", "develop", "agent", "head"}:
        raise ValueError("must be a branch of its own: this one is moved without asking")
    return name


# Validators of single entries raise ValueError for the author of the file; the parser adds the entry's place.
Glob = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_matchable)]
Released = Annotated[str, AfterValidator(_releasable)]
Role = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_not_everyone)]
Command = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^\S[^\r\n\x00]*$")]
BranchName = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_own_branch)]
CheckName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S[^\r\n]*$")]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^\S[^\r\n,]*$")]


class Trigger(Section):
    """What starts work."""

    label: LabelName = "agent:ready"
    """The label that asks for a pull request, spelled as it is on GitHub."""


class Access(Section):
    """Who may start work, and who is answered."""

    roles: tuple[Role, ...] = ("write", "maintain", "admin")
    """Repository roles that may start work. A standard role (`triage`, `write`, `maintain`, `admin`) includes
    the standard roles above it; a custom role of the organisation counts only if it is named here. `read`
    cannot be listed, because in a public repository everyone has it. Bots never start work. An empty list
    lets nobody."""
    ask: tuple[Role, ...] = ("triage", "write", "maintain", "admin")
    """Repository roles whose questions are answered: `ask`, which a model answers, `status`, `explain` and
    `help`. Read as `roles` is; who may start work may also ask. The author of an issue or pull request is
    told its `status`, `explain` and `help` in any case: that costs nothing. Bots are never answered."""
    outsiders: bool = False
    """Whether a model is shown also the comments of people who may not start work. Those of people who may
    are part of the request; what bots write never is."""


class ApprovalSection(Section):
    """Who approves plans of medium and high risk. Never a bot, and never whoever asked, alone."""

    roles: tuple[Role, ...] = ("write", "maintain", "admin")
    """Repository roles that approve, read as in `access.roles`."""


class Scope(Section):
    """Which files a change may touch. Patterns are written as in `.gitignore`; see "Patterns" below."""

    write: tuple[Glob, ...] = ("**",)
    """Paths a change may touch. A task may narrow this, never widen it."""
    protected: tuple[Glob, ...] = ()
    """Paths no change may touch, besides the built-in ones. Protection wins over `write`."""
    unprotect: tuple[Released, ...] = ()
    """Built-in protected paths to release, each spelled exactly as in the list below. Workflows, local
    actions, this policy and `CODEOWNERS` can never be released."""


class Limits(Section):
    """How large a change may be. Larger ones are not published."""

    files: int = Field(default=20, ge=1, le=300)
    """Files changed."""
    lines: int = Field(default=800, ge=1, le=100_000)
    """Lines added and removed, together."""
    file_bytes: int = Field(default=200_000, ge=1, le=10_000_000)
    """Bytes added to one file."""


class BudgetSection(Section):
    """What one job may spend, and what all of a day may."""

    turns: int = Field(default=50, ge=1, le=50)
    """Turns of the agent."""
    tokens: int = Field(default=400_000, ge=1_000, le=100_000_000)
    """Tokens read and written by the model, together, as the provider counts them."""
    usd: float = Field(default=1.0, ge=0)
    """US dollars. `0` allows only local models. With any cap a model of unknown price is refused, unless it
    is local; `.inf` lifts the cap."""
    minutes: float = Field(default=20.0, gt=0, le=300)
    """Minutes from claim to proposal."""
    jobs: int = Field(default=100, ge=1, le=10_000)
    """Jobs that are begun in this repository within a day. Whoever asks for more is told who may raise it."""
    day_tokens: int = Field(default=20_000_000, ge=1_000, le=10_000_000_000)
    """Tokens of all that is done in this repository in a day (UTC), further rounds, plans, reviews and
    answers included. Then jobs wait, and whoever may start work is asked."""
    day_usd: float = Field(default=25.0, ge=0)
    """US dollars of the same, as far as prices are known; `.inf` lifts the cap."""
    questions: int = Field(default=200, ge=0, le=100_000)
    """Questions (`ask`) and reviews by command in a day. Whoever asks for more is told who may raise it."""
    explorers: int = Field(default=3, ge=0, le=3)
    """Questions about the code that a worker's helpers may look into at once, within the budget of the job.
    They can only read. `0`: a worker looks for itself."""


class ReviewSection(Section):
    """How a change is reviewed before people see it."""

    model: Literal["auto", "always", "never"] = "auto"
    """Whether a model reads the change besides the rules. `auto`: a model that takes tools as such does; the
    opinion of a small one would do harm."""


class CommandsSection(Section):
    """What a worker may run in its sandbox without asking."""

    allow: tuple[Command, ...] = Field(default=(), max_length=100)
    """Commands besides the checks, tools that only look, and the usual test runners and linters. Each is a
    whole command; with ` *` at its end, any further words may follow."""
    ask: bool = True
    """Whether a worker may pause to ask people about any other command. If not, it is told no."""


class Integration(Section):
    """How approved pull requests land: the merge train."""

    train: Literal["approval", "command", "never"] = "command"
    """When an approved pull request gets on the train: as soon as it is approved, when somebody who may start
    work says `/pushpals integrate`, or never, so that people merge by hand."""
    auto_merge: Literal["never", "low", "medium"] = "never"
    """The highest risk of a change that gets on the train without an approval. All must be green then: every
    check on its exact tree, evidence that shows the effect, no remark of the review, and the CI. Whoever asks
    for changes in a review stops it."""
    branch: BranchName = "main_agents"
    """Branch on which batches are tested before they land. PushPals makes it, and moves it as it likes. With
    `delivery: integration_branch` tested changes are gathered there, and `<branch>-testing` is what moves."""
    checks: Literal["auto", "github", "sandbox"] = "auto"
    """What tests a batch: the repository's own CI on that branch, or the checks of the tasks in the sandbox.
    `auto` takes the CI where the default branch or a pull request has one."""
    required: tuple[CheckName, ...] = Field(default=(), max_length=50)
    """Names of the CI's checks that a batch must pass. Empty: those that the default branch has."""
    wait_minutes: float = Field(default=60.0, gt=0, le=1440)
    """Minutes to wait for the CI before the train stops and says so."""
    batch: int = Field(default=16, ge=1, le=64)
    """Pull requests tested together at most. Fewer are taken where many turn out bad."""


class CheckSetting(Section):
    """One of the repository's checks."""

    run: Command
    """The command line, one line, run in the sandbox at the root of the repository."""
    timeout_minutes: float = Field(default=10.0, gt=0, le=120)
    """Minutes until the check is stopped and counts as failed."""


def _check_from_string(value: object) -> object:
    """Let a check be written as its command alone."""
    if not isinstance(value, str | dict | CheckSetting):
        raise ValueError("must be text, a command line, or 'run' with its keys")  # noqa: TRY004 - pydantic's way
    return {"run": value} if isinstance(value, str) else value


class RepoPolicy(Section):
    """What the maintainers of one repository allow. Every field has a safe default; no file means these."""

    version: Literal[1] = 1
    """Version of this format."""
    trigger: Trigger = Trigger()
    """What starts work."""
    access: Access = Access()
    """Who may start work, and who is answered."""
    approval: ApprovalSection = ApprovalSection()
    """Who approves plans of medium and high risk, before any work: never a bot, and never whoever asked."""
    scope: Scope = Scope()
    """Which files a change may touch."""
    limits: Limits = Limits()
    """How large a change may be."""
    budget: BudgetSection = BudgetSection()
    """What one job may spend, and what all of a day may."""
    review: ReviewSection = ReviewSection()
    """How a change is reviewed before people see it."""
    commands: CommandsSection = CommandsSection()
    """What a worker may run in its sandbox without asking."""
    delivery: Literal["pull_request", "integration_branch"] = "pull_request"
    """`pull_request`: every change is a pull request of its own. `integration_branch`: changes within the
    risk that was approved are tested together and gathered on `integration.branch`, and one pull request from
    there waits for a person; only a change that a person has to judge has its own."""
    integration: Integration = Integration()
    """How approved pull requests land: the merge train."""
    dispatch: Dispatch = "inline"
    """Who works on the jobs. `inline`: whoever plans them, the server or the workflow. `worker`: workers of
    their own (`pushpals worker`); the server judges and publishes what they propose. `actions`: the server
    asks for a run of the repository's workflow, which works and publishes."""
    checks: tuple[Annotated[CheckSetting, BeforeValidator(_check_from_string)], ...] = Field(
        default=(), max_length=10
    )
    """The repository's checks: a list of command lines, or of `run` with `timeout_minutes`. Empty: one or two
    are detected from the repository's files. All must pass for a green conclusion."""

    _lines: Mapping[str, int] = PrivateAttr(default_factory=lambda: MappingProxyType({}))

    def with_lines(self, lines: Mapping[str, int]) -> RepoPolicy:
        """Return this policy knowing where its fields were set: dotted field path to line number, from 1."""
        known = self.model_copy()
        known._lines = MappingProxyType(dict(lines))  # noqa: SLF001 - the copy is our own
        return known

    def where(self, field: str) -> str:
        """Say where `field` (`limits.files`, `scope.protected.0`) was set: `policy line 4` or `default`."""
        line = self._lines.get(field)
        return "default" if line is None else f"policy line {line}"

    @property
    def gathers(self) -> bool:
        """Whether tested changes are gathered on the integration branch, for people to merge together."""
        return self.delivery == "integration_branch"

    @property
    def tested_on(self) -> str:
        """Name of the branch that the merge train moves to have a batch tested."""
        return f"{self.integration.branch}-testing" if self.gathers else self.integration.branch

    @property
    def job_budget(self) -> Budget:
        """The `budget` section as the model's `Budget`."""
        spend = self.budget
        return Budget(
            max_turns=spend.turns, max_tokens=spend.tokens, max_usd=spend.usd, max_minutes=spend.minutes
        )


class PolicyProblem(Frozen):
    """Why a policy file cannot be used. `line` and `column` count from 1; nothing runs until it is mended."""

    line: int
    column: int
    quoted_line: str
    message: str
    suggestion: str | None = None
    """What to write instead, as text of the file."""

    def __str__(self) -> str:
        """Return `line 3, column 1: message`."""
        return f"line {self.line}, column {self.column}: {self.message}"


def policy_digest(policy: RepoPolicy) -> str:
    """Return the sha256 (hex) of what the policy says: layout and comments of the file do not change it."""
    # json.dumps keeps infinity apart from null, which pydantic's own JSON does not.
    canonical = json.dumps(policy.model_dump(mode="python"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
