"""`pushpals status` and `pushpals metrics`: what the ledger says, whether or not a server runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pushpals.audit.measures import Pull, TeamMetrics, measure
from pushpals.audit.prose.measures import measures
from pushpals.audit.prose.standing import place, plan_place, standing
from pushpals.ledger.reading import read_all
from pushpals.server.reading import open_library
from pushpals.server.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.model import RepoRef
    from pushpals.server.settings import Settings

_DAYS = re.compile(r"(?P<days>[0-9]{1,4})d?")
_HEAVY = {"report", "standing", "orders", "served", "allowed", "denied", "nonce"}
"""What of a record is left out of JSON: how work went, rather than how it stands."""


def since_of(text: str, now: datetime) -> datetime:
    """Read `30d`, `30` or `2026-11-01`. Raises ValueError, saying how it is written."""
    if found := _DAYS.fullmatch(text):
        return now - timedelta(days=int(found["days"]))
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text!r} is no time. Write it like 30d, or like 2026-11-01.") from None


async def status(
    settings: Settings, ref: RepoRef | None, say: Callable[[str], None], *, as_json: bool = False
) -> int:
    """Say what runs, waits and failed, in one repository or in all of them; return the exit code."""
    now = datetime.now(UTC)
    async with open_library(settings) as library:
        refs = {ref: None} if ref else await library.installed()
        if not refs:
            raise SettingsError("The App is not installed anywhere. Install it from its page on GitHub.")
        for each, installation in sorted(refs.items(), key=lambda pair: str(pair[0])):
            _, mirror = await library.open(each, installation)
            found = await read_all(mirror)
            jobs = [file.record for file in found.jobs]
            requests = [file.record for file in found.requests]
            if as_json:
                for job in jobs:
                    if where := place(job, now):
                        shown = job.model_dump_json(exclude=_HEAVY)
                        say(f'{{"repository":"{each}","list":"{where}","job":{shown}}}')
                for request in requests:
                    if where := plan_place(request):
                        shown = request.model_dump_json(exclude={"causes", "by"})
                        say(f'{{"repository":"{each}","list":"{where}","plan":{shown}}}')
            else:
                for line in standing(str(each), requests, jobs, now, library.endpoints.web):
                    say(line)
                for problem in found.damaged:
                    say(f"  damaged: {problem}")
    return 0


async def metrics(
    settings: Settings, ref: RepoRef, since: datetime, say: Callable[[str], None], *, as_json: bool = False
) -> int:
    """Say how quick, how good and how dear the work on a repository was; return the exit code."""
    found = await team_metrics(settings, ref, since)
    if as_json:
        say(found.model_dump_json(indent=2))
    else:
        for line in measures(found):
            say(line)
    return 0


async def team_metrics(settings: Settings, ref: RepoRef, since: datetime) -> TeamMetrics:
    """Return the numbers of a repository: two git requests, and one GraphQL request for 25 pull requests."""
    async with open_library(settings) as library:
        client, mirror = await library.open(ref)
        records = await read_all(mirror)
        jobs = [(file.record, file.audit) for file in records.jobs]
        branches = [job.branch for job, _ in jobs if job.created_at >= since and (job.head or job.standing)]
        outcomes = await client.outcomes(branches) if branches else {}
    return measure(
        str(ref),
        [file.record for file in records.requests],
        jobs,
        {
            branch: Pull(merged=pull.state == "MERGED", open=pull.state == "OPEN", head=pull.head)
            for branch, pull in outcomes.items()
        },
        since=since,
        now=datetime.now(UTC),
    )
