"""The jobs that run what people and models want to run, on a copy of the ledger. They hold no token then."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from pushpals.action.opening import NoModel, on_the_way
from pushpals.audit.outgoing import clean_model_text
from pushpals.git import Mirror
from pushpals.github import OBSERVE, Endpoints, GitHub, GitHubError
from pushpals.ledger import Ledger, NotThisJob, job_ref, returned
from pushpals.loop.away import HOME, Unplugged, gather, look_away
from pushpals.loop.hands import Hands, entry_of
from pushpals.loop.services import LEDGER_IDENTITY, Repo
from pushpals.loop.work import Crew
from pushpals.model import JobId, JobState, RepoRef, Sha
from pushpals.sandbox import remove_tree
from pushpals.server.settings import SettingsError
from pushpals.server.wiring import credentials, open_model, open_sandbox

if TYPE_CHECKING:
    from pushpals.action.runner import Runner
    from pushpals.ledger import Entry
    from pushpals.loop.services import Services
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import Hint, JobRecord
    from pushpals.server.settings import Settings

log = logging.getLogger(__name__)


class Luggage(BaseModel):
    """What is taken along besides the ledger and the code."""

    repo: RepoRef
    number: int
    job: JobId
    claim: Sha
    branch: str
    logs: dict[int, str]


async def take(runner: Runner, settings: Settings) -> int:
    """Fetch what work on the claimed job will read, with a token that reads. Later steps have none."""
    ref, job, sha = runner.claim()
    endpoints, folder = Endpoints.at(settings.github_url), runner.folder / "away"
    async with GitHub(credentials(settings), endpoints) as github:
        client = github.repo(ref.repo)
        mirror = await Mirror.open(
            runner.folder / "fetched.git", endpoints.git(ref.repo), lambda: client.git_token(OBSERVE)
        )
        repo = Repo(ref.repo, client, mirror, Ledger(mirror, LEDGER_IDENTITY))
        view = await repo.ledger.observe(ref.number, await repo.default_branch())
        held = next((entry for entry in view.jobs if entry.record.id == job), None)
        if held is None or held.sha != sha:
            runner.say(f"{job} moved on since this run claimed it, so there is nothing to work on.")
            runner.output("work", "false")
            return 0
        await gather(repo, held.record)
        logs = {run: await _log(repo, run) for run in _runs(held.record)}
        luggage = Luggage(
            repo=ref.repo,
            number=ref.number,
            job=job,
            claim=sha,
            branch=await repo.default_branch(),
            logs={run: text for run, text in logs.items() if text is not None},
        )
        await remove_tree(folder)
        await asyncio.to_thread(_pack, folder, luggage)
        for name in ("home.git", "mirror.git"):
            await mirror.duplicate(folder / name, luggage.branch)
    await remove_tree(runner.folder / "fetched.git")
    runner.output("work", "true")
    return 0


def _pack(folder: Path, luggage: Luggage) -> None:
    folder.mkdir(mode=0o700)
    (folder / "luggage.json").write_text(luggage.model_dump_json(), encoding="utf-8")


def _runs(job: JobRecord) -> Iterable[int]:
    return dict.fromkeys(run for order in job.orders for run in order.runs)


async def _log(repo: Repo, run: int) -> str | None:
    try:
        return await repo.client.ci_log(run)
    except GitHubError as error:
        log.warning("the log of check run %s was not taken along: %s", run, error)
        return None


async def work(runner: Runner, settings: Settings) -> int:
    """Do the claimed job up to the patch, on the copy, and write what became of the record into a bundle."""
    sandboxes = await open_sandbox(settings)
    chosen = await open_model(settings)
    try:
        async with on_the_way(runner, settings, chosen.connect(), sandboxes) as services:
            trip = await _open(runner, services)
            s = await look_away(services, trip.repo, trip.luggage.number)
            held = trip.claimed(s)
            if held.record.state is not JobState.PROPOSED:
                await trip.crew.do(held, s, trip.hands, gate=False)
            return await trip.come_home(runner)
    finally:
        await chosen.close()


async def check(runner: Runner, settings: Settings) -> int:
    """Judge what the agent's job brought, on another machine, and bundle the verdict."""
    sandboxes = await open_sandbox(settings)
    async with on_the_way(runner, settings, NoModel(), sandboxes) as services:
        trip = await _open(runner, services)
        s = await look_away(services, trip.repo, trip.luggage.number)
        held, mirror = trip.claimed(s), trip.repo.mirror
        if held.record.state is not JobState.PROPOSED:
            bundle = runner.folder / "in" / "job.bundle"
            tip = await mirror.unpack(bundle, held.ref, f"{HOME}{held.record.id}")
            brought = await returned(mirror, held, tip, services.clock.now())
            if brought.record.state is JobState.GATED:
                raise NotThisJob("The agent's job judged its own patch.")
            await trip.repo.ledger.adopt(held, brought)
            s = await look_away(services, trip.repo, trip.luggage.number)
        now = entry_of(s, held.record.id)
        if now.record.state is JobState.PROPOSED:
            await trip.crew.do(now, s, trip.hands)
        return await trip.come_home(runner)


class _Trip:
    """A copy of the ledger, open for work."""

    def __init__(self, services: Services, repo: Repo, luggage: Luggage, home: Path) -> None:
        self.repo, self.luggage = repo, luggage
        self.crew = Crew(services, _nobody)
        self.hands = Hands(services, repo, self.crew)
        self._home = home

    def claimed(self, s: Snapshot) -> Entry[JobRecord]:
        """Return the claim. Raises SettingsError when the copy has another."""
        entry = entry_of(s, self.luggage.job)
        if entry.sha != self.luggage.claim:
            raise SettingsError("What was taken along was worked on before. Let the whole job run again.")
        return entry

    async def come_home(self, runner: Runner) -> int:
        """Write the job's record, as far as it got, into the bundle that is brought back."""
        job = self.luggage.job
        out = runner.folder / "out"
        await asyncio.to_thread(out.mkdir, exist_ok=True)
        await Mirror.of_clone(self._home).pack(out / "job.bundle", job_ref(job), self.luggage.claim)
        view = await look_away(self.hands.services, self.repo, self.luggage.number)
        record = entry_of(view, job).record
        why = f": {clean_model_text(record.failure.cause).text}" if record.failure else "."
        runner.say(f"{job} is {record.state}{why}")
        return 0


async def _open(runner: Runner, services: Services) -> _Trip:
    folder = runner.folder / "away"
    try:
        text = await asyncio.to_thread((folder / "luggage.json").read_text, encoding="utf-8")
        luggage = Luggage.model_validate(json.loads(text))
    except (OSError, ValueError) as error:
        raise SettingsError(f"What was taken along cannot be read: {error}") from None
    mirror = await Mirror.open(folder / "mirror.git", str(folder / "home.git"), _anonymous)
    ledger = Ledger(mirror, LEDGER_IDENTITY)
    repo = Repo(luggage.repo, Unplugged(luggage.logs), mirror, ledger, branch=luggage.branch)
    services.adopt(repo)
    return _Trip(services, repo, luggage, folder / "home.git")


async def _anonymous() -> str | None:
    return None


async def _nobody(_hint: Hint) -> None:
    """Nobody is told on the way."""
