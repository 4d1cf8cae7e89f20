"""A new machine, with an empty home and a forge that people open in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pushpals.local.forge.entities import Repo
from pushpals.local.forge.server import Forge
from pushpals.local.forge.web import routes
from tests.stories.town import FILES


@dataclass
class Home:
    """What a newcomer has: a home, a repository, and the command line."""

    folder: Path
    forge: Forge
    repo: Repo

    @property
    def config(self) -> Path:
        """Where setup keeps its files."""
        return self.folder / ".config" / "pushpals"

    @contextlib.asynccontextmanager
    async def pushpals(self, *arguments: str, **variables: str) -> AsyncIterator[Command]:
        """Run a command; it is ended with the block. Variables are given without their prefix."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "USER": "octo",
            "PUSHPALS_SANDBOX": "bubblewrap",
            **{f"PUSHPALS_{name}": value for name, value in variables.items()},
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pushpals", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            cwd=self.folder,
        )
        try:
            yield Command(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def setting(self, name: str) -> str | None:
        """Return a setting that setup wrote."""
        lines = (self.config / "env").read_text().splitlines()
        return next((line.partition("=")[2] for line in lines if line.startswith(f"{name}=")), None)


@dataclass
class Command:
    """A command as it runs."""

    process: asyncio.subprocess.Process
    said: str = ""

    async def line(self, beginning: str) -> str:
        """Wait for a line that begins so, and return the rest of it."""
        assert self.process.stdout
        async with asyncio.timeout(60.0):
            while text := (await self.process.stdout.readline()).decode():
                self.said += text
                if text.startswith(beginning):
                    return text.removeprefix(beginning).strip()
        raise AssertionError(f"{beginning!r} was not said:\n{self.said}")

    async def end(self) -> tuple[int, str]:
        """Wait for its end; return the exit code and all that it said."""
        out, _ = await self.process.communicate()
        self.said += out.decode()
        assert self.process.returncode is not None
        return self.process.returncode, self.said


async def settle_in(folder: Path, files: Mapping[str, str] = FILES) -> Home:
    """Make the home and the forge."""
    home = folder / "home"
    home.mkdir()
    forge = await Forge.start(folder / "forge", pages=routes)
    for login in ("octo", "ada"):
        forge.create_user(login)
    repo = await forge.create_repo("octo", "names", dict(files))
    forge.set_role(repo, "ada", "write")
    return Home(home, forge, repo)
