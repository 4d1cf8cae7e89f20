"""All records of a repository at once: for those who look, count or tidy, and decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.ledger.encoding import AUDIT, JOBS, RECORD, REQUESTS, job_of, job_order, parse
from pushpals.ledger.records import LedgerDamaged
from pushpals.model import JobRecord, RequestRecord

if TYPE_CHECKING:
    from pushpals.git import Mirror
    from pushpals.model import Sha


@dataclass(frozen=True)
class JobFile:
    """A job as its ref says, with its audit trail as it is."""

    ref: str
    sha: Sha
    record: JobRecord
    audit: str


@dataclass(frozen=True)
class RequestFile:
    """A request as its ref says."""

    ref: str
    sha: Sha
    record: RequestRecord


@dataclass(frozen=True)
class AllRecords:
    """Everything a repository's ledger holds, in the order of numbers."""

    requests: tuple[RequestFile, ...]
    jobs: tuple[JobFile, ...]
    damaged: tuple[str, ...] = ()
    """What can not be read, one sentence each."""


async def read_all(mirror: Mirror, *, fetch: bool = True) -> AllRecords:
    """Read every request and job; with `fetch`, those that are at the remote, as they are there now."""
    patterns = (f"{REQUESTS}*", f"{JOBS}*")
    there = await mirror.ls_remote(*patterns) if fetch else None
    if fetch:
        await mirror.fetch(*(f"+{pattern}:{pattern}" for pattern in patterns))
    refs = await mirror.refs(*patterns)
    if there is not None:
        refs = {ref: sha for ref, sha in refs.items() if ref in there}
    records = await mirror.read_objects(*(f"{sha}:{RECORD}" for sha in refs.values()))
    trails = await mirror.read_objects(*(f"{sha}:{AUDIT}" for sha in refs.values()))
    requests: list[RequestFile] = []
    jobs: list[JobFile] = []
    damaged: list[str] = []
    for (ref, sha), data, trail in zip(refs.items(), records, trails, strict=True):
        try:
            if ref.startswith(REQUESTS):
                requests.append(RequestFile(ref, sha, parse(RequestRecord, ref, sha, data)))
            elif job_of(ref):
                audit = (trail or b"").decode(errors="replace")
                jobs.append(JobFile(ref, sha, parse(JobRecord, ref, sha, data), audit))
        except LedgerDamaged as error:
            damaged.append(str(error))
    requests.sort(key=lambda each: each.record.request.number)
    jobs.sort(key=lambda each: job_order(each.record.id))
    return AllRecords(tuple(requests), tuple(jobs), tuple(damaged))
