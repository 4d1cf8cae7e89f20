"""How a record lies in git: names of refs, the files of a tree, the words of a commit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import ValidationError

from pushpals.ledger.errors import LedgerDamaged
from pushpals.model import JobId, JobRecord, RequestRecord, Sha

REQUESTS = "refs/pushpals/requests/"
JOBS = "refs/pushpals/jobs/"
RECORD, AUDIT = "record.json", "audit.jsonl"

_JOB_ID = re.compile(r"[1-9][0-9]*-[1-9][0-9]*")

Record = RequestRecord | JobRecord
R = TypeVar("R", RequestRecord, JobRecord)


@dataclass(frozen=True)
class Entry(Generic[R]):
    """A record as it stands: its ref, the commit it was read from, and the first commit of its chain."""

    ref: str
    sha: Sha
    root: Sha
    record: R


@dataclass(frozen=True)
class LedgerView:
    """Everything the ledger knows about one issue or pull request, as of one fetch."""

    base: Sha
    """Tip of the default branch."""
    request: Entry[RequestRecord] | None
    jobs: tuple[Entry[JobRecord], ...]
    """Sorted by the job's number within the request."""
    damaged: tuple[LedgerDamaged, ...] = ()
    """Refs that can not be read. The others are not touched by that."""


@dataclass(frozen=True)
class Chapter:
    """One commit of a record's life."""

    sha: Sha
    when: datetime
    sentence: str
    record: Record


def request_ref(number: int) -> str:
    """Return the ref of the request for issue or pull request `number`."""
    return f"{REQUESTS}{number}"


def job_ref(job: JobId) -> str:
    """Return the ref of a job."""
    return f"{JOBS}{job}"


def ref_of(record: Record) -> str:
    """Return the ref that a record belongs at."""
    return job_ref(record.id) if isinstance(record, JobRecord) else request_ref(record.request.number)


def job_of(ref: str) -> JobId | None:
    """Return the job that `ref` belongs to, or None when its name is not one of ours."""
    name = ref.removeprefix(JOBS)
    return name if ref.startswith(JOBS) and _JOB_ID.fullmatch(name) else None


def job_order(job: JobId) -> tuple[int, int]:
    """Sort key of a job: request number, then number within the request."""
    number, _, k = job.partition("-")
    return int(number), int(k)


def canonical(record: Record) -> bytes:
    """Return a record as canonical JSON: sorted keys, two spaces, one line break at the end."""
    data = record.model_dump(mode="json")
    return (json.dumps(data, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def parse(kind: type[R], ref: str, sha: Sha, data: bytes | None) -> R:
    """Read a record. Raises LedgerDamaged when it is missing, of another version, or no such record."""
    if data is None:
        raise LedgerDamaged(ref, sha, f"its commit has no {RECORD}.")
    try:
        record = kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or RECORD
        raise LedgerDamaged(ref, sha, f"{where}: {first['msg']}.") from None
    if ref_of(record) != ref:
        raise LedgerDamaged(ref, sha, f"it is the record of {ref_of(record)}.")
    return record


def message(sentence: str, record: Record) -> str:
    """Return a commit message: one plain sentence, and trailers. Raises ValueError for more than a line."""
    if not sentence.strip() or not sentence.isprintable():
        raise ValueError("A ledger message is one plain sentence on one line.")
    if isinstance(record, JobRecord):
        trailers = {"Job": record.id, "State": record.state, "Attempt": record.attempt, "Nonce": record.nonce}
        if record.holder:
            trailers["Holder"] = record.holder.instance
    else:
        trailers = {"Request": record.request.number}
    lines = "\n".join(f"PushPals-{key}: {_one_line(value)}" for key, value in trailers.items())
    return f"{sentence.strip()}\n\n{lines}\n"


def _one_line(value: object) -> str:
    return "".join(c if c.isprintable() else " " for c in str(value))


def audit_bytes(before: bytes, lines: Sequence[str]) -> bytes:
    """Return the audit file with `lines` at its end. Raises ValueError for a line that is not one."""
    for line in lines:
        if not line or "\n" in line or "\r" in line:
            raise ValueError("An audit line is one line of text.")
    return before + "".join(f"{line}\n" for line in lines).encode()
