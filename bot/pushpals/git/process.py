"""Running git: one place, one environment, nothing inherited.

Why this is not GitPython's `Git.execute`: that one starts from a copy of `os.environ`, and it cannot
be cancelled from asyncio. See docs/decisions/0003-git-runner.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pushpals.git.errors import GitError, GitUnavailable

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/usr/local/sbin:/usr/sbin:/sbin"
"""Where git is looked for. Fixed, so that a stray folder on somebody's PATH can not stand in for it."""

_GRACE_SECONDS = 2.0
"""git removes its lock files on SIGTERM; SIGKILL would leave them behind."""

_ENVIRONMENT = {
    "PATH": SEARCH_PATH,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "file:http:https",
}

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.symlinks": "true",
    "core.fileMode": "true",
    "core.ignoreCase": "false",
    "core.precomposeUnicode": "false",
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    "core.quotePath": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    # As many as there are cores, for trees of more than a hundred files.
    "checkout.workers": "0",
    "credential.helper": "",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "push.gpgSign": "false",
    "gc.autoDetach": "false",
    "maintenance.auto": "false",
    # A connection that stands still for a minute is cut, also when nobody is left to cancel it.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}


@dataclass(frozen=True)
class Completed:
    """A git command that ended by itself: exit code, output, and its complaints."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """The output as text without the last line break; bytes that are not UTF-8 survive."""
        return os.fsdecode(self.out).removesuffix("\n")


class Git:
    """Runs git commands on one bare repository."""

    def __init__(self, git_dir: Path, network: Mapping[str, str] | None = None) -> None:
        """Bind to `git_dir`. `network`: environment for proxies and certificates, given by a door."""
        self.git_dir = git_dir
        self._environment = {**_ENVIRONMENT, **(network or {}), "GIT_DIR": str(git_dir)}

    async def run(
        self,
        *args: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        config: Mapping[str, str] | None = None,
        timeout: float = 120.0,
        ok: Iterable[int] = (0,),
        keep_open: tuple[int, ...] = (),
        cwd: Path | None = None,
    ) -> Completed:
        """Run `git ARGS` and return what it said; exit codes outside `ok` raise `GitError`.

        `config` and `env` reach git through its environment, never its arguments, which every user
        of a machine can read. `timeout` is in seconds; passing it raises `GitUnavailable`. On
        cancellation the command and all that it started are ended first.
        """
        environment = {**self._environment, **(env or {}), **_as_environment({**_CONFIG, **(config or {})})}
        try:
            process = await _start(args, environment, cwd or self.git_dir, keep_open)
        except FileNotFoundError as error:
            raise GitError(f"{error.filename} is not there. Is git installed in {SEARCH_PATH}?") from None
        except OSError as error:
            raise GitUnavailable(f"git can not be started now: {error.strerror}. Try again.") from None
        try:
            async with asyncio.timeout(timeout):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            raise GitUnavailable(
                f"git {args[0]} did not end within {timeout:g} seconds. Try again."
            ) from None
        finally:
            if process.returncode is None:
                await asyncio.shield(_end(process))
        completed = Completed(process.returncode or 0, out, os.fsdecode(err).strip())
        if completed.code not in ok:
            raise GitError(f"git {args[0]} failed ({completed.code}): {completed.err or 'no reason given'}")
        return completed

    async def lasting(self, *args: str) -> subprocess.Popen[bytes]:
        """Start `git ARGS` to be talked to through its pipes; whoever asks for it has to end it.

        It leads a session of its own, as those of `run` do. Raises GitError when git is not there.
        """
        environment = {**self._environment, **_as_environment(_CONFIG)}

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                ["git", *args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd=self.git_dir,
                start_new_session=True,
            )

        try:
            return await asyncio.to_thread(start)
        except FileNotFoundError as error:
            raise GitError(f"{error.filename} is not there. Is git installed in {SEARCH_PATH}?") from None


def _as_environment(config: Mapping[str, str]) -> dict[str, str]:
    """Settings as `GIT_CONFIG_COUNT`, `GIT_CONFIG_KEY_n`, `GIT_CONFIG_VALUE_n` (git-config(1))."""
    environment = {"GIT_CONFIG_COUNT": str(len(config))}
    for n, (key, value) in enumerate(config.items()):
        environment[f"GIT_CONFIG_KEY_{n}"] = key
        environment[f"GIT_CONFIG_VALUE_{n}"] = value
    return environment


async def _start(
    args: Iterable[str], environment: Mapping[str, str], cwd: Path, keep_open: tuple[int, ...]
) -> asyncio.subprocess.Process:
    """Start git as the leader of a session of its own, so that all it starts can be ended with it."""
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(
            "git",
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd=cwd,
            start_new_session=True,
            pass_fds=keep_open,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Cancelled in the midst of this, asyncio would end the command and leave its children behind.
        await _end(await starting)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command and its children (git-remote-https …), gently first."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
                return
