"""What a WorkerPal is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pushpals.llm.api import Completion, Message, Sampling, ToolSpec
from pushpals.model import Budget, CheckResult, Failure, Task, Usage
from pushpals.sandbox.api import CommandResult


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
