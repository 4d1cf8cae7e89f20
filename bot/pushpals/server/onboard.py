"""`pushpals init`: bring PushPals to one repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.audit.redact import Redactor
from pushpals.git import Identity, Mirror, RefMissing
from pushpals.github import PUSH, Endpoints, GitHub
from pushpals.loop.onboarding import BRANCH, NotOnboarded, bring, look
from pushpals.server import logs
from pushpals.server.settings import SettingsError
from pushpals.server.wiring import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.model import RepoRef
    from pushpals.server.settings import Settings

_AT = re.compile(r"(?P<owner>[A-Za-z0-9-]+)/(?P<name>[\w.-]+)@(?P<commit>[0-9a-f]{40})", re.ASCII)


@dataclass(frozen=True)
class Source:
    """Where PushPals itself lives, for the workflow that calls it."""

    repository: str
    commit: str

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read `OWNER/REPO@COMMIT`. Raises ValueError for anything else, such as a branch."""
        if not (found := _AT.fullmatch(text)):
            raise ValueError(f"{text!r} is not OWNER/REPO@COMMIT with all 40 characters of the commit")
        return cls(f"{found['owner']}/{found['name']}", found["commit"])

    def workflow(self) -> str:
        """Return the workflow file."""
        text = (files("pushpals.server") / "workflow.yml").read_text(encoding="utf-8")
        return text.replace("OWNER/pushpals", self.repository).replace("COMMIT", self.commit)


async def initialise(
    settings: Settings,
    ref: RepoRef,
    label: str,
    source: Source | None,
    say: Callable[[str], None],
    *,
    really: bool,
) -> int:
    """Open the onboarding pull request, or with `really` False only say what it would hold."""
    logs.set_up("WARNING", Redactor(settings.known_secrets()))
    endpoints = Endpoints.at(settings.github_url)
    async with GitHub(credentials(settings), endpoints) as github:
        client = github.repo(ref)
        path = settings.state / "mirrors" / ref.owner / f"{ref.name}.git"
        mirror = await Mirror.open(path, endpoints.git(ref), lambda: client.git_token(PUSH))
        try:
            made = await look(client, mirror, label)
        except RefMissing:
            raise SettingsError(f"{ref} has no commit yet. Push a first one, then run this again.") from None
        except NotOnboarded as problem:
            raise SettingsError(str(problem)) from None
        for line in prose.onboarding_lines(made.welcome.files, made.foretold):
            say(line)
        if not really:
            say(f"\nNothing was written. Without --dry-run this becomes a pull request from {BRANCH}.")
            return 0
        app = await github.app()
        author = Identity(app.bot_login, f"{app.id}+{app.bot_login}@users.noreply.github.com")
        try:
            url = await bring(made, client, mirror, author, source.workflow() if source else None)
        except NotOnboarded as problem:
            raise SettingsError(str(problem)) from None
    say("")
    if url is None:
        say(f"{ref} has all of it already. Label an issue `{made.label}`.")
    else:
        say(f"Read it and merge it: {url}")
        say(f"Then label an issue `{made.label}`.")
    return 0
