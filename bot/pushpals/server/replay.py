"""`pushpals audit timeline`: a job's life from its audit trail, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.chain import read_events
from pushpals.audit.prose.timeline import timeline
from pushpals.git import Mirror
from pushpals.ledger.verify import verify_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pushpals.model import JobId


async def replay(clone: Path, job: JobId, say: Callable[[str], None], *, full: bool, as_json: bool) -> int:
    """Say what happened in a job, and whether its record holds; return the exit code: 1 when it does not."""
    mirror = Mirror.of_clone(clone)
    verified = await verify_job(mirror, job)
    if verified.record is None:
        for problem in verified.problems:
            say(f"FAIL  {problem}")
        return 1
    trail = await mirror.read(f"refs/pushpals/jobs/{job}", "audit.jsonl")
    try:
        events = read_events((trail or b"").decode(errors="replace"))
    except ValueError as error:
        say(f"FAIL  The audit trail cannot be read: {error}.")
        return 1
    if as_json:
        for event in events:
            say(event.model_dump_json())
        return 1 if verified.problems else 0
    record = verified.record
    say(f"{job}  {' '.join(record.task.goal.split())[:100]}  ({record.state.value})")
    for line in timeline(events, full=full):
        say(line)
    for problem in verified.problems:
        say(f"FAIL  {problem}")
    if not verified.problems:
        say(f"ok    {len(events)} events, the chain holds")
    return 1 if verified.problems else 0
