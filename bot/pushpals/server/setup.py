"""`pushpals setup`: make the GitHub App, keep its key, wait until it is installed, look at everything."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pushpals.audit.redact import Redactor
from pushpals.github import BadCredentials, Endpoints, GitHub, GitHubError, GitHubUnavailable
from pushpals.server import logs
from pushpals.server.doctor import examine
from pushpals.server.keeping import HalfKeptError, Keeping
from pushpals.server.settings import Settings, SettingsError, config_folder
from pushpals.server.setup_page import SetupPage
from pushpals.server.wiring import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.github import AppInfo, CreatedApp
    from pushpals.local.model import Progress

NOBODY_THERE = "https://pushpals.invalid/webhook"
"""Where GitHub sends webhooks that are read from its log (RFC 2606: no such host can ever be)."""
LOOK_EVERY = 3.0
"""Seconds between two looks whether the App is installed."""


@dataclass(frozen=True)
class Wanted:
    """What the person asks for."""

    github_url: str
    org: str | None = None
    webhook_url: str | None = None
    """None: the log of deliveries is read."""
    name: str | None = None
    port: int = 8767

    def __post_init__(self) -> None:
        """Raise ValueError for an address to which GitHub sends nothing."""
        if self.webhook_url is None:
            return
        parts = urlsplit(self.webhook_url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("must be an address that begins with https:// and holds no user or password")

    @property
    def app_name(self) -> str:
        """The App's name to begin with: names are taken on all of GitHub, and 34 characters long at most."""
        whose = re.sub(r"[^A-Za-z0-9-]", "", self.org or getpass.getuser())
        return (self.name or f"PushPals {whose}")[:34].strip()


async def set_up(
    wanted: Wanted,
    read: Callable[[], Settings],
    say: Callable[[str], None],
    progress: Progress,
    *,
    ask_model: bool = True,
) -> int:
    """Set up what is not set up yet; return the exit code. `read` gives the settings as they are now."""
    logs.set_up("WARNING", Redactor([]))
    keeping = Keeping(config_folder())
    async with contextlib.AsyncExitStack() as open_until_installed:
        await _made(keeping, wanted, read, say, open_until_installed)
        settings = read()
        await _installed(settings, say)
    well = await _doctor(settings, say, progress, ask_model=ask_model)
    say("")
    say("Next: pushpals serve" if well else "Mend what failed, then: pushpals doctor; pushpals serve")
    return 0 if well else 1


async def _made(
    keeping: Keeping,
    wanted: Wanted,
    read: Callable[[], Settings],
    say: Callable[[str], None],
    stack: contextlib.AsyncExitStack,
) -> None:
    """See that there is an App with its key and settings. A page that was needed is left open to `stack`."""
    if keeping.env.exists() or read().app_id is not None:
        where = keeping.env if keeping.env.exists() else "the environment"
        say(f"An App is configured in {where}. For another one, move it away, or set PUSHPALS_CONFIG.")
    else:
        keeping.prepare()
        if (left := keeping.app_without_settings()) is not None:
            say(f"The key of App {left} is here; going on where the last setup ended.")
            await _known(keeping, wanted, left)
            if wanted.webhook_url and not keeping.secret_of(left).exists():
                say("Its webhook's secret is not here, so GitHub's log of deliveries will be read instead.")
                say("To be told at once, give it a new secret: docs/setup.md, step 5.")
            _keep_settings(keeping, wanted, left)
        else:
            await _create(keeping, wanted, say, stack)


async def _create(
    keeping: Keeping, wanted: Wanted, say: Callable[[str], None], stack: contextlib.AsyncExitStack
) -> None:
    """Show the page until the App is there and its key is kept."""
    page = SetupPage(wanted.github_url, wanted.org, wanted.app_name, wanted.webhook_url or NOBODY_THERE)

    def keep(app: CreatedApp) -> None:
        keeping.keep(keeping.key_of(app.id), app.pem)
        try:
            if wanted.webhook_url:
                keeping.keep(keeping.secret_of(app.id), app.webhook_secret)
            _keep_settings(keeping, wanted, app.id)
        except SettingsError as error:
            raise HalfKeptError(str(error)) from None

    try:
        await page.open(wanted.port, keep)
    except OSError as error:
        raise SettingsError(
            f"The page cannot be at port {wanted.port} ({error.strerror}). Name a free one with --port."
        ) from None
    stack.push_async_callback(page.close)
    say(f"Open in your browser: {page.url}")
    port = urlsplit(page.url).port
    say(f"On another machine's browser, first: ssh -L {port}:127.0.0.1:{port} <this machine>")
    app = await page.created()
    say(f"App {app.id} is made: {app.html_url}")
    say(f"Its key is in {keeping.key_of(app.id)}, for you alone to read.")


async def _known(keeping: Keeping, wanted: Wanted, app_id: int) -> None:
    """See that GitHub knows the App by its key, before settings are written that nothing overwrites."""
    key = keeping.key_of(app_id)
    settings = Settings(github_url=wanted.github_url, app_id=app_id, private_key_file=key)
    try:
        async with GitHub(credentials(settings), Endpoints.at(wanted.github_url)) as github:
            await github.app()
    except BadCredentials:
        raise SettingsError(
            f"{wanted.github_url} knows no App {app_id} with the key {key}. If it was made elsewhere, "
            "name that with --github-url; if it was deleted, move the key away. Then run `pushpals setup` "
            "again."
        ) from None


def _keep_settings(keeping: Keeping, wanted: Wanted, app_id: int) -> None:
    settings = {
        "PUSHPALS_APP_ID": str(app_id),
        "PUSHPALS_PRIVATE_KEY_FILE": str(keeping.key_of(app_id)),
    }
    if wanted.github_url != "https://github.com":
        settings = {"PUSHPALS_GITHUB_URL": wanted.github_url, **settings}
    if (secret := keeping.secret_of(app_id)).exists():
        settings["PUSHPALS_WEBHOOK_SECRET_FILE"] = str(secret)
    else:
        settings["PUSHPALS_POLL"] = "true"
    keeping.keep_settings(settings)


async def _installed(settings: Settings, say: Callable[[str], None]) -> None:
    """Wait until the App is installed somewhere."""
    async with GitHub(credentials(settings), Endpoints.at(settings.github_url)) as github:
        app = await github.app()
        if await github.installations():
            return
        say(f"Now install it on the repositories it shall serve: {_install_page(settings, app)}")
        say("Waiting for that. (Ctrl-C ends; `pushpals setup` goes on from here.)")
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                if found := await github.installations():
                    break
            except GitHubUnavailable:
                continue  # it is asked again
            except GitHubError as error:
                raise SettingsError(f"Whether the App is installed could not be asked: {error}") from None
        say(f"Installed for {', '.join(one.account for one in found)}.")


def _install_page(settings: Settings, app: AppInfo) -> str:
    endpoints = Endpoints.at(settings.github_url)
    apps = "apps" if endpoints == Endpoints.github() else "github-apps"
    return f"{endpoints.web}/{apps}/{app.slug}/installations/new"


async def _doctor(
    settings: Settings, say: Callable[[str], None], progress: Progress, *, ask_model: bool
) -> bool:
    well = True
    say("")
    async for finding in examine(settings, progress, ask_model=ask_model):
        well &= finding.ok
        say("\n".join(finding.lines()))
    return well
