"""Records and claims over git refs: each record is a chain of commits, each step a compare-and-swap."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from cachetools import LRUCache

from pushpals.git import GitError, Identity, LeaseLost, Mirror, RefMissing, RefUpdate
from pushpals.ledger.encoding import (
    AUDIT,
    JOBS,
    RECORD,
    REQUESTS,
    SPENDING,
    TRAIN,
    audit_bytes,
    canonical,
    job_of,
    job_order,
    job_ref,
    message,
    parse,
    parse_any,
    ref_of,
    request_ref,
)
from pushpals.ledger.records import (
    Chapter,
    ClaimLost,
    Entry,
    LedgerDamaged,
    LedgerView,
    R,
    Record,
    TrainView,
)
from pushpals.ledger.transitions import check_step
from pushpals.model import (
    ON_A_BRANCH,
    JobId,
    JobRecord,
    RequestRecord,
    Sha,
    Spending,
    SpendingRecord,
    TrainRecord,
)

MOST_BY_NAME = 8
"""Jobs that are fetched one by one; for more all of them are, which is fewer words to git."""


class Ledger:
    """Reads and writes the records of one repository."""

    def __init__(self, mirror: Mirror, identity: Identity) -> None:
        """Bind to the repository's mirror; commits are by `identity`."""
        self._mirror = mirror
        self._identity = identity
        self._roots: dict[Sha, Sha] = {}
        self._spent: LRUCache[Sha, Spending | None] = LRUCache(maxsize=20_000)

    async def observe(self, number: int, default_branch: str) -> LedgerView:
        """Fetch and read all that concerns issue or pull request `number`: one git fetch.

        A record that can not be read is told in `damaged` and does not hide the others. Raises
        RefMissing when the default branch does not exist, and git's errors for the network.
        """
        refspecs = (*_exactly(request_ref(number)), *_all(f"{JOBS}{number}-*"), *_all(f"{TRAIN}*"))
        base = await self._mirror.fetch_branch(default_branch, *refspecs)
        refs = await self._mirror.refs(request_ref(number), f"{JOBS}{number}-*", TRAIN)
        roots = await self._find_roots(list(refs.values()))
        records = await self._mirror.read_objects(*(f"{sha}:{RECORD}" for sha in refs.values()))
        request: Entry[RequestRecord] | None = None
        train: Entry[TrainRecord] | None = None
        jobs: list[Entry[JobRecord]] = []
        damaged: list[LedgerDamaged] = []
        for (ref, sha), data in zip(refs.items(), records, strict=True):
            try:
                if ref == request_ref(number):
                    request = Entry(ref, sha, roots[sha], parse(RequestRecord, ref, sha, data))
                elif ref == TRAIN:
                    train = Entry(ref, sha, roots[sha], parse(TrainRecord, ref, sha, data))
                else:
                    jobs.append(Entry(ref, sha, roots[sha], parse(JobRecord, ref, sha, data)))
            except LedgerDamaged as error:
                if ref != TRAIN:  # whoever looks after the train is told; the work on an issue goes on
                    damaged.append(error)
        jobs.sort(key=lambda entry: job_order(entry.record.id))
        return LedgerView(base, request, tuple(jobs), tuple(damaged), train)

    async def observe_train(self, default_branch: str, integration: str) -> TrainView:
        """Fetch and read all that concerns the merge train: one git fetch.

        `integration` is the branch on which it tests. Jobs that can not be read do not ride. Raises
        LedgerDamaged for the train's own record, RefMissing, and git's errors as `observe` does.
        """
        branches = ("refs/heads/agent/*", f"refs/heads/{integration}*")
        refspecs = [spec for pattern in (f"{JOBS}*", f"{TRAIN}*", *branches) for spec in _all(pattern)]
        base = await self._mirror.fetch_branch(default_branch, *refspecs)
        train = await self._train()
        before = train.record.rolling.branch if train and train.record.rolling else integration
        if before != integration:  # the policy names another one by now
            await self._mirror.fetch(*_all(f"refs/heads/{before}*"))
        refs = {ref: sha for ref, sha in (await self._mirror.refs(f"{JOBS}*")).items() if job_of(ref)}
        records = await self._mirror.read_objects(*(f"{sha}:{RECORD}" for sha in refs.values()))
        live: list[tuple[str, Sha, JobRecord]] = []
        for (ref, sha), data in zip(refs.items(), records, strict=True):
            with contextlib.suppress(LedgerDamaged):
                record = parse(JobRecord, ref, sha, data)
                if record.state in ON_A_BRANCH:
                    live.append((ref, sha, record))
        roots = await self._find_roots([sha for _, sha, _ in live])
        jobs = [Entry(ref, sha, roots[sha], record) for ref, sha, record in live]
        jobs.sort(key=lambda entry: job_order(entry.record.id))
        tips = await self._mirror.refs(
            "refs/heads/agent", *(f"refs/heads/{name}*" for name in (integration, before))
        )
        heads = {ref.removeprefix("refs/heads/"): sha for ref, sha in tips.items()}
        return TrainView(base, train, tuple(jobs), heads)

    async def _train(self) -> Entry[TrainRecord] | None:
        """Read the train's record as last fetched. Raises LedgerDamaged."""
        sha = await self._mirror.resolve(TRAIN)
        if sha is None:
            return None
        record = parse(TrainRecord, TRAIN, sha, await self._mirror.read(sha, RECORD))
        return Entry(TRAIN, sha, (await self._find_roots([sha]))[sha], record)

    async def begun_since(self, since: datetime) -> int:
        """Fetch all records, and return how many jobs were begun after `since`, those to come included.

        A record that is damaged counts as one.
        """
        await self._mirror.fetch(*_all(f"{REQUESTS}*"), *_all(f"{JOBS}*"))
        refs = await self._mirror.refs(f"{REQUESTS}*", f"{JOBS}*")
        records = await self._mirror.read_objects(*(f"{sha}:{RECORD}" for sha in refs.values()))
        begun = 0
        for (ref, sha), data in zip(refs.items(), records, strict=True):
            try:
                record = parse_any(ref, sha, data)
            except LedgerDamaged:
                begun += 1
                continue
            if isinstance(record, SpendingRecord):
                continue
            # A request counts by its jobs; until they are there, by itself.
            counts = not isinstance(record, RequestRecord) or job_ref(record.job_id(0)) not in refs
            begun += counts and record.created_at > since
        return begun

    async def spent_on(self, day: date) -> Spending:
        """Fetch what the records say of a day, and return what was spent on it; see `Spending`.

        A record that is damaged tells nothing.
        """
        await self._mirror.fetch(*_all(f"{JOBS}*"), *_all(f"{SPENDING}*"))
        refs = await self._mirror.refs(f"{JOBS}*", SPENDING)
        fresh = {ref: sha for ref, sha in refs.items() if sha not in self._spent}
        records = await self._mirror.read_objects(*(f"{sha}:{RECORD}" for sha in fresh.values()))
        for (ref, sha), data in zip(fresh.items(), records, strict=True):
            self._spent[sha] = None
            with contextlib.suppress(LedgerDamaged):
                record = parse_any(ref, sha, data)
                self._spent[sha] = record.today if isinstance(record, JobRecord | SpendingRecord) else None
        total = Spending(day=day)
        for sha in refs.values():
            found = self._spent.get(sha)
            if found and found.day == day:
                total = total.plus(tokens=found.tokens, usd=found.usd, questions=found.questions)
        return total

    async def list_jobs(self) -> dict[JobId, Sha]:
        """Return every job of the repository and where its ref is: one request, no record is read."""
        refs = await self._mirror.ls_remote(f"{JOBS}*")
        jobs = {job: sha for ref, sha in refs.items() if (job := job_of(ref))}
        return {job: jobs[job] for job in sorted(jobs, key=job_order)}

    async def read_jobs(self, jobs: Collection[JobId]) -> list[Entry[JobRecord]]:
        """Fetch and read these jobs, in one fetch; what is gone or cannot be read is left out."""
        if not jobs:
            return []
        few = len(jobs) <= MOST_BY_NAME
        patterns = [job_ref(job) for job in jobs] if few else [f"{JOBS}*"]
        specs = [s for pattern in patterns for s in (_exactly(pattern) if few else _all(pattern))]
        await self._mirror.fetch(*specs)
        wanted = {job_ref(job) for job in jobs}
        refs = {ref: sha for ref, sha in (await self._mirror.refs(f"{JOBS}*")).items() if ref in wanted}
        records = await self._mirror.read_objects(*(f"{sha}:{RECORD}" for sha in refs.values()))
        roots = await self._find_roots(list(refs.values()))
        found: list[Entry[JobRecord]] = []
        for (ref, sha), data in zip(refs.items(), records, strict=True):
            with contextlib.suppress(LedgerDamaged):
                found.append(Entry(ref, sha, roots[sha], parse(JobRecord, ref, sha, data)))
        return sorted(found, key=lambda entry: job_order(entry.record.id))

    async def create(
        self,
        ref: str,
        record: R,
        *,
        message: str,
        when: datetime,
        files: Mapping[str, bytes] | None = None,
        audit: Sequence[str] = (),
    ) -> Entry[R]:
        """Begin a record's chain. Raises ClaimLost when the ref exists already."""
        if ref != ref_of(record):
            raise ValueError(f"This record belongs at {ref_of(record)}, not at {ref}.")
        contents = {**(files or {}), RECORD: canonical(record)}
        if audit:
            contents[AUDIT] = audit_bytes(b"", audit)
        sha = await self._commit(record, contents, {}, parent=None, sentence=message, when=when)
        await self._swap(record, [RefUpdate(ref, None, sha)])
        self._roots[sha] = sha
        return Entry(ref, sha, sha, record)

    async def advance(
        self,
        entry: Entry[R],
        record: R,
        *,
        message: str,
        when: datetime,
        files: Mapping[str, bytes] | None = None,
        audit: Sequence[str] = (),
        also: Sequence[RefUpdate] = (),
    ) -> Entry[R]:
        """Put `record` on top of `entry`, as a compare-and-swap from exactly `entry.sha`.

        Files that are not given stay as they are; `audit` lines go to the end of the audit file.
        Refs in `also` move in the same atomic push, or not at all. Raises ClaimLost when the record
        moved meanwhile, git's LeaseLost when a ref of `also` did, ValueError for a job's illegal step.
        """
        _check_step(entry.record, record)
        listing, log = await self._mirror.read_objects(f"{entry.sha}^{{tree}}", f"{entry.sha}:{AUDIT}")
        contents = {**(files or {}), RECORD: canonical(record)}
        if audit:
            contents[AUDIT] = audit_bytes(log or b"", audit)
        if listing is None:
            raise GitError(f"{entry.ref} at {entry.sha} is not in the mirror. Observe it first.")
        kept = _flat_tree(listing)
        sha = await self._commit(record, contents, kept, parent=entry.sha, sentence=message, when=when)
        await self._swap(record, [RefUpdate(entry.ref, entry.sha, sha), *also])
        self._roots[sha] = entry.root
        return Entry(entry.ref, sha, entry.root, record)

    async def adopt(self, entry: Entry[JobRecord], brought: Entry[JobRecord]) -> None:
        """Move a job's ref from `entry` to what was `brought` back, by compare-and-swap. Raises ClaimLost.

        Who calls this has looked at it: see `ledger.away`.
        """
        await self._swap(brought.record, [RefUpdate(entry.ref, entry.sha, brought.sha)])
        self._roots[brought.sha] = entry.root

    async def read(self, kind: type[R], ref: str) -> Entry[R] | None:
        """Fetch and read one record, or None when there is no such ref. Raises LedgerDamaged."""
        sha = await self._tip(ref)
        if sha is None:
            return None
        record = parse(kind, ref, sha, await self._mirror.read(sha, RECORD))
        return Entry(ref, sha, (await self._find_roots([sha]))[sha], record)

    async def file(self, entry: Entry[R], name: str) -> bytes | None:
        """Return a file of the entry's tree, or None when it has none of that name."""
        return await self._mirror.read(entry.sha, name)

    async def audit_lines(self, entry: Entry[R]) -> list[str]:
        """Return the audit lines as of `entry`, the oldest first."""
        return (await self.file(entry, AUDIT) or b"").decode().splitlines()

    async def history(self, ref: str) -> list[Chapter]:
        """Fetch and return the life of a record, the oldest first; empty when there is none.

        Raises LedgerDamaged.
        """
        tip = await self._tip(ref)
        commits = (await self._mirror.log(tip))[::-1] if tip else []
        records = await self._mirror.read_objects(*(f"{c.sha}:{RECORD}" for c in commits))
        return [
            Chapter(c.sha, c.when, c.message.partition("\n")[0], parse_any(ref, c.sha, data))
            for c, data in zip(commits, records, strict=True)
        ]

    async def _tip(self, ref: str) -> Sha | None:
        try:
            await self._mirror.fetch(f"+{ref}:{ref}")
        except RefMissing:
            return None
        return await self._mirror.resolve(ref)

    async def _commit(
        self,
        record: R,
        contents: Mapping[str, bytes],
        kept: Mapping[str, Sha],
        *,
        parent: Sha | None,
        sentence: str,
        when: datetime,
    ) -> Sha:
        tree = await self._mirror.tree_of(contents, kept=kept)
        parents = [parent] if parent else []
        words = message(sentence, record)
        return await self._mirror.commit(tree, parents, words, author=self._identity, when=when)

    async def _swap(self, record: R, updates: Sequence[RefUpdate]) -> None:
        """Push; a lost lease on the record's own ref is a lost claim."""
        try:
            await self._mirror.push(updates)
        except LeaseLost as lost:
            if lost.ref != updates[0].ref:
                raise
            raise ClaimLost(lost.ref, lost.now, await self._look(type(record), lost.ref)) from lost

    async def _look(self, kind: type[R], ref: str) -> Entry[R] | None:
        try:
            return await self.read(kind, ref)
        except LedgerDamaged:
            return None

    async def _find_roots(self, tips: Sequence[Sha]) -> dict[Sha, Sha]:
        """Return the first commit of each chain; one git process for all that are not known yet."""
        unknown = [tip for tip in tips if tip not in self._roots]
        if unknown:
            parents = await self._mirror.parents(*unknown)
            for tip in unknown:
                root = tip
                while before := parents.get(root):
                    root = before[0]
                self._roots[tip] = root
        return {tip: self._roots[tip] for tip in tips}


def _check_step(old: Record, new: Record) -> None:
    if ref_of(old) != ref_of(new):
        raise ValueError(f"The record of {ref_of(new)} can not follow that of {ref_of(old)}.")
    if isinstance(old, JobRecord) and isinstance(new, JobRecord):
        check_step(old, new)


def _all(pattern: str) -> tuple[str, ...]:
    return (f"+{pattern}:{pattern}",)


def _exactly(ref: str) -> tuple[str, ...]:
    """Refspecs for `ref` alone that do not fail when the remote has no such ref, as an exact name would.

    A pattern may match nothing; the negative ones take out the numbers that only begin like ours.
    """
    return (*_all(f"{ref}*"), *(f"^{ref}{digit}*" for digit in range(10)))


def _flat_tree(data: bytes) -> dict[str, Sha]:
    """Read a git tree object's plain files: `mode name NUL sha`, again and again."""
    files: dict[str, Sha] = {}
    position = 0
    while position < len(data):
        end = data.index(b"\0", position)
        mode, _, name = data[position:end].partition(b" ")
        if mode == b"100644":
            files[os.fsdecode(name)] = data[end + 1 : end + 21].hex()
        position = end + 21
    return files
