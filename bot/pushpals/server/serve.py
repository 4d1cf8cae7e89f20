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
from pushpals.server.queue import HintQueue
from pushpals.server.wiring import Parts, open_model, open_sandbox, open_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.local.model import Progress
    from pushpals.loop.services import Event, Services
    from pushpals.model import SubjectRef
    from pushpals.server.settings import Settings

log = logging.getLogger(__name__)


async def serve(settings: Settings, say: Callable[[str], None], progress: Progress) -> int:
    """Serve webhooks until SIGTERM or SIGINT; return the exit code. `say` prints a line for the operator."""
    logs.set_up(settings.log_level, Redactor(settings.known_secrets()))
    secret = settings.require_webhook_secret()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        services = await _open(stack, settings, progress, _log_event)
        server = await Server.start(
            services,
            secret,
            host=settings.host,
            port=settings.port,
            reconcile_seconds=settings.reconcile_seconds,
        )
        stack.push_async_callback(server.close)
        say(f"PushPals serves {server.url}/webhook for {settings.github_url}")
        say(f"model {services.model.name} · sandbox {services.sandboxes.describe()} · state {settings.state}")
        await stop.wait()
        say("Stopping. Work under way is taken up again at the next start.")
    return 0


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

    The issue must carry the label already: this command asks for nothing in a person's name.
    """
    logs.set_up("WARNING", Redactor(settings.known_secrets()))
    async with contextlib.AsyncExitStack() as stack:
        services = await _open(stack, settings, progress, watch)
        engine: Engine
        queue = HintQueue(lambda hint: engine.handle(hint), services.clock.now, workers=1)  # noqa: PLW0108
        engine = Engine(services, queue.put)
        stack.push_async_callback(engine.close)
        queue.start()
        stack.push_async_callback(queue.close)
        await queue.put(Hint(ref=ref))
        await queue.idle(lambda: not engine.crew.working(ref.repo))
        return await _verdict(services, ref, say)


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
