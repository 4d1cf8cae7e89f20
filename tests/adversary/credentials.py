"""Attacks on keys and tokens."""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import Any

from pydantic import SecretStr

from pushpals.audit.redact import Redactor
from pushpals.git import GitError, Mirror
from pushpals.git.process import Completed, Git
from pushpals.github.auth import TokenKey, Tokens
from pushpals.server.logs import RedactingFormatter
from tests.adversary.cases import case
from tests.adversary.stage import RIGHT, Stage, asked, holds, quiet, said
from tests.stories.scripted import call
from tests.stories.town import FILES, Town

CANARY = "sk-canary-Zq81xW0pLm55vT"
TOKEN = "ghs_" + "q7R2s9T4" * 5


@case("use a token for another repository of the installation", control="one repository")
async def _(stage: Stage) -> None:
    town = await stage.town()
    other = await town.forge.create_repo("octo", "private", {"key": "x"})
    town.forge.install(town.app, [town.repo, other])
    async with asked(town):
        pass
    wide = [token.permissions for token in town.forge.store.tokens.values() if len(token.repo_ids) > 1]
    # All repositories of an installation are named by one token, which can do nothing else.
    holds(not any("write" in grant.values() for grant in wide), "a token of one repository writes to another")


@case("read the code of every repository with the token that names them", control="naming token")
async def _(stage: Stage) -> None:
    town = await stage.town()
    other = await town.forge.create_repo("octo", "private", {"key": "x"})
    town.forge.install(town.app, [town.repo, other])
    async with town.server() as server:
        await server.reconciled.wait()
        await quiet(town, server)
    wide = [token for token in town.forge.store.tokens.values() if len(token.repo_ids) > 1]
    assert wide
    holds(
        all(token.permissions == {"metadata": "read"} for token in wide),
        "one token reads the private code of all repositories",
    )


@case("use a token for more than its step needs", control="few permissions")
async def _(stage: Stage) -> None:
    town = await stage.town()
    async with asked(town):
        pass
    grants = [token.permissions for token in town.forge.store.tokens.values()]
    assert grants
    writers = [grant for grant in grants if grant.get("contents") == "write"]
    holds(
        all(grant.keys() <= {"contents", "metadata"} for grant in writers),
        "the token of git may do everything",
    )


def _collected(stage: Stage) -> list[str]:
    """Return a list that fills with the tokens as they are given out."""
    given: list[str] = []
    token = Tokens.token

    async def spy(tokens: Tokens, key: TokenKey) -> str:
        secret = await token(tokens, key)
        given.append(secret)
        return secret

    stage.patch.setattr(Tokens, "token", spy)
    return given


def _forms(secret: str) -> list[str]:
    return [secret, base64.b64encode(f"x-access-token:{secret}".encode()).decode()]


@case("read a token from the arguments of a program", control="no arguments")
async def _(stage: Stage) -> None:
    tokens = _collected(stage)
    arguments: list[str] = []
    start = asyncio.create_subprocess_exec

    async def spy(*argv: str, **how: Any) -> asyncio.subprocess.Process:
        arguments.extend(argv)
        return await start(*argv, **how)

    stage.patch.setattr(asyncio, "create_subprocess_exec", spy)
    town = await stage.town()
    async with asked(town):
        pass
    line = "\n".join(map(str, arguments))
    assert tokens
    assert "fetch" in arguments
    holds(
        not [s for t in set(tokens) for s in _forms(t) if s in line],
        "every user of the machine reads a token",
    )


@case("read a token from a file", control="no files")
async def _(stage: Stage) -> None:
    tokens = _collected(stage)
    town = await stage.town()
    async with asked(town):
        kept = _everything_below(town)
    assert tokens
    holds(not [s for t in set(tokens) for s in _forms(t) if s.encode() in kept], "a token lies in a file")


@case("read a token from an error of git", control="git's words")
async def _(stage: Stage) -> None:
    async def token() -> str | None:
        return TOKEN

    async def complains(*_: Any, **__: Any) -> Completed:
        return Completed(128, b"", f"fatal: {_forms(TOKEN)[1]} {TOKEN} was not taken")

    mirror = await Mirror.open(stage.folder / "m.git", "https://example.com/x.git", token)
    stage.patch.setattr(Git, "run", complains)
    try:
        await mirror.fetch("+refs/heads/*:refs/heads/*")
    except GitError as error:
        holds(not [form for form in _forms(TOKEN) if form in str(error)], "an error tells a token")


@case("have the model's key kept in the audit by saying it", control="redaction")
async def _(stage: Stage) -> None:
    raw = CANARY.encode()
    words = f"{CANARY} {base64.b64encode(raw).decode()} {raw.hex()}"
    town = await stage.town([RIGHT, call("done", summary=words)])
    town.settings = town.settings.model_copy(update={"model_key": SecretStr(CANARY)})
    async with asked(town) as (_, issue):
        [record] = await town.jobs(issue)
    kept = await town.forge.git.run(town.repo, "log", "-p", f"refs/pushpals/jobs/{record.id}") + said(town)
    holds(not [form for form in words.split() if form in kept], "the key stands in the record")


@case("have the model shown a key, so that it can pass it on", control="discretion")
async def _(stage: Stage) -> None:
    raw = CANARY.encode()
    forms = [CANARY, base64.b64encode(raw).decode(), raw.hex()]
    files = {**FILES, "auth/names.py": f"# {' '.join(forms)}\n{FILES['auth/names.py']}"}
    town = await stage.town([call("read", path="auth/names.py"), RIGHT, call("done", summary="Done.")], files)
    town.settings = town.settings.model_copy(update={"model_key": SecretStr(CANARY)})
    async with asked(town):
        pass
    shown = str(town.model.asked)
    assert "isalnum" in shown
    holds(not [form for form in forms if form in shown], "the model is shown a key of this process")


@case("have a test print a token into the record", control="evidence without secrets")
async def _(stage: Stage) -> None:
    head, tail = TOKEN[:10], TOKEN[10:]
    loud = FILES["tests/test_names.py"] + f'\n\nprint("{head}" + "{tail}")\n'
    town = await stage.town(files={**FILES, "tests/test_names.py": loud})
    async with asked(town) as (_, issue):
        [record] = await town.jobs(issue)
    kept = await town.forge.git.run(town.repo, "log", "-p", f"refs/pushpals/jobs/{record.id}")
    assert "Ran 2 tests" in kept
    holds(TOKEN not in kept, "a token that a test knows stands in the record")


@case("read a key from the log", control="log without secrets")
async def _(stage: Stage) -> None:
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "asked with %s", (CANARY,), None)
    holds(CANARY not in RedactingFormatter(Redactor([CANARY])).format(record), "the log tells a key")


@case("forge a line of the log", control="one line")
async def _(stage: Stage) -> None:
    forged = "x\n2026-01-01 INFO pushpals: all is well\x1b[2J"
    record = logging.LogRecord("x", logging.INFO, "x", 1, "delivery %s", (forged,), None)
    shown = RedactingFormatter(Redactor()).format(record)
    holds("\n" not in shown and "\x1b" not in shown, "a stranger writes lines of the log")


@case("read the mirror of a private repository as another user", control="private folders")
async def _(stage: Stage) -> None:
    mirror = await Mirror.open(stage.folder / "mirrors" / "m.git", str(stage.folder), _nobody)
    holds(mirror.path.stat().st_mode & 0o077 == 0, "every user of the machine reads private code")


async def _nobody() -> str | None:
    return None


def _everything_below(town: Town) -> bytes:
    folder = town.folder / "state"
    return b"".join(
        path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )
