"""Records to write into a ledger."""

from datetime import UTC, datetime
from itertools import count

from pushpals.git import Identity
from pushpals.model import JobRecord, JobState, Person, Plan, Request, RequestRecord, Risk, Task, TrainRecord

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOT = Identity("PushPals", "bot@example.org")
BASE = "b" * 40
_nonces = count()


def nonce() -> str:
    return f"nonce-{next(_nonces)}"


def job(job_id: str = "42-1", state: JobState = JobState.QUEUED) -> JobRecord:
    return JobRecord(
        id=job_id,
        request=int(job_id.partition("-")[0]),
        cause="event-1",
        task=Task(goal="Accept dots"),
        state=state,
        base=BASE,
        branch=f"agent/bug-fixer/{job_id}",
        nonce=nonce(),
        created_at=NOON,
        updated_at=NOON,
    )


def moved(record: JobRecord, state: JobState, **changes: object) -> JobRecord:
    return record.model_copy(update={"state": state, "nonce": nonce(), **changes})


def request(number: int = 42) -> RequestRecord:
    return RequestRecord(
        request=Request(
            number=number,
            title="Names with ünusual dots",
            body="They fail.",
            digest=Request.digest_of("a", "b"),
            asker=Person(id=7, login="ana"),
            cause="event-1",
            asked_at=NOON,
        ),
        plan=Plan(tasks=(Task(goal="Accept dots"),), risk=Risk.LOW),
        base=BASE,
        policy_digest="p",
        created_at=NOON,
    )


def train(base: str = BASE, **facts: object) -> TrainRecord:
    record = TrainRecord(branch="main", base=base, nonce=nonce(), created_at=NOON, updated_at=NOON)
    return record.model_copy(update=facts)
