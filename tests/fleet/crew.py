"""Workers in containers, as docs/scale.md starts them, on a network of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
from dataclasses import dataclass
from typing import Any

import docker

from tests.fleet.image import ROOT
from tests.fleet.network import Network
from tests.stories.town import Town

USER = 65532
HARD = (
    f"--user={USER}:{USER}",
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--security-opt=systempaths=unconfined",
    f"--security-opt=seccomp={ROOT / 'runner_image' / 'seccomp.json'}",
    "--network=none",  # `Network.join` gives it its one connection
)
"""The options that docs/scale.md explains: what bubblewrap needs, and no more."""


@dataclass
class Member:
    """One worker in its container."""

    name: str
    container: Any
    network: Network
    pid: int = 0
    address: str = ""

    async def start(self) -> None:
        """Start it, or start it again; its state is kept."""
        await asyncio.to_thread(self.container.start)
        await asyncio.to_thread(self.container.reload)
        self.pid = self.container.attrs["State"]["Pid"]
        self.address = self.network.join(self.pid)

    async def call(self, what: str, **options: object) -> None:
        """Do something to it: `kill`, `pause`, `unpause`, `stop`."""
        await asyncio.to_thread(lambda: getattr(self.container, what)(**options))

    def logs(self) -> str:
        """Return all that it said."""
        logs: bytes = self.container.logs()
        return logs.decode(errors="replace")

    async def exit_code(self) -> int:
        """Return what it ended with."""
        await asyncio.to_thread(self.container.reload)
        code: int = self.container.attrs["State"]["ExitCode"]
        return code


async def hire(
    client: docker.DockerClient,
    image: str,
    town: Town,
    network: Network,
    name: str,
    *command: str,
    **settings: str,
) -> Member:
    """Make a container, not started yet: a worker's, unless it is to run another `command`."""
    home = town.folder / name
    state, secrets = home / "state", home / "secrets"
    for folder in (state, secrets):
        folder.mkdir(parents=True)
    assert town.settings.private_key
    key = secrets / "app.pem"
    key.touch(mode=0o600)
    key.write_text(town.settings.private_key.get_secret_value())
    for path in (state, secrets, key):
        os.chown(path, USER, USER)
    environment = {
        "PUSHPALS_GITHUB_URL": town.forge.url,
        "PUSHPALS_APP_ID": str(town.app.id),
        "PUSHPALS_PRIVATE_KEY_FILE": "/run/secrets/app.pem",
        "PUSHPALS_MODEL_URL": town.model.url,
        "PUSHPALS_MODEL": "scripted",
        "PUSHPALS_WORKER_NAME": name,
        "PUSHPALS_JOBS": "1",
        "PUSHPALS_RECLAIM_SECONDS": "10",
        **settings,
    }

    create = [
        *("docker", "create", *HARD),
        *(f"--env={name}={value}" for name, value in environment.items()),
        f"--volume={state}:/var/lib/pushpals",
        f"--volume={secrets}:/run/secrets:ro",
        *(image, *(command or ("worker", "--repo", "octo/names"))),
    ]
    made = await asyncio.to_thread(subprocess.run, create, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return Member(name, await asyncio.to_thread(client.containers.get, made.stdout.strip()), network)
