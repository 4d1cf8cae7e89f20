"""`pushpals worker`: work on queued jobs, on any machine, with a server elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING

from pushpals.audit.redact import Redactor
from pushpals.loop.headless import Headless
from pushpals.sandbox import remove_tree
from pushpals.server import logs
from pushpals.server.wiring import open_all

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from pushpals.local.model import Progress
    from pushpals.loop.services import Event, Services
    from pushpals.model import RepoRef
    from pushpals.server.settings import Settings

log = logging.getLogger(__name__)

ALIVE = "alive"
"""File in the state folder that is touched after each look around."""


async def run_worker(
    settings: Settings,
    repositories: Sequence[RepoRef],
    say: Callable[[str], None],
    progress: Progress,
    *,
    once: bool = False,
) -> int:
    """Work until SIGTERM or SIGINT, which drain; a second one lets go at once. Returns the exit code.

    With `once` it ends when nothing waits any more. `repositories` empty: all of the App's.
    """
    logs.set_up(settings.log_level, Redactor(settings.known_secrets()), settings.log_format)
    # A server on the same machine has the folder itself.
    settings = settings.model_copy(update={"state": settings.state / "worker"})
    told = asyncio.Event()
    worker: Headless | None = None

    def on_signal() -> None:
        if told.is_set() and worker:
            worker.hurry()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    async with open_all(settings, progress, _log_event, headless=True) as services:
        name = services.holder.name
        say(f"{name} works for {', '.join(map(str, repositories)) or 'all repositories of the App'}")
        say(f"model {services.model.name} · sandbox {services.sandboxes.describe()} · state {settings.state}")
        worker = _worker(services, settings.state, repositories)
        working = asyncio.create_task(worker.run(once=once))
        stopping = asyncio.create_task(told.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if told.is_set():
            say(f"Stopping. Jobs under way have {settings.drain_seconds:g} s; a second signal ends them now.")
        left = await worker.stop(settings.drain_seconds)
        stopping.cancel()
        if not working.done():
            working.cancel()  # it waits for a network that does not answer
        with contextlib.suppress(asyncio.CancelledError):
            await working
        if left:
            say(f"{left} back in the queue, for others.")
    return 0


def _worker(services: Services, state: Path, given: Sequence[RepoRef]) -> Headless:
    async def repositories() -> Mapping[RepoRef, int | None]:
        found = dict.fromkeys(given) if given else await _installed(services)
        await _prune(state / "mirrors", found)
        return found

    return Headless(services, repositories, looked=(state / ALIVE).touch)


async def _installed(services: Services) -> dict[RepoRef, int | None]:
    found: dict[RepoRef, int | None] = {}
    for installation in await services.github.installations():
        if not installation.suspended:
            for ref in await services.github.repositories(installation.id):
                found[ref] = installation.id
    return found


async def _prune(mirrors: Path, wanted: Collection[RepoRef]) -> None:
    """Remove the mirrors of repositories that are no longer ours to look at."""
    kept = {(ref.owner, f"{ref.name}.git") for ref in wanted}
    for mirror in await asyncio.to_thread(lambda: sorted(mirrors.glob("*/*.git"))):
        if (mirror.parent.name, mirror.name) not in kept:
            log.info("the mirror %s/%s is removed", mirror.parent.name, mirror.name)
            with contextlib.suppress(OSError):
                await remove_tree(mirror)


def _log_event(event: Event) -> None:
    told = {"subject": str(event.ref), "job": event.job or "", "event": event.kind}
    log.info("%s %s %s: %s", event.ref, event.job or "-", event.kind, event.text, extra=told)
