"""`pushpals serve` and `pushpals run`: the two ways to have this process do the work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING

from pushpals.audit.redact import Redactor
from pushpals.loop.decide import labelled
from pushpals.loop.engine import Engine
from pushpals.loop.observe import observe
from pushpals.model import ENDED, Hint, JobState
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.server import logs
from pushpals.server.app import Server
from pushpals.server.door import Door
from pushpals.server.wiring import Parts, open_model, open_sandbox, open_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.local.model import Progress
    from pushpals.loop.services import Event, Services
    from pushpals.model import SubjectRef
    from pushpals.server.settings import Settings

log = logging.getLogger(__name__)


async def serve(settings: Settings, say: Callable[[str], None], progress: Progress) -> int:
    """Serve webhooks until SIGTERM or SIGINT; return the exit code. `say` prints a line for the operator.

    It listens first: what webhooks hint at waits until sandbox and model are ready.
    """
    logs.set_up(settings.log_level, Redactor(settings.known_secrets()))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(settings, say, progress))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        say("Stopping. Work under way is taken up again at the next start.")
        serving.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    return 0


async def _serve(settings: Settings, say: Callable[[str], None], progress: Progress) -> None:
    async with contextlib.AsyncExitStack() as stack:
        door = await Door.open(settings.require_webhook_secret(), host=settings.host, port=settings.port)
        stack.push_async_callback(door.close)
        say(f"PushPals serves {door.url}/webhook for {settings.github_url}")
        services = await _open(stack, settings, progress, _log_event)
        server = Server.start(services, door, reconcile_seconds=settings.reconcile_seconds)
        stack.push_async_callback(server.close)
        say(f"model {services.model.name} · sandbox {services.sandboxes.describe()} · state {settings.state}")
        await server.run()


async def _open(
    stack: contextlib.AsyncExitStack, settings: Settings, progress: Progress, watch: Callable[[Event], None]
) -> Services:
    sandboxes = await open_sandbox(settings)
    model = await open_model(settings, progress)
    stack.push_async_callback(model.close)
    return await stack.enter_async_context(open_services(settings, Parts(model, sandboxes), watch))


def _log_event(event: Event) -> None:
    log.info("%s %s %s: %s", event.ref, event.job or "-", event.kind, event.text)


async def run_once(
    settings: Settings,
    ref: SubjectRef,
    say: Callable[[str], None],
    progress: Progress,
    watch: Callable[[Event], None],
) -> int:
    """Do all that is owed to one issue, here and now; return the exit code.

    The issue must carry the label already: this command asks for nothing in a person's name. Nothing is tried
    again here that failed on the way to GitHub: its error is raised, and the next run goes on.
    """
    logs.set_up("WARNING", Redactor(settings.known_secrets()))
    async with contextlib.AsyncExitStack() as stack:
        services = await _open(stack, settings, progress, watch)
        await _until_quiet(services, Hint(ref=ref))
        return await _verdict(services, ref, say)


async def _until_quiet(services: Services, hint: Hint) -> None:
    """Handle `hint`, and again whenever its job moves, until nothing is owed and nobody works."""
    moved = asyncio.Event()

    async def tell(_hint: Hint) -> None:
        moved.set()

    engine = Engine(services, tell)
    try:
        while True:
            moved.clear()
            wake = await engine.handle(hint)
            if wake is None and not moved.is_set() and not engine.crew.working(hint.ref.repo):
                return
            pause = None if wake is None else max(0.0, (wake - services.clock.now()).total_seconds())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), pause)
    finally:
        await engine.close()


async def _verdict(services: Services, ref: SubjectRef, say: Callable[[str], None]) -> int:
    """Say how the issue stands, as GitHub and the ledger tell."""
    repo = await services.repo(Hint(ref=ref))
    s = await observe(services, repo, ref)
    if not s.ledger.jobs:
        label = s.policy.trigger.label if isinstance(s.policy, RepoPolicy) else "agent:ready"
        if labelled(s.view, label):
            say(f"{s.view.url} was not started; the reason is on the issue.")
        else:
            say(f"{s.view.url} does not carry the label {label}. Add it there, then run this again.")
        return 1
    job = s.ledger.jobs[-1].record
    pulls = s.view.pulls.get(job.branch, ())
    say(f"{job.id} {job.state}" + (f": {pulls[-1].url}" if pulls else ""))
    if job.failure:
        say(f"{job.failure.cause}\n{job.failure.next_step}")
    return 0 if job.state in {JobState.PUBLISHED, JobState.MERGED} or job.state not in ENDED else 1
