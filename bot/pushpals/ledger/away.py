"""A job's record that was taken along and comes back: read as data from whoever had it in hands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pushpals.audit.chain import Broken, verify
from pushpals.git import Mirror
from pushpals.ledger.encoding import AUDIT, RECORD, parse
from pushpals.ledger.records import Entry, LedgerDamaged, LedgerError
from pushpals.ledger.transitions import check_step
from pushpals.model import JobRecord, JobState, Order, OrderKind, Sha

MAX_STEPS = 2_000
"""Commits that a record may have gained: a heartbeat each 45 seconds for a day."""
MAX_COMMIT = 16 << 10
MAX_FILE: Mapping[str, int] = {
    RECORD: 4 << 20,
    AUDIT: 32 << 20,
    "patch.diff": 32 << 20,
    "plan.md": 4 << 20,
    "report.md": 4 << 20,
}
"""The files a record has, and the most bytes of each."""
_KEPT = frozenset({"plan.md", "report.md"})
_SKEW = timedelta(minutes=5)

_S = JobState
STATES = frozenset(
    {_S.CLAIMED, _S.RUNNING, _S.PROPOSED, _S.GATED, _S.QUEUED, _S.WAITING, _S.FAILED, _S.PUBLISHED}
)
"""What a job can be in on the way. `PUBLISHED` is where a round that came to nothing goes back to."""

_WORK = frozenset(
    {
        *(
            "state",
            "holder",
            "by",
            "nonce",
            "updated_at",
            "queued_at",
            "claimed_at",
            "runs_asked",
            "tree",
            "usage",
            "today",
            "failure",
            "failures",
            "not_before",
        ),
        *("report", "setback", "waiting", "asks", "asks_why", "resumes", "sent_back", "orders", "attempt"),
    }
)
"""Fields that work on a job changes. All others say what the job is, and stay."""
_ENDING = frozenset({"merges", "head", "standing", "served"})
"""Fields that change besides when a further round comes to nothing: what stood before stands again."""


class NotThisJob(LedgerError):  # noqa: N818 - reads as the verdict it is
    """What was brought back is no continuation of the record that was taken along."""


@dataclass(frozen=True)
class _Step:
    sha: Sha
    files: Mapping[str, Sha]
    record: JobRecord


async def returned(mirror: Mirror, taken: Entry[JobRecord], tip: Sha, now: datetime) -> Entry[JobRecord]:
    """Return the record at `tip`, if it continues `taken` as work on that job can; else raise NotThisJob.

    Its commits are in the mirror already, and nobody has looked at them.
    """
    chain = await _line(mirror, taken.sha, tip)
    before = _Step(taken.sha, (await _trees(mirror, taken.sha))[taken.sha], taken.record)
    steps = await _steps(mirror, taken.ref, chain)
    for step in steps:
        _continues(before, step, taken.record, now)
        before = step
    await _audit_grows(mirror, taken, steps)
    return Entry(taken.ref, tip, taken.root, steps[-1].record)


async def _line(mirror: Mirror, start: Sha, tip: Sha) -> list[Sha]:
    """Return the commits after `start` up to `tip`, the oldest first: a line without branches."""
    parents = await mirror.parents(tip)
    line: list[Sha] = []
    at = tip
    while at != start:
        before = parents.get(at, ())
        if len(before) != 1 or len(line) >= MAX_STEPS:
            raise NotThisJob(f"{tip[:12]} is not on a line of {MAX_STEPS} commits from {start[:12]}.")
        line.append(at)
        at = before[0]
    if not line:
        raise NotThisJob("Nothing was added to the record.")
    return line[::-1]


async def _trees(mirror: Mirror, *commits: Sha) -> dict[Sha, dict[str, Sha]]:
    """Return the files of each commit. Raises NotThisJob for anything but the plain files a record has."""
    listings = await mirror.read_objects(*(f"{commit}^{{tree}}" for commit in commits))
    found: dict[Sha, dict[str, Sha]] = {}
    for commit, data in zip(commits, listings, strict=True):
        files: dict[str, Sha] = {}
        rest = data or b""
        while rest:
            head, _, after = rest.partition(b"\0")
            mode, _, name = head.partition(b" ")
            if mode != b"100644" or os.fsdecode(name) not in MAX_FILE:
                raise NotThisJob(f"{commit[:12]} holds {os.fsdecode(name)!r}, which no record has.")
            files[os.fsdecode(name)] = after[:20].hex()
            rest = after[20:]
        found[commit] = files
    return found


async def _steps(mirror: Mirror, ref: str, chain: list[Sha]) -> list[_Step]:
    sizes = await mirror.sizes(*chain)
    if long := [sha for sha, size in sizes.items() if size > MAX_COMMIT]:
        raise NotThisJob(f"{long[0][:12]} has a message that is too long.")
    trees = await _trees(mirror, *chain)
    blobs = {sha: name for files in trees.values() for name, sha in files.items()}
    for sha, size in (await mirror.sizes(*blobs)).items() if blobs else ():
        if size > MAX_FILE[blobs[sha]]:
            raise NotThisJob(f"{blobs[sha]} has {size} bytes, more than {MAX_FILE[blobs[sha]]}.")
    datas = await mirror.read_objects(*(f"{sha}:{RECORD}" for sha in chain))
    try:
        return [
            _Step(sha, trees[sha], parse(JobRecord, ref, sha, data))
            for sha, data in zip(chain, datas, strict=True)
        ]
    except LedgerDamaged as damaged:
        raise NotThisJob(str(damaged)) from None


def _continues(before: _Step, step: _Step, taken: JobRecord, now: datetime) -> None:
    old, new, name = before.record, step.record, step.sha[:12]
    try:
        check_step(old, new)
    except ValueError as error:
        raise NotThisJob(f"{name}: {error}") from None
    if new.state not in STATES:
        raise NotThisJob(f"{name}: a worker does not make a job {new.state}.")
    ends = new.state is JobState.PUBLISHED
    changed = {field for field in JobRecord.model_fields if getattr(old, field) != getattr(new, field)}
    if foreign := changed - _WORK - (_ENDING if ends else frozenset()):
        raise NotThisJob(f"{name} changes {', '.join(sorted(foreign))}, which says what the job is.")
    for held, why in _HELD.items():
        if not why(taken, old, new):
            raise NotThisJob(f"{name}: {held}.")
    if new.updated_at > now + _SKEW or new.updated_at < old.updated_at:
        raise NotThisJob(f"{name} was not written between the one before it and now.")
    if any(before.files.get(file) != step.files.get(file) for file in _KEPT):
        raise NotThisJob(f"{name} changes a file that only the publication writes.")


def _same_holder(taken: JobRecord, _old: JobRecord, new: JobRecord) -> bool:
    return new.by == taken.by and new.holder in {taken.holder, None}


def _attempt(taken: JobRecord, _old: JobRecord, new: JobRecord) -> bool:
    return new.attempt == taken.attempt or (new.attempt == 0 and new.state is JobState.QUEUED)


def _orders(_taken: JobRecord, old: JobRecord, new: JobRecord) -> bool:
    added = new.orders[len(old.orders) :]
    return new.orders[: len(old.orders)] == old.orders and all(map(_finding, added))


def _finding(order: Order) -> bool:
    return order.kind is OrderKind.FINDINGS and order.by is None and not order.runs


def _sent_back(taken: JobRecord, _old: JobRecord, new: JobRecord) -> bool:
    return taken.sent_back <= new.sent_back <= taken.sent_back + 1


def _served(_taken: JobRecord, old: JobRecord, new: JobRecord) -> bool:
    own = {*old.served, *(order.cause for order in old.orders)}
    return new.served[: len(old.served)] == old.served and own >= set(new.served)


def _spending(_taken: JobRecord, old: JobRecord, new: JobRecord) -> bool:
    numbers = ("turns", "model_calls", "tokens_in", "tokens_out", "seconds", "commands", "refused")
    less = any(getattr(new.usage, name) < getattr(old.usage, name) for name in numbers)
    return not less and (new.usage.usd is None or new.usage.usd >= (old.usage.usd or 0.0)) and _day(old, new)


def _day(old: JobRecord, new: JobRecord) -> bool:
    was, now = old.today, new.today
    if was is None or now is None or was.day != now.day:
        return was is None or (now is not None and now.day > was.day)
    return now.tokens >= was.tokens and now.usd >= was.usd and now.questions == was.questions


def _stands(_taken: JobRecord, old: JobRecord, new: JobRecord) -> bool:
    if new.state is not JobState.PUBLISHED:
        return True
    stood = old.standing
    if stood is None:
        return new.head == old.head
    return (new.head, new.tree, new.report) == (stood.head or old.head, stood.tree, stood.report)


_HELD = {
    "it names another holder": _same_holder,
    "it counts its attempts anew": _attempt,
    "it gives orders": _orders,
    "it was sent back too often": _sent_back,
    "it says that more was answered": _served,
    "it spent less than before": _spending,
    "what was published is not what stood": _stands,
}
"""What else must hold of each step, by what is said when it does not."""


async def _audit_grows(mirror: Mirror, taken: Entry[JobRecord], steps: list[_Step]) -> None:
    trail = await mirror.read(taken.sha, AUDIT) or b""
    read: Sha | None = None
    for step in steps:
        blob = step.files.get(AUDIT)
        if blob == read and read is not None:
            continue
        read, now = blob, await mirror.read(step.sha, AUDIT) or b""
        if not now.startswith(trail):
            raise NotThisJob(f"{step.sha[:12]} rewrites audit lines that were there before.")
        trail = now
    chain = verify(trail.decode(errors="replace"), taken.record.id)
    if isinstance(chain, Broken):
        raise NotThisJob(f"Audit line {chain.line} {chain.why}.")
