"""Looking at repositories without a server: GitHub as the App, and mirrors to read ledgers from."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.git import Mirror
from pushpals.github import OBSERVE, PUSH, AppAuth, Endpoints, GitHub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pushpals.github import RepoClient
    from pushpals.model import RepoRef
    from pushpals.server.settings import Settings


@dataclass(frozen=True)
class Library:
    """GitHub, and the folder of mirrors. A running server may use the same folder at the same time."""

    github: GitHub
    endpoints: Endpoints
    mirrors: Path

    async def installed(self) -> dict[RepoRef, int]:
        """Return every repository the App is installed on, and the installation that gives it."""
        found: dict[RepoRef, int] = {}
        for installation in await self.github.installations():
            if not installation.suspended:
                for ref in await self.github.repositories(installation.id):
                    found[ref] = installation.id
        return found

    async def open(
        self, ref: RepoRef, installation: int | None = None, *, writes: bool = False
    ) -> tuple[RepoClient, Mirror]:
        """Return the calls on a repository, which only read, and its mirror; `writes`: one that can push."""
        client = self.github.repo(ref, installation, permissions=OBSERVE)
        permissions = PUSH if writes else OBSERVE
        path = self.mirrors / ref.owner / f"{ref.name}.git"
        mirror = await Mirror.open(path, self.endpoints.git(ref), lambda: client.git_token(permissions))
        return client, mirror


@contextlib.asynccontextmanager
async def open_library(settings: Settings) -> AsyncIterator[Library]:
    """Open GitHub as the App; raises SettingsError for what is not configured."""
    endpoints = Endpoints.at(settings.github_url)
    auth = AppAuth(settings.require_app_id(), settings.require_private_key())
    async with GitHub(auth, endpoints) as github:
        yield Library(github, endpoints, settings.state / "mirrors")
