"""Verify a job's record offline: the chain of commits, the chain of audit lines, and what was published."""

from __future__ import annotations

from dataclasses import dataclass

from pushpals.audit.chain import Broken, verify
from pushpals.git import GitError, Mirror
from pushpals.ledger.encoding import job_ref, parse
from pushpals.ledger.records import LedgerDamaged
from pushpals.ledger.transitions import check_step
from pushpals.model import JobId, JobRecord, JobState, Sha


@dataclass(frozen=True)
class VerifiedJob:
    """What verification found. `problems` is empty when all holds; each is one plain sentence."""

    job: JobId
    commits: int
    events: int
    record: JobRecord | None
    problems: tuple[str, ...]


async def verify_job(mirror: Mirror, job: JobId) -> VerifiedJob:
    """Check the record of `job` as it is in `mirror`; nothing is fetched.

    Every commit must hold a record that parses, belongs to this job and may follow the one before; the audit
    trail must only grow from commit to commit and its hash chain must hold; what was published must have
    exactly the tree that passed the gate.
    """
    ref = job_ref(job)
    tip = await mirror.resolve(ref)
    if tip is None:
        return VerifiedJob(job, 0, 0, None, (f"There is no {ref} here. Fetch refs/pushpals/* first.",))
    commits = (await mirror.log(tip))[::-1]
    records = await mirror.read_objects(*(f"{commit.sha}:record.json" for commit in commits))
    trails = await mirror.read_objects(*(f"{commit.sha}:audit.jsonl" for commit in commits))
    problems: list[str] = []
    record: JobRecord | None = None
    trail = b""
    for commit, data, now in zip(commits, records, trails, strict=True):
        record = _next_record(problems, ref, commit.sha, data, record, job)
        if not (now or b"").startswith(trail):
            problems.append(f"{commit.sha[:12]} rewrites audit lines that were there before.")
        trail = now or b""
    chain = verify(trail.decode(errors="replace"), job)
    if isinstance(chain, Broken):
        problems.append(f"Audit line {chain.line} {chain.why}.")
    if record is not None:
        problems += await _published(mirror, record)
    count = 0 if isinstance(chain, Broken) else chain.count
    return VerifiedJob(job, len(commits), count, record, tuple(problems))


def _next_record(
    problems: list[str], ref: str, sha: Sha, data: bytes | None, before: JobRecord | None, job: JobId
) -> JobRecord | None:
    try:
        record = parse(JobRecord, ref, sha, data)
    except LedgerDamaged as error:
        problems.append(str(error))
        return before
    if record.id != job:
        problems.append(f"{sha[:12]} is the record of {record.id}, not of {job}.")
    if before is not None:
        try:
            check_step(before, record)
        except ValueError as error:
            problems.append(f"{sha[:12]}: {error}")
        # Another try begins on the default branch as it is by then; a merge of that is published on it.
        anew = record.state is not before.state and record.state in {JobState.QUEUED, JobState.PUBLISHED}
        if (record.base != before.base and not anew) or record.request != before.request:
            problems.append(f"{sha[:12]} changes what the job is about.")
    return record


async def _published(mirror: Mirror, record: JobRecord) -> list[str]:
    """Compare what was published with what passed the gate; while a further round goes on, what stands."""
    stands = record.standing
    head = stands.head if stands else record.head
    passed, evidence = (
        (stands.tree, stands.report.evidence) if stands else (record.tree, record.report.evidence)
    )
    problems: list[str] = []
    if head is not None:
        try:
            if await mirror.commit_tree(head) != passed:
                problems = [f"The published commit {head[:12]} does not have the tree that passed the gate."]
        except GitError:
            problems = [
                f"The published commit {head[:12]} is not here. Fetch {record.branch} to check it too."
            ]
    if evidence and passed and evidence.tree != passed:
        problems.append("The evidence is about another tree than the one that passed the gate.")
    return problems
