"""A small town for stories: forge, repository, people, PushPals server, scripted model. All real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from pushpals.git import Mirror
from pushpals.ledger import Ledger
from pushpals.local.forge import apps
from pushpals.local.forge.app_entities import App, CheckRun
from pushpals.local.forge.entities import Comment, Issue, PullRequest, Repo
from pushpals.local.forge.server import Forge
from pushpals.local.model import ChosenModel
from pushpals.loop.services import LEDGER_IDENTITY, Event
from pushpals.model import Hint, JobRecord, RepoRef, SubjectRef
from pushpals.sandbox import SandboxProvider
from pushpals.server.app import Server
from pushpals.server.door import Door
from pushpals.server.needs import APP_EVENTS, APP_PERMISSIONS
from pushpals.server.poll import Pace
from pushpals.server.settings import Settings
from pushpals.server.wiring import Parts, open_services
from tests.stories.scripted import Reply, ScriptedModel

LABEL = "agent:ready"
WRITES_PER_SECOND = 1000.0
"""The forge has no limit on writes, so a story need not wait for one."""
BUGGY = '''"""Names."""


def normalize_name(name):
    """Return the account name for what a person typed."""
    return "".join(c for c in name.strip().lower() if c.isalnum())
'''
FIXED = BUGGY.replace("if c.isalnum()", 'if c.isalnum() or c == "."')
TESTS = """import unittest

from auth.names import normalize_name


class Names(unittest.TestCase):
    def test_plain(self):
        self.assertEqual(normalize_name(" Ada "), "ada")

    def test_dot(self):
        self.assertEqual(normalize_name("ada.lovelace"), "ada.lovelace")
"""
FILES: Mapping[str, str] = {
    "auth/__init__.py": "",
    "auth/names.py": BUGGY,
    "tests/__init__.py": "",
    "tests/test_names.py": TESTS,
    "README.md": "# names\n",
}
FIX = "```python\n" + FIXED.split('"""Names."""\n\n\n')[1] + "```\n"
TITLE = "Login fails for names with a dot"
BODY = "When I sign up as `ada.lovelace`, I cannot log in afterwards: the name is not found."


@dataclass
class Town:
    """The town, with the things a story does and sees."""

    forge: Forge
    repo: Repo
    app: App
    settings: Settings
    model: ScriptedModel
    sandboxes: SandboxProvider
    folder: Path
    events: list[Event] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    chosen: ChosenModel | None = None
    """A real model to work with instead of the scripted one."""
    tools: bool = False
    """Whether the model takes tools as such."""

    @contextlib.asynccontextmanager
    async def server(self, poll: Pace | None = None) -> AsyncIterator[Server]:
        """Run a PushPals server in this process; several times one after the other is a restart.

        One that polls takes no webhooks, and leaves alone where they go.
        """
        chosen = self.chosen or ChosenModel(
            "scripted", "scripted", url=self.model.url, native_tools=self.tools
        )
        async with open_services(self.settings, Parts(chosen, self.sandboxes), self.note) as services:
            door = await Door.open(None if poll else self.settings.require_webhook_secret())
            server = Server.start(services, door, poll=poll)
            if poll is None:
                self.forge.set_webhook(self.app, f"{server.url}/webhook")
            try:
                yield server
            finally:
                await server.close()

    def note(self, event: Event) -> None:
        """Take in what a server or worker tells."""
        self.events.append(event)
        self.told.set()

    async def tells(self, text: str, seconds: float = 60.0, *, times: int = 1) -> None:
        """Wait until the server tells something with `text` in it, for the n-th time."""
        async with asyncio.timeout(seconds):
            while sum(text in event.text for event in self.events) < times:
                self.told.clear()
                await self.told.wait()

    def issue(self, title: str = TITLE, body: str = BODY, actor: str = "ada") -> Issue:
        """Open an issue."""
        return self.forge.create_issue(self.repo, actor, title, body)

    def label(self, issue: Issue, actor: str = "ada") -> None:
        """Add the label that starts work."""
        self.forge.add_label(issue, actor, LABEL)

    def watcher(self, events: Iterable[str]) -> App:
        """Return an App that is told of everything: on its deliveries GitHub would start workflows."""
        known = next((app for app in self.forge.store.apps.values() if app.slug == "watcher"), None)
        return known or self._watcher(events)

    def _watcher(self, events: Iterable[str]) -> App:
        app = apps.register(
            self.forge.store,
            "watcher",
            "Watcher",
            owner="octo",
            permissions={},
            events=events,
            webhook_url=None,
            webhook_secret="",
            public_key="",
        )
        self.forge.hooks.watch(app)
        self.forge.install(app, [self.repo])
        return app

    def pulls(self) -> list[PullRequest]:
        """Return all pull requests."""
        return sorted(self.forge.store.pulls.values(), key=lambda pull: pull.number)

    def comments(self, issue: Issue | PullRequest) -> list[Comment]:
        """Return the App's comments on an issue or pull request."""
        mine = (c for c in self.forge.store.comments.values() if c.number == issue.number)
        return [c for c in mine if c.author == "pushpals[bot]"]

    def comments_of(self, issue: Issue | PullRequest, author: str) -> str:
        """Return all that somebody wrote on an issue or pull request."""
        said = (c for c in self.forge.store.comments.values() if c.number == issue.number)
        return "\n".join(comment.body for comment in said if comment.author == author)

    def hint(self, issue: Issue | PullRequest) -> Hint:
        """Return a hint at an issue, as a late or repeated webhook would give."""
        return Hint(ref=SubjectRef(repo=RepoRef(owner="octo", name="names"), number=issue.number))

    async def refs(self) -> list[str]:
        """Return the names of all refs of the repository."""
        return sorted(await self.forge.git.refs(self.repo, "refs/"))

    async def jobs(self, issue: Issue) -> list[JobRecord]:
        """Return the records of an issue's jobs, read from the forge by git."""
        view = await (await self.ledger()).observe(issue.number, "main")
        return [entry.record for entry in view.jobs]

    async def ledger(self, token: str | None = None) -> Ledger:
        """Return the ledger of the repository, to be read by git, or with a token to be written too."""

        async def given() -> str | None:
            return token

        folder = self.folder / ("writer.git" if token else "reader.git")
        mirror = await Mirror.open(folder, f"{self.forge.url}/octo/names.git", given)
        return Ledger(mirror, LEDGER_IDENTITY)

    def checks(self) -> list[CheckRun]:
        """Return all check runs."""
        return list(self.forge.store.runs.values())

    async def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until something is true of the forge."""
        await self.forge.until(condition, timeout=seconds)

    async def concluded(self, issue: Issue, job: int = 1, *, seconds: float = 30.0) -> CheckRun:
        """Wait until a job's check runs are all completed; return the last."""
        name = f"PushPals / {issue.number}-{job}"

        def over() -> CheckRun | None:
            runs = [run for run in self.checks() if run.name == name]
            return runs[-1] if runs and all(run.status == "completed" for run in runs) else None

        found = await self.forge.until(over, timeout=seconds)
        assert found
        return found


async def build(
    folder: Path,
    sandboxes: SandboxProvider,
    replies: list[Reply],
    files: Mapping[str, str],
    host: str = "127.0.0.1",
) -> Town:
    """Build a town in `folder`; its forge and model listen at `host`."""
    forge = await Forge.start(folder / "forge", host)
    for login in ("octo", "ada", "sam"):
        forge.create_user(login)
    repo = await forge.create_repo("octo", "names", dict(files))
    forge.set_role(repo, "ada", "write")
    app, key = await forge.register_app(
        "pushpals",
        "PushPals",
        owner="octo",
        permissions=APP_PERMISSIONS,
        events=APP_EVENTS,
        webhook_secret="hush",
    )
    forge.install(app, [repo])
    model = await ScriptedModel(replies).start(host)
    settings = Settings(
        github_url=forge.url,
        app_id=app.id,
        private_key=SecretStr(key),
        webhook_secret=SecretStr("hush"),
        state=folder / "state",
        retry_factor=0.0,
        writes_per_second=WRITES_PER_SECOND,
    )
    return Town(forge, repo, app, settings, model, sandboxes, folder)
