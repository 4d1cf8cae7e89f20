"""`python -m pushpals.action STEP`: one step of the composite action."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping

from pushpals.action.at_home import observe, publish
from pushpals.action.on_the_way import check, take, work
from pushpals.action.runner import Runner
from pushpals.audit.redact import Redactor
from pushpals.git import GitError
from pushpals.github import GitHubError
from pushpals.ledger import LedgerError
from pushpals.llm import ModelError
from pushpals.sandbox import SandboxUnavailable
from pushpals.server import logs
from pushpals.server.settings import Settings, SettingsError

STEPS: Mapping[str, Callable[[Runner, Settings], Awaitable[int]]] = {
    "observe": observe,
    "take": take,
    "work": work,
    "check": check,
    "publish": publish,
}


def main(arguments: list[str]) -> int:
    """Run one step and return its exit code; what went wrong is told on the run's page."""
    if len(arguments) != 1 or arguments[0] not in STEPS:
        sys.stderr.write(f"usage: python -m pushpals.action {{{','.join(STEPS)}}}\n")
        return 2
    runner = Runner.of(os.environ)
    settings = Settings(state=runner.folder / "state")
    logs.set_up("INFO", Redactor(settings.known_secrets()))
    try:
        return asyncio.run(_run(arguments[0], runner, settings))
    except (
        GitError,
        GitHubError,
        LedgerError,
        ModelError,
        SandboxUnavailable,
        SettingsError,
    ) as error:
        runner.error(str(error))
        return 1


async def _run(step: str, runner: Runner, settings: Settings) -> int:
    return await STEPS[step](runner, settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
