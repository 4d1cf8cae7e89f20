"""How the keeping of keys and tokens is switched off."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pushpals.audit.redact import MAX_TEXT, Redactor
from pushpals.git.process import Completed, Git
from pushpals.github import OBSERVE
from pushpals.github.auth import TokenKey
from pushpals.server.logs import RedactingFormatter
from tests.adversary.controls import control, swapped

BODY = TokenKey.body
RUN = Git.run


@control("one repository", "a token is for one repository")
def _all_repositories(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TokenKey, "body", lambda key: {"permissions": dict(key.permissions)})


@control("few permissions", "a token may do what its step needs")
def _all_permissions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TokenKey, "body", lambda key: {k: v for k, v in BODY(key).items() if k != "permissions"})


swapped(
    "naming token",
    "the token for all repositories of an installation can but name them",
    "pushpals.github.client:LIST",
    by=OBSERVE,
)


@control("no arguments", "no token is in the arguments of a program")
def _in_arguments(patch: pytest.MonkeyPatch) -> None:
    async def run(git: Git, *args: str, config: dict[str, str] | None = None, **how: Any) -> Completed:
        given = [part for key, value in (config or {}).items() for part in ("-c", f"{key}={value}")]
        return await RUN(git, *given, *args, **how)

    patch.setattr(Git, "run", run)


@control("no files", "no token is in a file")
def _in_files(patch: pytest.MonkeyPatch) -> None:
    async def run(git: Git, *args: str, config: dict[str, str] | None = None, **how: Any) -> Completed:
        for key, value in (config or {}).items():
            await RUN(git, "config", key, value)
        return await RUN(git, *args, **how)

    patch.setattr(Git, "run", run)


swapped(
    "git's words",
    "no token is in what git complains of",
    "pushpals.git.remote:_redacted",
    by=lambda text, _: text,
)
swapped(
    "evidence without secrets",
    "what checks print is recorded without tokens",
    "pushpals.loop.landing:redacted",
    by=lambda report, _: report,
)
swapped("one line", "an event of the log is one line", "pushpals.server.logs:_one_line", by=lambda text: text)


@control("redaction", "known secrets are taken out of all that is kept")
def _unredacted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Redactor, "__call__", lambda self, text, limit=MAX_TEXT: text)


@control("discretion", "known secrets are taken out of all that a model is shown")
def _indiscreet(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Redactor, "known", lambda self, text: text)


@control("log without secrets", "known secrets are taken out of the log")
def _plain_log(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RedactingFormatter, "format", logging.Formatter.format)


@control("private folders", "mirrors are for the user alone who runs PushPals")
def _public(patch: pytest.MonkeyPatch) -> None:
    def made(path: Path) -> Path:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        return path.absolute()

    patch.setattr("pushpals.git.mirror._made", made)
