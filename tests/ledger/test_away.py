"""A job's record is taken along and brought back: as work on that job, or not at all."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pushpals.audit.chain import AuditEvent, Chain
from pushpals.git import GitError, Mirror
from pushpals.ledger import ClaimLost, Entry, Ledger, NotThisJob, job_ref, returned
from pushpals.ledger.encoding import canonical
from pushpals.model import (
    Failure,
    FailureKind,
    Holder,
    JobRecord,
    JobState,
    Order,
    OrderKind,
    Person,
    Report,
    Spending,
    Standing,
    Task,
    Usage,
)
from tests.git.remotes import BareRemote, anonymous
from tests.ledger.records import BOT, NOON, job, moved

HOLDER = Holder(instance="actions", boot="77")
REF = job_ref("42-1")
HOME = "refs/pushpals-home/42-1"
LATER = NOON + timedelta(minutes=10)


SPENT = Spending(day=NOON.date(), tokens=5)


class Trip:
    """A claim, the ledger at home, and a copy of it somewhere else."""

    def __init__(self, home: Mirror, ledger: Ledger, taken: Entry[JobRecord], away: Mirror) -> None:
        self.home, self.ledger, self.taken, self.away = home, ledger, taken, away
        self.work = Ledger(away, BOT)
        self.chain = Chain("42-1")
        self.chain.append(AuditEvent(at=NOON, kind="note", text="Claimed."))

    async def step(self, entry: Entry[JobRecord], state: JobState, **changes: object) -> Entry[JobRecord]:
        """Move the record as a worker does."""
        record = moved(entry.record, state, **changes)
        line = self.chain.append(AuditEvent(at=NOON, kind="note", text=state))
        files = {"patch.diff": b"a patch"} if state is JobState.PROPOSED else {}
        return await self.work.advance(entry, record, message="On.", when=NOON, files=files, audit=[line])

    async def commit(
        self,
        record: JobRecord | bytes,
        *,
        parents: list[str] | None = None,
        files: Mapping[str, bytes] | None = None,
        message: str = "On.",
    ) -> str:
        """Write a commit as nobody's ledger would, and let the ref point at it."""
        data = record if isinstance(record, bytes) else canonical(record)
        audit = await self.away.read(self.taken.sha, "audit.jsonl") or b""
        tree = await self.away.tree_of({"record.json": data, "audit.jsonl": audit, **(files or {})})
        on = [self.taken.sha] if parents is None else parents
        tip = await self.away.commit(tree, on, message, author=BOT, when=NOON)
        await self.away._git.run("update-ref", REF, tip)
        return tip

    async def back(self, folder: Path, now: datetime = LATER) -> Entry[JobRecord]:
        """Bring the record back as a file, and look at it."""
        bundle = folder / "job.bundle"
        await self.away.pack(bundle, REF, self.taken.sha)
        tip = await self.home.unpack(bundle, REF, HOME)
        return await returned(self.home, self.taken, tip, now)


@pytest.fixture
async def trip(remote: BareRemote, tmp_path: Path) -> Trip:
    home = await remote.mirror(tmp_path / "mirror.git")
    ledger = Ledger(home, BOT)
    await ledger.observe(42, "main")
    line = Chain("42-1").append(AuditEvent(at=NOON, kind="note", text="Claimed."))
    queued = await ledger.create(REF, job(), message="Queued.", when=NOON, audit=[line])
    held = moved(
        queued.record, JobState.CLAIMED, holder=HOLDER, by=HOLDER, attempt=1, away_until=LATER, today=SPENT
    )
    taken = await ledger.advance(queued, held, message="Claimed.", when=NOON)
    await ledger.observe(42, "main")
    await home.duplicate(tmp_path / "copy.git", "main")
    away = await Mirror.open(tmp_path / "away.git", str(tmp_path / "copy.git"), anonymous)
    await Ledger(away, BOT).observe(42, "main")
    return Trip(home, ledger, taken, away)


async def proposed(trip: Trip, **changes: object) -> Entry[JobRecord]:
    running = await trip.step(trip.taken, JobState.RUNNING)
    entry = await trip.step(running, JobState.PROPOSED, report=Report(words="Done."), **changes)
    await trip.work.observe(42, "main")
    return entry


async def test_honest_work_comes_home_and_becomes_the_record(trip: Trip, tmp_path: Path) -> None:
    entry = await proposed(trip)
    brought = await trip.back(tmp_path)
    assert (brought.sha, brought.record.state, brought.root) == (
        entry.sha,
        JobState.PROPOSED,
        trip.taken.root,
    )
    await trip.ledger.adopt(trip.taken, brought)
    now = await trip.ledger.read(JobRecord, REF)
    assert now == brought
    assert await trip.ledger.file(brought, "patch.diff") == b"a patch"


async def test_what_moved_at_home_meanwhile_stays(trip: Trip, tmp_path: Path) -> None:
    await proposed(trip)
    failure = Failure(kind=FailureKind.CANCELLED, cause="ada stopped it.", next_step="Ask anew.")
    stopped = moved(trip.taken.record, JobState.CANCELLED, failure=failure)
    ended = await trip.ledger.advance(trip.taken, stopped, message="Stopped.", when=NOON)
    with pytest.raises(ClaimLost):
        await trip.ledger.adopt(trip.taken, await trip.back(tmp_path))
    assert await trip.ledger.read(JobRecord, REF) == ended


def findings(**facts: object) -> Order:
    return Order.model_validate({"kind": OrderKind.FINDINGS, "cause": "findings:1:1", "at": NOON, **facts})


async def test_what_the_review_sends_back_may_say_so(trip: Trip, tmp_path: Path) -> None:
    entry = await proposed(trip)
    back = {"attempt": 0, "holder": None, "resumes": True, "sent_back": 1, "orders": (findings(),)}
    await trip.step(entry, JobState.QUEUED, **back)
    await trip.work.observe(42, "main")
    assert (await trip.back(tmp_path)).record.sent_back == 1


ADA = Person(id=1, login="ada")
RUNNING = JobState.RUNNING

FIELDS: Mapping[str, tuple[JobState, dict[str, object], str]] = {
    "another request": (RUNNING, {"request": 43}, "changes request"),
    "another branch": (RUNNING, {"branch": "main"}, "changes branch"),
    "another base": (RUNNING, {"base": "c" * 40}, "changes base"),
    "a wider scope": (
        RUNNING,
        {"task": Task(goal="Accept dots", scope=(".github/**",))},
        "changes task",
    ),
    "no checks": (RUNNING, {"task": Task(goal="Accept dots", checks=("true",))}, "changes task"),
    "a command allowed": (RUNNING, {"allowed": ("curl evil",)}, "changes allowed"),
    "a larger budget": (RUNNING, {"budget_factor": 16.0}, "changes budget_factor"),
    "a longer leave": (RUNNING, {"away_until": LATER + timedelta(days=9)}, "changes away_until"),
    "another asker": (RUNNING, {"asker": ADA}, "changes asker"),
    "another parent for the push": (RUNNING, {"start": "c" * 40}, "changes start"),
    "a merge nobody ordered": (RUNNING, {"merges": "c" * 40}, "changes merges"),
    "a branch that stands": (RUNNING, {"head": "c" * 40}, "changes head"),
    "a cause": (RUNNING, {"cause": "event-2"}, "changes cause"),
    "another holder": (RUNNING, {"holder": Holder(instance="evil", boot="1")}, "another holder"),
    "another writer": (RUNNING, {"by": Holder(instance="evil", boot="1")}, "another holder"),
    "a fresh count of attempts": (RUNNING, {"attempt": 0}, "counts its attempts anew"),
    "an order of its own": (RUNNING, {"orders": (findings(kind=OrderKind.FIX, by=ADA),)}, "gives orders"),
    "logs it was not given": (RUNNING, {"orders": (findings(runs=(7,)),)}, "gives orders"),
    "sent back twice": (RUNNING, {"sent_back": 2}, "sent back too often"),
    "something answered": (JobState.PUBLISHED, {"served": ("event-9",)}, "can not go from"),
    "money back": (RUNNING, {"usage": Usage(turns=-1)}, "spent less"),
    "yesterday's money back": (RUNNING, {"today": Spending(day=NOON.date(), tokens=4)}, "spent less"),
    "a note from the future": (RUNNING, {"updated_at": LATER + timedelta(hours=1)}, "between the one before"),
    "a note from the past": (RUNNING, {"updated_at": NOON - timedelta(hours=1)}, "between the one before"),
    "published by itself": (JobState.PUBLISHED, {}, "can not go from"),
    "merged by itself": (JobState.MERGED, {}, "does not make a job merged"),
    "cancelled by itself": (JobState.CANCELLED, {}, "does not make a job cancelled"),
    "the gate jumped": (JobState.GATED, {}, "can not go from"),
}


async def test_a_record_that_says_more_than_work_can_is_refused(trip: Trip, tmp_path: Path) -> None:
    said: dict[str, str] = {}
    for name, (state, changes, _) in FIELDS.items():
        await trip.commit(moved(trip.taken.record, state, **changes))
        with pytest.raises(NotThisJob) as refused:
            await trip.back(tmp_path)
        said[name] = str(refused.value)
    assert {name: text for name, text in said.items() if FIELDS[name][2] not in text} == {}


async def unrelated(trip: Trip) -> None:
    await trip.commit(moved(trip.taken.record, RUNNING), parents=[])


async def from_before_the_claim(trip: Trip) -> None:
    before = (await trip.away.parents(trip.taken.sha))[trip.taken.sha][0]
    await trip.commit(moved(trip.taken.record, RUNNING), parents=[before])


async def a_merge(trip: Trip) -> None:
    before = (await trip.away.parents(trip.taken.sha))[trip.taken.sha][0]
    await trip.commit(moved(trip.taken.record, RUNNING), parents=[trip.taken.sha, before])


async def a_strange_file(trip: Trip) -> None:
    await trip.commit(moved(trip.taken.record, RUNNING), files={".gitattributes": b"* filter=evil\n"})


async def a_report_of_its_own(trip: Trip) -> None:
    await trip.commit(moved(trip.taken.record, RUNNING), files={"report.md": b"All is well.\n"})


async def a_huge_record(trip: Trip) -> None:
    await trip.commit(canonical(moved(trip.taken.record, RUNNING)) + b" " * (5 << 20))


async def a_long_message(trip: Trip) -> None:
    await trip.commit(moved(trip.taken.record, RUNNING), message="x" * (20 << 10))


async def no_record(trip: Trip) -> None:
    await trip.commit(b"{}")


async def another_jobs_record(trip: Trip) -> None:
    await trip.commit(canonical(job("43-1", RUNNING)))


async def an_audit_rewritten(trip: Trip) -> None:
    line = Chain("42-1").append(AuditEvent(at=NOON, kind="note", text="Nothing was refused."))
    await trip.commit(moved(trip.taken.record, RUNNING), files={"audit.jsonl": f"{line}\n".encode()})


async def an_audit_that_does_not_chain(trip: Trip) -> None:
    audit = await trip.away.read(trip.taken.sha, "audit.jsonl") or b""
    line = Chain("42-1").append(AuditEvent(at=NOON, kind="note", text="Slipped in."))
    files = {"audit.jsonl": audit + f"{line}\n".encode()}
    await trip.commit(moved(trip.taken.record, RUNNING), files=files)


HISTORIES: Mapping[Callable[[Trip], Awaitable[None]], str] = {
    unrelated: "is not on a line",
    from_before_the_claim: "is not on a line",
    a_merge: "is not on a line",
    a_strange_file: "which no record has",
    a_report_of_its_own: "only the publication writes",
    a_huge_record: "more than 4194304",
    a_long_message: "message that is too long",
    no_record: "can not be read",
    another_jobs_record: "it is the record of refs/pushpals/jobs/43-1",
    an_audit_rewritten: "rewrites audit lines",
    an_audit_that_does_not_chain: "Audit line 2",
}


async def test_a_history_that_no_worker_writes_is_refused(trip: Trip, tmp_path: Path) -> None:
    said: dict[Callable[[Trip], Awaitable[None]], str] = {}
    for write in HISTORIES:
        await write(trip)
        with pytest.raises(NotThisJob) as refused:
            await trip.back(tmp_path)
        said[write] = str(refused.value)
    assert {write: text for write, text in said.items() if HISTORIES[write] not in text} == {}


async def test_a_round_that_came_to_nothing_goes_back_to_what_stood(trip: Trip, tmp_path: Path) -> None:
    stood = Standing(report=Report(words="As it was."), tree="d" * 40, head="e" * 40)
    held = moved(trip.taken.record, JobState.CLAIMED, head="e" * 40, standing=stood)
    ended = {"head": "e" * 40, "tree": "d" * 40, "report": stood.report, "standing": None, "merges": None}
    trip.taken = await trip.ledger.advance(trip.taken, held, message="A round.", when=NOON)
    await trip.ledger.observe(42, "main")
    await trip.home.duplicate(tmp_path / "again.git", "main")
    trip.away = Mirror(tmp_path / "again.git", "", anonymous)
    await trip.commit(moved(held, JobState.PUBLISHED, holder=None, **ended))
    assert (await trip.back(tmp_path)).record.head == "e" * 40
    await trip.commit(moved(held, JobState.PUBLISHED, holder=None, **{**ended, "tree": "a" * 40}))
    with pytest.raises(NotThisJob, match="what was published is not what stood"):
        await trip.back(tmp_path)


async def test_what_is_no_bundle_or_too_large_is_not_read(
    trip: Trip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    junk = tmp_path / "junk.bundle"
    junk.write_bytes(b"# v2 git bundle\n" + b"\0" * 100)
    with pytest.raises(GitError):
        await trip.home.unpack(junk, REF, HOME)
    monkeypatch.setattr("pushpals.git.bundle.MAX_BYTES", 50)
    with pytest.raises(GitError, match="at most 50"):
        await trip.home.unpack(junk, REF, HOME)
    assert await trip.home.resolve(HOME) is None


async def test_a_bundle_moves_no_other_ref(trip: Trip, tmp_path: Path) -> None:
    await proposed(trip)
    bundle = tmp_path / "more.bundle"
    await trip.away._git.run("bundle", "create", "--quiet", str(bundle), REF, "refs/heads/main")
    before = await trip.home.refs()
    await trip.home.unpack(bundle, REF, HOME)
    assert {ref: sha for ref, sha in (await trip.home.refs()).items() if ref != HOME} == before
