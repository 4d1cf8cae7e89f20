"""`pushpals gc`: what nobody needs any more, in repositories and on this machine. It only looks unless told.

Nothing is deleted that somebody may still want: a branch only as PushPals pushed it, when its work has ended
and no pull request from it is open; records only when asked for, and of closed issues alone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pushpals.git import LeaseLost, PushRefused, RefUpdate
from pushpals.github.documents import MAX_ALIASES
from pushpals.ledger.reading import read_all
from pushpals.loop.services import StateBusy, StateLock
from pushpals.model import ENDED, JobState
from pushpals.sandbox import remove_tree
from pushpals.server.reading import open_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pushpals.git import Mirror
    from pushpals.github import PullOutcome, RepoClient
    from pushpals.ledger.reading import AllRecords, JobFile
    from pushpals.model import JobRecord, RepoRef, Sha
    from pushpals.server.reading import Library
    from pushpals.server.settings import Settings

HEADS = "refs/heads/"
LEFTOVERS = ("work", "scratch")


@dataclass(frozen=True)
class Old:
    """How old things must be to go."""

    branches: timedelta = timedelta(days=30)
    """Branches of work that ended without a merge; merged ones go at once."""
    records: timedelta | None = None
    """Records of requests; None: they stay for ever."""


@dataclass(frozen=True)
class Litter:
    """One thing that may go: refs of a repository that go together, and why."""

    name: str
    why: str
    refs: tuple[RefUpdate, ...]


async def gc(
    settings: Settings, ref: RepoRef | None, old: Old, say: Callable[[str], None], *, really: bool
) -> int:
    """Say what may go, and delete it if `really`; return the exit code, 1 when something could not go."""
    found, kept = 0, 0
    async with open_library(settings) as library:
        installed = await library.installed()
        wanted = {ref: installed.get(ref)} if ref else installed
        for each, installation in sorted(wanted.items(), key=lambda pair: str(pair[0])):
            client, mirror = await library.open(each, installation, writes=really)
            async for litter in _of_repository(client, mirror, old):
                found += 1
                say(f"{each}  {litter.name}  {litter.why}")
                kept += really and not await _deleted(mirror, litter, say)
        if ref is None:
            found += await _of_machine(settings, library, installed, say, really=really)
    say(_verdict(found, kept, really=really))
    return 1 if kept else 0


def _verdict(found: int, kept: int, *, really: bool) -> str:
    if not found:
        return "Nothing to tidy up."
    if not really:
        return "Nothing was deleted. `--yes` deletes what is listed."
    return f"{found - kept} deleted." + (f" {kept} stay; see above." if kept else "")


async def _deleted(mirror: Mirror, litter: Litter, say: Callable[[str], None]) -> bool:
    try:
        await mirror.push(litter.refs)
    except LeaseLost as lost:
        say(f"  stays: {lost.ref} moved meanwhile. Run this again to see it as it is.")
    except PushRefused as refused:
        say(f"  stays: GitHub refused ({refused.reason}). Look at the repository's rulesets.")
    else:
        return True
    return False


async def _of_repository(client: RepoClient, mirror: Mirror, old: Old) -> AsyncIterator[Litter]:
    records = await read_all(mirror)
    heads = await mirror.ls_remote(f"{HEADS}agent/*", f"{HEADS}pushpals/plan/*")
    branches = [ref.removeprefix(HEADS) for ref in heads]
    pulls = await client.outcomes(branches) if branches else {}
    now = datetime.now(UTC)
    for litter in (*_branches(records, heads, pulls, old, now), *_plans(records, heads, pulls, old, now)):
        yield litter
    if old.records is not None:
        async for litter in _records(client, records, old.records, now):
            yield litter


def _branches(
    records: AllRecords, heads: Mapping[str, Sha], pulls: Mapping[str, PullOutcome], old: Old, now: datetime
) -> Iterator[Litter]:
    built_on = {file.record.onto for file in records.jobs if file.record.state not in ENDED}
    for file in records.jobs:
        job = file.record
        tip = heads.get(f"{HEADS}{job.branch}")
        if tip is None or tip != job.head or job.branch in built_on or _is_open(pulls.get(job.branch)):
            continue
        age = now - job.updated_at
        merged = job.state is JobState.MERGED
        if merged or (job.state in ENDED and age > old.branches):
            why = f"{job.state.value} {age.days} days ago"
            yield Litter(job.branch, why, (RefUpdate(f"{HEADS}{job.branch}", tip, None),))


def _plans(
    records: AllRecords, heads: Mapping[str, Sha], pulls: Mapping[str, PullOutcome], old: Old, now: datetime
) -> Iterator[Litter]:
    jobs = _by_request(records)
    for request in records.requests:
        number = request.record.request.number
        branch = f"pushpals/plan/{number}"
        tip = heads.get(f"{HEADS}{branch}")
        if tip is None or tip != request.record.plan_commit or _is_open(pulls.get(branch)):
            continue
        age = now - _last_change(request.record.created_at, jobs[number])
        if _all_ended(jobs[number]) and age > old.branches:
            why = f"its jobs ended {age.days} days ago"
            yield Litter(branch, why, (RefUpdate(f"{HEADS}{branch}", tip, None),))


async def _records(
    client: RepoClient, records: AllRecords, age: timedelta, now: datetime
) -> AsyncIterator[Litter]:
    jobs = _by_request(records)
    old = {
        request.record.request.number: request
        for request in records.requests
        if _all_ended(jobs[request.record.request.number])
        and now - _last_change(request.record.created_at, jobs[request.record.request.number]) > age
    }
    numbers = sorted(old)
    for start in range(0, len(numbers), MAX_ALIASES):
        for view in await client.linked(numbers[start : start + MAX_ALIASES]):
            if view.state == "OPEN":
                continue
            request, files = old[view.number], jobs[view.number]
            own = RefUpdate(request.ref, request.sha, None)
            refs = [own, *(RefUpdate(file.ref, file.sha, None) for file in files)]
            days = (now - _last_change(request.record.created_at, files)).days
            why = f"records of a closed issue, unchanged for {days} days ({len(refs)} refs)"
            yield Litter(f"#{view.number}", why, tuple(refs))


def _by_request(records: AllRecords) -> Mapping[int, list[JobFile]]:
    found: defaultdict[int, list[JobFile]] = defaultdict(list)
    for file in records.jobs:
        found[file.record.request].append(file)
    return found


def _all_ended(files: Sequence[JobFile]) -> bool:
    """Tell whether a request has jobs, all over: one without may still be planned."""
    return bool(files) and all(file.record.state in ENDED for file in files)


def _last_change(begun: datetime, files: Sequence[JobFile]) -> datetime:
    jobs: list[JobRecord] = [file.record for file in files]
    return max([begun, *(job.updated_at for job in jobs)])


def _is_open(pull: PullOutcome | None) -> bool:
    return pull is not None and pull.state == "OPEN"


async def _of_machine(
    settings: Settings,
    library: Library,
    installed: Mapping[RepoRef, int],
    say: Callable[[str], None],
    *,
    really: bool,
) -> int:
    """Tidy up the state folder, unless a process works in it; return how many things were found."""
    try:
        lock = StateLock.take(settings.state)
    except StateBusy:
        say(f"{settings.state}  is in use; its owner tidies up itself at its next start")
        return 0
    try:
        found = list(await asyncio.to_thread(_folders, settings.state, library.mirrors, installed))
        for folder, why in found:
            say(f"{folder}  {why}")
            if really:
                await remove_tree(folder)
        return len(found)
    finally:
        lock.release()


def _folders(state: Path, mirrors: Path, installed: Mapping[RepoRef, int]) -> Iterator[tuple[Path, str]]:
    for name in LEFTOVERS:
        if (state / name).exists():
            yield state / name, "workspaces of a life that ended"
    known = {f"{ref.owner}/{ref.name}.git" for ref in installed}
    for mirror in sorted(mirrors.glob("*/*.git")):
        if f"{mirror.parent.name}/{mirror.name}" not in known:
            yield mirror, "mirror of a repository where the App is not installed any more"
