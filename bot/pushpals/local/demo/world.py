"""A small world on loopback: the forge, a repository with an issue, the App, the people."""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from pushpals.local.forge.server import Forge
from pushpals.local.forge.web import routes
from pushpals.policy.repo_policy import POLICY_PATH
from pushpals.server.needs import APP_EVENTS, APP_PERMISSIONS

if TYPE_CHECKING:
    from pathlib import Path

    from pushpals.local.forge.app_entities import App, CheckRun
    from pushpals.local.forge.entities import Issue, PullRequest, Repo
    from pushpals.model import JobId
    from pushpals.server.settings import Settings

USUAL_PORT = 8610
"""Taken when it is free and no other was asked for, so that an address in a browser stays good."""

OWNER = "octo"
MAINTAINER = "ada"
STRANGER = "sam"
LABEL = "agent:ready"


@dataclass
class World:
    """The forge with one repository, and what a PushPals process must know to serve it."""

    forge: Forge
    repo: Repo
    app: App
    settings: Settings

    @classmethod
    async def create(cls, folder: Path, settings: Settings, name: str, source: Path, port: int = 0) -> World:
        """Start a forge in `folder` with a copy of the repository (or folder) at `source`."""
        forge = await _start_forge(folder / "forge", port)
        for login in (OWNER, MAINTAINER, STRANGER):
            forge.create_user(login)
        repo = await forge.create_repo(OWNER, name, source)
        forge.set_role(repo, MAINTAINER, "maintain")
        secret = secrets.token_urlsafe(32)
        app, key = await forge.register_app(
            "pushpals",
            "PushPals",
            owner=OWNER,
            permissions=APP_PERMISSIONS,
            events=APP_EVENTS,
            webhook_secret=secret,
        )
        forge.install(app, [repo])
        own = {
            "github_url": forge.url,
            "app_id": app.id,
            "private_key": SecretStr(key),
            "private_key_file": None,
            "webhook_secret": SecretStr(secret),
            "webhook_secret_file": None,
            "state": folder / "state",
        }
        return cls(forge, repo, app, settings.model_copy(update=own))

    def open_issue(self, title: str, body: str) -> Issue:
        """Open an issue as the maintainer."""
        return self.forge.create_issue(self.repo, MAINTAINER, title, body)

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{self.forge.url}/{OWNER}/{self.repo.name}"

    async def set_check(self, command: str) -> None:
        """Make `command` the repository's check, as a policy file on its default branch."""
        policy = json.dumps({"checks": [command]}) + "\n"
        await self.forge.push(self.repo, MAINTAINER, {POLICY_PATH: policy})

    def last_job(self, issue: Issue) -> JobId | None:
        """Return the newest job of an issue, as its check runs tell."""
        names = {run.external_id or "" for run in self.forge.store.runs.values()}
        jobs = [name for name in names if name.partition("-")[0] == str(issue.number)]
        return max(jobs, key=lambda job: int(job.partition("-")[2]), default=None)

    def concluded(self, issue: Issue) -> bool:
        """True when the newest job of an issue has come to its end, and all its check runs say so."""
        job = self.last_job(issue)
        runs = [run for run in self.forge.store.runs.values() if job and run.external_id == job]
        return bool(runs) and all(run.status == "completed" for run in runs)

    def pull_of(self, job: JobId) -> PullRequest | None:
        """Return the open pull request of a job."""
        pulls = self.forge.store.pulls.values()
        return next(
            (pull for pull in pulls if pull.head_ref.endswith(f"/{job}") and pull.state == "open"), None
        )

    def check_on(self, commit: str, job: JobId) -> CheckRun | None:
        """Return the job's check run on a commit."""
        runs = self.forge.store.runs.values()
        return next((run for run in runs if run.head_sha == commit and run.external_id == job), None)

    def comments(self, issue: Issue) -> list[str]:
        """Return what PushPals wrote on an issue."""
        comments = self.forge.store.comments.values()
        return [c.body for c in comments if c.number == issue.number and c.author == f"{self.app.slug}[bot]"]


async def _start_forge(folder: Path, port: int) -> Forge:
    if port == 0:
        with contextlib.suppress(OSError):
            return await Forge.start(folder, port=USUAL_PORT, pages=routes)
    return await Forge.start(folder, port=port, pages=routes)
