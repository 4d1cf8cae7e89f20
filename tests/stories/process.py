"""`pushpals serve` as a process of its own, to be killed without warning."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.stories.town import Town


class Process:
    """One life of the server."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def line(self) -> str:
        """Return the next line that it says."""
        assert self.process.stdout
        return (await self.process.stdout.readline()).decode()

    def kill(self) -> None:
        """Kill it like a power cut would: no cleaning up."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)

    async def gone(self) -> int:
        """Wait until it has ended; return the exit code."""
        return await self.process.wait()


async def working(town: Town, folder: Path, token: str, *arguments: str) -> Process:
    """Start `pushpals worker` for the town's repository, with a plain token and nothing else of GitHub."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - a folder of the test
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PUSHPALS_GITHUB_URL": town.forge.url,
        "PUSHPALS_TOKEN": token,
        "PUSHPALS_STATE": str(folder / "state"),
        "PUSHPALS_MODEL_URL": town.model.url,
        "PUSHPALS_MODEL": "scripted",
        "PUSHPALS_SANDBOX": "bubblewrap",
        "PUSHPALS_WORKER_NAME": "shed",
    }
    with (folder / "worker.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pushpals", "worker", "--repo", "octo/names", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environment,
        )
    return Process(process, "")


@contextlib.asynccontextmanager
async def serving(town: Town, folder: Path, *, poll: bool = False) -> AsyncIterator[Process]:
    """Start the server, wait until it listens, and point the App's webhook at it, unless it polls."""
    key, secret = folder / "key.pem", folder / "secret"
    assert town.settings.private_key
    assert town.settings.webhook_secret
    for file, value in ((key, town.settings.private_key), (secret, town.settings.webhook_secret)):
        file.touch(mode=0o600)
        file.write_text(value.get_secret_value())
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PUSHPALS_GITHUB_URL": town.forge.url,
        "PUSHPALS_APP_ID": str(town.app.id),
        "PUSHPALS_PRIVATE_KEY_FILE": str(key),
        "PUSHPALS_WEBHOOK_SECRET_FILE": str(secret),
        "PUSHPALS_STATE": str(town.settings.state),
        "PUSHPALS_MODEL_URL": town.model.url,
        "PUSHPALS_MODEL": "scripted",
        "PUSHPALS_SANDBOX": "bubblewrap",
        "PUSHPALS_RETRY_FACTOR": "0",
        "PUSHPALS_WRITES_PER_SECOND": str(town.settings.writes_per_second),
        "PUSHPALS_PORT": "0",
    }
    if poll:
        del environment["PUSHPALS_WEBHOOK_SECRET_FILE"]
        environment |= {"PUSHPALS_POLL_QUICK_SECONDS": "0.5", "PUSHPALS_POLL_SLOW_SECONDS": "0.5"}
    with (folder / "server.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pushpals", "serve", *(["--poll"] if poll else [])),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environment,
        )
    assert process.stdout
    try:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("PushPals "), (folder / "server.log").read_text()
        url = line.split()[-1] if poll else line.split()[2]
        if not poll:
            town.forge.set_webhook(town.app, url)
        yield Process(process, url)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
