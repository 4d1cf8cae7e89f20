"""`pushpals doctor`: look at each thing the other commands need, and say the remedy for what fails."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.github import AppAuth, BadCredentials, Endpoints, GitHub, GitHubError, TokenAuth
from pushpals.llm import Message, ModelError, Sampling
from pushpals.sandbox import SandboxUnavailable, UnsafeExtraPath
from pushpals.server.needs import APP_EVENTS, APP_PERMISSIONS
from pushpals.server.settings import SettingsError
from pushpals.server.wiring import credentials, open_model, open_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from pushpals.github import AppInfo, Installation, Permissions
    from pushpals.local.model import Progress
    from pushpals.server.settings import Settings

GIVEN_COSTS = (
    "1,000 requests an hour for the repository; CI on its pull requests does not start by itself; no buttons"
)
"""GitHub documentation, "Rate limits for the REST API" and "GITHUB_TOKEN"."""
APP_COSTS = "5,000 requests an hour or more; CI on its pull requests starts; buttons work"
OLDEST_GIT = (2, 38)
"""The first that merges without a workspace."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` says what to do when it is not well."""

    name: str
    ok: bool
    text: str
    remedy: str = ""

    def lines(self) -> list[str]:
        """Return what the terminal shows: the finding, and the remedy below where it is not well."""
        remedy = [] if self.ok else [f"      {line}" for line in self.remedy.splitlines()]
        return [f"{'ok  ' if self.ok else 'FAIL'}  {self.name:<15} {self.text}", *remedy]


async def examine(
    settings: Settings, progress: Progress, *, ask_model: bool = True
) -> AsyncIterator[Finding]:
    """Yield what is found, one thing at a time; later things are looked at whatever came before."""
    yield await _git()
    yield await _sandbox(settings)
    if ask_model:
        yield await _model(settings, progress)
    yield _state(settings)
    auth = _given_token(settings)
    if auth is None and not settings.poll:
        yield _webhook_secret(settings)
    async for finding in _app(settings) if auth is None else _token(settings, auth):
        yield finding


async def _git() -> Finding:
    found = shutil.which("git")
    if found is None:
        return Finding("git", ok=False, text="not found", remedy="Install git, 2.38 or newer.")
    process = await asyncio.create_subprocess_exec(found, "--version", stdout=asyncio.subprocess.PIPE)
    words = (await process.communicate())[0].decode(errors="replace").split()
    version = words[2] if len(words) > 2 else "0"  # noqa: PLR2004 - `git version 2.39.5`
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return Finding("git", ok=numbers >= OLDEST_GIT, text=version, remedy="Install git 2.38 or newer.")


async def _sandbox(settings: Settings) -> Finding:
    try:
        provider = await open_sandbox(settings)
    except (SandboxUnavailable, UnsafeExtraPath) as error:
        first, _, rest = str(error).partition("\n")
        return Finding("sandbox", ok=False, text=first, remedy=rest or "Check PUSHPALS_SANDBOX_PATHS.")
    return Finding("sandbox", ok=True, text=provider.describe())


async def _model(settings: Settings, progress: Progress) -> Finding:
    try:
        chosen = await open_model(settings, progress)
    except ModelError as error:
        return Finding("model", ok=False, text=error.what, remedy=error.remedy)
    except SettingsError as error:
        return Finding("model", ok=False, text="its key cannot be read", remedy=str(error))
    if chosen.recording is not None:
        return Finding("model", ok=True, text=chosen.description)  # it knows the demo's questions only
    chat = chosen.connect()
    try:
        answer = await chat.complete(
            [Message("user", "Answer with the word ready.")], sampling=Sampling(max_tokens=8)
        )
    except ModelError as error:
        return Finding("model", ok=False, text=error.what, remedy=error.remedy)
    finally:
        await chat.close()
        await chosen.close()
    return Finding("model", ok=True, text=f"{chosen.description}, answered in {answer.seconds:.1f} s")


def _state(settings: Settings) -> Finding:
    name, folder = "state", settings.state
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / ".doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        remedy = "Set PUSHPALS_STATE to a folder this user can write."
        return Finding(name, ok=False, text=f"{folder}: {error.strerror}", remedy=remedy)
    free = shutil.disk_usage(folder).free / 1e9
    return Finding(name, ok=free > 1, text=f"{folder}, {free:.0f} GB free", remedy="Free a gigabyte or more.")


def _webhook_secret(settings: Settings) -> Finding:
    name = "webhook secret"
    try:
        secret = settings.require_webhook_secret()
    except SettingsError as error:
        return Finding(name, ok=False, text="not there", remedy=str(error))
    if problem := _readable_by_others(settings.webhook_secret_file):
        return Finding(name, ok=False, text=problem, remedy=f"chmod 600 {settings.webhook_secret_file}")
    long_enough = len(secret) >= 16  # noqa: PLR2004
    remedy = "Use a random secret of 32 characters or more, here and in the App's settings."
    return Finding(name, ok=long_enough, text="set" if long_enough else "too short", remedy=remedy)


def _readable_by_others(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        mode = file.stat().st_mode
    except OSError:
        return None
    return f"{file} can be read by others" if mode & (stat.S_IRWXG | stat.S_IRWXO) else None


def _given_token(settings: Settings) -> TokenAuth | None:
    """Return the token that is used where no App is configured, if one is given."""
    try:
        auth = credentials(settings)
    except SettingsError:
        return None
    return auth if isinstance(auth, TokenAuth) else None


async def _token(settings: Settings, auth: TokenAuth) -> AsyncIterator[Finding]:
    async with GitHub(auth, Endpoints.at(settings.github_url)) as github:
        try:
            repos = await github.repositories(0)
        except GitHubError as error:
            remedy = f"Give the job's GITHUB_TOKEN as PUSHPALS_TOKEN, or an App. {error}"
            yield Finding("token", ok=False, text="refused", remedy=remedy)
            return
    yield Finding("token", ok=True, text=f"for {', '.join(map(str, repos))}")
    yield Finding("costs", ok=True, text=GIVEN_COSTS)


async def _app(settings: Settings) -> AsyncIterator[Finding]:
    try:
        auth = AppAuth(settings.require_app_id(), settings.require_private_key())
    except SettingsError as error:
        yield Finding("App key", ok=False, text="not configured", remedy=str(error))
        return
    if problem := _readable_by_others(settings.private_key_file):
        yield Finding("App key file", ok=False, text=problem, remedy=f"chmod 600 {settings.private_key_file}")
    async with GitHub(auth, Endpoints.at(settings.github_url)) as github:
        try:
            app = await github.app()
        except BadCredentials as error:
            yield Finding("App key", ok=False, text="refused", remedy=str(error))
            return
        except GitHubError as error:
            yield Finding(
                "GitHub", ok=False, text=str(error), remedy="Check PUSHPALS_GITHUB_URL and the network."
            )
            return
        yield Finding("App key", ok=True, text=f"{app.slug} (App {app.id})")
        yield Finding("costs", ok=True, text=APP_COSTS)
        yield _permissions(app)
        yield _events(app)
        if settings.poll:
            yield await _log(github)
        try:
            installations = await github.installations()
        except GitHubError as error:
            yield Finding("installations", ok=False, text="not told", remedy=str(error))
            return
        yield _installations(installations)


def _lacking(granted: Permissions) -> str:
    """Return which permissions are missing, in words; empty when none is."""
    missing = [
        f"{name}: {level}"
        for name, level in APP_PERMISSIONS.items()
        if granted.get(name) not in {level, "write"}  # to write includes to read
    ]
    return ", ".join(missing)


def _permissions(app: AppInfo) -> Finding:
    lacking = _lacking(app.permissions)
    remedy = f"Grant {lacking} in the App's settings, then accept it for each installation."
    return Finding("permissions", ok=not lacking, text="missing" if lacking else "granted", remedy=remedy)


def _events(app: AppInfo) -> Finding:
    missing = ", ".join(sorted(set(APP_EVENTS) - set(app.events)))
    remedy = f"Subscribe to {missing} in the App's settings."
    return Finding("events", ok=not missing, text="missing" if missing else "subscribed", remedy=remedy)


async def _log(github: GitHub) -> Finding:
    """Tell whether there is a log of deliveries to read: GitHub keeps one only of what it tries to send."""
    name, remedy = (
        "deliveries",
        "Make the App's webhook active, with any address: https://pushpals.invalid does.",
    )
    try:
        if not await github.webhook_url():
            return Finding(name, ok=False, text="none: the App has no webhook", remedy=remedy)
        async with contextlib.aclosing(github.deliveries()) as deliveries:
            async for newest in deliveries:
                return Finding(
                    name, ok=True, text=f"the newest is of {newest.delivered_at:%Y-%m-%d %H:%M} UTC"
                )
    except GitHubError as error:
        return Finding(name, ok=False, text="not told", remedy=str(error))
    return Finding(name, ok=True, text="none in the last three days")


def _installations(installations: Sequence[Installation]) -> Finding:
    """Tell where the App is; permissions that were added to it later hold only where they were accepted."""
    name, accounts = "installations", ", ".join(installation.account for installation in installations)
    if not installations:
        remedy = "Install the App on a repository (its public page has the button)."
        return Finding(name, ok=False, text="none", remedy=remedy)
    behind = [
        f"{installation.account} ({lacking})"
        for installation in installations
        if not installation.suspended and (lacking := _lacking(installation.permissions))
    ]
    remedy = f"Accept the App's new permissions, on the installation's page, for {', '.join(behind)}."
    return Finding(name, ok=not behind, text=accounts, remedy=remedy)
