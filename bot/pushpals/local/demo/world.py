"""A small world on loopback: the forge, a repository with an issue, the App, the people."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from pushpals.audit.prose import PROGRESS_MARK
from pushpals.local.demo.policy import role_to_start, with_check
from pushpals.local.forge.server import Forge
from pushpals.local.forge.web import routes
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH, PolicyProblem, RepoPolicy
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


@dataclass
class World:
    """The forge with one repository, and what a PushPals process must know to serve it."""

    forge: Forge
    repo: Repo
    app: App
    settings: Settings
    policy: RepoPolicy | PolicyProblem
    """The repository's own, as it stands on the default branch."""

    @classmethod
    async def create(cls, folder: Path, settings: Settings, name: str, source: Path, port: int = 0) -> World:
        """Start a forge in `folder` with a copy of the repository (or folder) at `source`."""
        forge = await _start_forge(folder / "forge", port)
        for login in (OWNER, MAINTAINER, STRANGER):
            forge.create_user(login)
        repo = await forge.create_repo(OWNER, name, source)
        policy = parse_policy(await _policy_text(forge, repo))
        forge.set_role(repo, MAINTAINER, *role_to_start(policy))
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
        return cls(forge, repo, app, settings.model_copy(update=own), policy)

    def open_issue(self, title: str, body: str) -> Issue:
        """Open an issue as the maintainer."""
        return self.forge.create_issue(self.repo, MAINTAINER, title, body)

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{self.forge.url}/{OWNER}/{self.repo.name}"

    async def set_check(self, command: str) -> None:
        """Make `command` the repository's check in the policy on its default branch, and change no more.

        Raises SettingsError when that cannot be done.
        """
        policy = with_check(await _policy_text(self.forge, self.repo), command)
        await self.forge.push(self.repo, OWNER, {POLICY_PATH: policy})
        self.policy = parse_policy(policy)

    @property
    def label(self) -> str:
        """The label that starts work; the usual one where the policy cannot be read."""
        return (self.policy if isinstance(self.policy, RepoPolicy) else RepoPolicy()).trigger.label

    @property
    def patience(self) -> float:
        """Seconds in which a job has ended by its own budget: two attempts, then the checks and the rest."""
        policy = self.policy if isinstance(self.policy, RepoPolicy) else RepoPolicy()
        return 60 * (2 * policy.budget.minutes + 20)

    def last_job(self, issue: Issue) -> JobId | None:
        """Return the newest job of an issue, as its check runs tell."""
        names = {run.external_id or "" for run in self.forge.store.runs.values()}
        jobs = [name for name in names if name.partition("-")[0] == str(issue.number)]
        return max(jobs, key=lambda job: int(job.partition("-")[2]), default=None)

    def concluded(self, issue: Issue) -> bool:
        """True when the newest job of an issue has ended, as its check runs say, or none was started."""
        if any(not comment.startswith(PROGRESS_MARK) for comment in self.comments(issue)):
            return True
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


async def _policy_text(forge: Forge, repo: Repo) -> str | None:
    """Return the policy file of the default branch; None without one."""
    blob = await forge.git.resolve(repo, f"refs/heads/{repo.default_branch}:{POLICY_PATH}")
    return await forge.git.run(repo, "cat-file", "blob", blob) if blob else None


async def _start_forge(folder: Path, port: int) -> Forge:
    if port == 0:
        with contextlib.suppress(OSError):
            return await Forge.start(folder, port=USUAL_PORT, pages=routes)
    return await Forge.start(folder, port=port, pages=routes)
