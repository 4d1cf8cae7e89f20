"""`pushpals run`: do what is owed to one issue, in this process, and end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from pushpals.audit.redact import Redactor
from pushpals.loop.engine import Engine
from pushpals.loop.observe import observe
from pushpals.loop.rules.common import labelled, plan_jobs
from pushpals.model import ENDED, Hint, JobState
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.server import logs
from pushpals.server.wiring import open_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.local.model import Progress
    from pushpals.loop.services import Event, Services
    from pushpals.model import SubjectRef
    from pushpals.policy.repo_policy import Dispatch
    from pushpals.server.settings import Settings


ANYWHERE: frozenset[Dispatch] = frozenset({"inline", "worker", "actions"})


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
    # A person asks for it here and now, wherever the policy would send it.
    async with open_all(settings, progress, watch, works_for=ANYWHERE) as services:
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
            if wake is None and not moved.is_set() and not engine.crew.busy(hint.ref.repo):
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
    jobs = [entry.record for entry in plan_jobs(s.ledger)]
    for job in jobs:
        pulls = s.view.pulls.get(job.branch, ())
        say(f"{job.id} {job.state}" + (f": {pulls[-1].url}" if pulls else ""))
        if job.failure:
            say(f"{job.failure.cause}\n{job.failure.next_step}")
    return 1 if any(job.state in ENDED - {JobState.MERGED} for job in jobs) else 0
