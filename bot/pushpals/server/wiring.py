"""From settings to running services: every door opens the adapters here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from pushpals.audit.redact import Redactor
from pushpals.github import AppAuth, Endpoints, GitHub, TokenAuth
from pushpals.llm import RecordingModel
from pushpals.local.model import ChosenModel, Surroundings, Wanted, choose_model
from pushpals.loop.services import Config, Services, StateLock
from pushpals.sandbox import choose as choose_sandbox
from pushpals.sandbox import remove_tree
from pushpals.server.measured import MeasuredModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pushpals.llm import ChatModel, Completion
    from pushpals.local.model import Progress
    from pushpals.loop.services import Event
    from pushpals.policy.repo_policy import Dispatch
    from pushpals.sandbox import SandboxProvider
    from pushpals.server.settings import Settings


def cache_folder() -> Path:
    """Return where downloads are kept: `PUSHPALS_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("PUSHPALS_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pushpals"


async def open_model(settings: Settings, progress: Progress | None = None) -> ChosenModel:
    """Return the model named, else one on this machine, else the embedded one. Raises ModelError."""
    key = settings.model_api_key()
    wanted = Wanted(
        url=settings.model_url,
        name=settings.model,
        openai_url=os.environ.get("OPENAI_BASE_URL") or None,
        api_key=SecretStr(key) if key else None,
    )
    return await choose_model(wanted, Surroundings(cache_folder(), dict(os.environ)), progress=progress)


def credentials(settings: Settings) -> AppAuth | TokenAuth:
    """Return the App's id and key, or the token given where no App is. Raises SettingsError for neither."""
    if settings.app_id is None and settings.token and settings.token.get_secret_value():
        return TokenAuth(settings.token.get_secret_value())
    return AppAuth(settings.require_app_id(), settings.require_private_key())


async def open_sandbox(settings: Settings) -> SandboxProvider:
    """Return a sandbox that was seen to work. Raises SandboxUnavailable, naming both remedies."""
    return await choose_sandbox(settings.sandbox, settings.sandbox_image, settings.extra_paths())


@dataclass(frozen=True)
class Parts:
    """What services are made of, when a door has some of it already."""

    model: ChosenModel
    sandboxes: SandboxProvider
    record: Path | None = None
    """Where to keep a recording of what the model answers, if anywhere."""


@dataclass(frozen=True)
class Gauges:
    """Who is told what goes on, to count it."""

    github_request: Callable[[str, str], None] = lambda _kind, _name: None
    model_called: Callable[[Completion | None], None] | None = None
    """Told of each answer; None for a call that failed."""
    opened: Callable[[str], None] = lambda _stage: None
    """Told when the sandbox, and when the model is there."""


NOBODY = Gauges()
HEARTBEAT = 45.0
"""Seconds between two moves of a record while it is worked on; less where claims are taken over sooner."""
INLINE: frozenset[Dispatch] = frozenset({"inline"})


@contextlib.asynccontextmanager
async def open_all(
    settings: Settings,
    progress: Progress,
    watch: Callable[[Event], None],
    gauges: Gauges = NOBODY,
    *,
    works_for: frozenset[Dispatch] = INLINE,
    headless: bool = False,
) -> AsyncIterator[Services]:
    """Open sandbox, model and services; close them when done. Raises what each of them raises."""
    sandboxes = await open_sandbox(settings)
    gauges.opened("sandbox")
    model = await open_model(settings, progress)
    gauges.opened("model")
    try:
        parts = Parts(model, sandboxes)
        async with open_services(
            settings, parts, watch, gauges, works_for=works_for, headless=headless
        ) as services:
            yield services
    finally:
        await model.close()


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings,
    parts: Parts,
    watch: Callable[[Event], None] = lambda _event: None,
    gauges: Gauges = NOBODY,
    *,
    works_for: frozenset[Dispatch] = INLINE,
    headless: bool = False,
) -> AsyncIterator[Services]:
    """Open GitHub, the model and the state folder; close what was opened when done.

    `works_for`: which jobs are worked on, by where policies send them. `headless`: those for workers alone,
    and whoever queued one goes on with it.
    Raises SettingsError for what is not configured and StateBusy when another process has the folder.
    """
    endpoints = Endpoints.at(settings.github_url)
    auth = credentials(settings)
    lock = StateLock.take(settings.state)
    for leftover in ("work", "scratch"):  # of a life that ended without cleaning up: the lock says it is over
        if (settings.state / leftover).exists():
            await remove_tree(settings.state / leftover)
    chat: ChatModel = parts.model.connect()
    if parts.record is not None:
        chat = RecordingModel(chat, parts.record)
    if gauges.model_called is not None:
        chat = MeasuredModel(chat, gauges.model_called)
    github = GitHub(
        auth,
        endpoints,
        on_request=gauges.github_request,
        writes_per_second=settings.writes_per_second,
        creations_per_hour=settings.creations_per_hour,
    )
    config = Config(
        state=settings.state,
        endpoints=endpoints,
        capacity=settings.jobs,
        retry_factor=settings.retry_factor,
        reclaim_after=settings.reclaim_seconds,
        heartbeat=min(HEARTBEAT, settings.reclaim_seconds / 10),
        works_for=frozenset({"worker"}) if headless else works_for,
        headless=headless,
    )
    holder = lock.holder
    if headless:
        name = settings.worker_name or f"worker-{holder.instance[:6]}"
        holder = holder.model_copy(update={"name": name})
    redactor = Redactor(settings.known_secrets())
    try:
        yield Services(github, chat, parts.sandboxes, config, holder, watch=watch, redactor=redactor)
    finally:
        await github.close()
        await chat.close()
        lock.release()
