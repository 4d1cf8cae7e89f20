"""What a WorkerPal is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pushpals.llm.api import Completion, Message, Sampling, ToolSpec
from pushpals.model import Budget, CheckResult, Failure, Task, Usage
from pushpals.policy.allowlist import Allowlist
from pushpals.sandbox.api import CommandResult


@dataclass(frozen=True)
class Checkpoint:
    """What earlier work on the task has changed, by content; None stands for a file that is gone."""

    files: Mapping[str, bytes | None]
    executable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wish:
    """A command that a person has to say yes to."""

    command: str
    reason: str
    """Why the worker wants it. The model's own words: untrusted."""
    why: str
    """Why it needs a yes, as a phrase."""


NO_CHECKPOINT = Checkpoint({})


@dataclass(frozen=True)
class Assignment:
    """One task with everything needed to do it, the workspace and the model aside."""

    task: Task
    request_text: str
    """What the person wrote, cleaned. It is data: it is shown to the model inside a fence."""
    instructions: str
    """The role's instructions (roles/*.md)."""
    checks: tuple[str, ...]
    """Commands that must end with exit code 0, in the order they run."""
    budget: Budget
    spent: Usage = field(default_factory=Usage)
    """What earlier attempts of this job have spent of the budget."""
    protected: tuple[str, ...] = ()
    """Path patterns that may not be changed even inside the task's scope."""
    within: tuple[tuple[str, ...], ...] = ()
    """Lists of path patterns besides the task's scope: what is changed must match one of each."""
    tools: tuple[str, ...] | None = None
    """The tools the role leaves its worker; None: all there are."""
    allowlist: Allowlist | None = None
    """The commands that may run unasked, besides the checks; None: all that the sandbox lets run."""
    denied: tuple[str, ...] = ()
    """Commands that a person said no to."""
    may_ask: bool = False
    """Whether the work may stop to ask a person about a command. If not, it is refused."""
    checkpoint: Checkpoint = NO_CHECKPOINT
    """Earlier work, which this goes on from."""
    explorers: int = 0
    """How many questions sub-agents may look into at once; 0: there are none."""
    fence: str = ""
    """A nonce for the fence around untrusted text. Empty: one is drawn at random."""


@dataclass(frozen=True)
class Outcome:
    """What became of it. The change itself is in the workspace; the control side exports and re-checks it."""

    words: str
    """The model's own summary. Untrusted."""
    usage: Usage
    """What this run has spent, without what was spent before."""
    base_checks: tuple[CheckResult, ...]
    head_checks: tuple[CheckResult, ...]
    failure: Failure | None
    refused: tuple[str, ...] = ()
    doubt: str = ""
    """What the checks cannot tell about the change, as a sentence for people."""
    asks: Wish | None = None
    """The command that a person has to say yes to before the work can go on. There is no failure then."""


class Files(Protocol):
    """The workspace's files, from outside the sandbox (see `pushpals.sandbox.files.WorkspaceFiles`)."""

    def read(self, path: str, *, limit: int = ...) -> bytes:
        """Return a file's bytes; raises ValueError or OSError with a text for people."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file."""
        ...

    def listdir(self, path: str = ".") -> list[str]:
        """Return names in a folder, those of folders ending in `/`."""
        ...

    def walk(self, path: str = ".") -> Iterator[str]:
        """Yield all files' paths."""
        ...


class Sandbox(Protocol):
    """The part of `pushpals.sandbox.Sandbox` that is used here."""

    @property
    def files(self) -> Files:
        """Access to the workspace's files."""
        ...

    async def run(self, command: str, *, timeout: float | None = None, cwd: str = ".") -> CommandResult:
        """Run a shell command and wait for it."""
        ...


class ChatModel(Protocol):
    """The part of `pushpals.llm.ChatModel` that is used here."""

    @property
    def native_tools(self) -> bool:
        """Whether the model takes tools as such."""
        ...

    @property
    def context_tokens(self) -> int:
        """Tokens of prompt and answer together."""
        ...

    @property
    def fills(self) -> bool:
        """Whether the model fills gaps."""
        ...

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = ...) -> Completion:
        """Return what may stand between two texts; raises ModelError."""
        ...

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ..., sampling: Sampling = ...
    ) -> Completion:
        """Answer a conversation; raises ModelError."""
        ...
