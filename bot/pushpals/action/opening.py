"""What each job of a run opens: at home GitHub and no sandbox, on the way a sandbox and no GitHub."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pushpals.action.runner import Runner
from pushpals.audit.redact import Redactor
from pushpals.github import Endpoints, GitHub, TokenAuth
from pushpals.llm import ChatModel, Completion, Message, ModelError, Sampling, ToolSpec
from pushpals.llm.api import GREEDY
from pushpals.loop.services import Config, Event, Services
from pushpals.sandbox import Limits, Sandbox, SandboxProvider, SandboxUnavailable
from pushpals.server.settings import Settings
from pushpals.server.wiring import credentials, open_model

AWAY = timedelta(hours=3)
"""How long a run may take from claim to publication, waiting for runners included: the jobs' own limits are
below it (`.github/workflows/agent.yml`). Then another run takes the job over."""
_NOT_FETCHED = frozenset({"embedded", "replay"})


class NoSandbox:
    """The sandbox of a job that runs nothing, since a token that writes is in reach there."""

    name: Literal["bubblewrap"] = "bubblewrap"

    def describe(self) -> str:
        """Say so."""
        return "none"

    async def check(self) -> None:
        """Refuse."""
        raise SandboxUnavailable("This job of the workflow runs nothing; its other jobs do that.")

    async def open(self, _workspace: Path, _limits: Limits) -> Sandbox:
        """Refuse."""
        raise SandboxUnavailable("This job of the workflow runs nothing; its other jobs do that.")


class NoModel:
    """The model of a job that has none."""

    name = "none"
    native_tools = False
    context_tokens = 8_192
    fills = False

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Refuse."""
        raise self._none(prefix, suffix, sampling)

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        """Refuse."""
        raise self._none(messages, tools, sampling)

    async def close(self) -> None:
        """Do nothing."""

    def _none(self, *_asked: object) -> ModelError:
        return ModelError(
            "unavailable",
            "No model is configured for what is answered without a worker.",
            "Give the workflow `model-url`, and the secret `model-key` where it needs one.",
        )


@contextlib.asynccontextmanager
async def at_home(runner: Runner, settings: Settings, *, capacity: int) -> AsyncIterator[Services]:
    """Open what a job has that may write to GitHub: it runs nothing. Raises SettingsError, ModelError."""
    endpoints = Endpoints.at(settings.github_url)
    github = GitHub(
        credentials(settings),
        endpoints,
        writes_per_second=settings.writes_per_second,
        creations_per_hour=settings.creations_per_hour,
    )
    chat: ChatModel = NoModel()
    # The embedded model would have to be fetched for every comment; it works for the agent alone.
    if settings.model_url or settings.model_api_key():
        chat = (await open_model(settings)).connect()
    config = Config(
        state=settings.state,
        endpoints=endpoints,
        capacity=capacity,
        away=AWAY,
        works_for=frozenset({"inline", "actions"}),
        retry_factor=settings.retry_factor,
    )
    try:
        yield _services(settings, github, chat, NoSandbox(), config, runner)
    finally:
        await github.close()
        await chat.close()


@contextlib.asynccontextmanager
async def on_the_way(
    runner: Runner, settings: Settings, chat: ChatModel, sandboxes: SandboxProvider
) -> AsyncIterator[Services]:
    """Open what a job has that runs what people and models want to run: it knows no GitHub."""
    endpoints = Endpoints.at(settings.github_url)
    config = Config(
        state=settings.state, endpoints=endpoints, reviews=False, retry_factor=settings.retry_factor
    )
    github = GitHub(TokenAuth(""), endpoints)
    try:
        yield _services(settings, github, chat, sandboxes, config, runner)
    finally:
        await github.close()
        await chat.close()


def _services(
    settings: Settings,
    github: GitHub,
    chat: ChatModel,
    sandboxes: SandboxProvider,
    config: Config,
    runner: Runner,
) -> Services:
    def watch(event: Event) -> None:
        text = " ".join(event.text.split())  # a line of its own could be a command to the runner
        sys.stdout.write(f"{event.ref} {event.job or '-'} {event.kind}: {text}\n")

    redactor = Redactor(settings.known_secrets())
    return Services(github, chat, sandboxes, config, runner.holder, watch=watch, redactor=redactor)
