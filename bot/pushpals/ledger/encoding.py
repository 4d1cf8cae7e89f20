"""How a record lies in git: names of refs, the bytes of a record, the words of a commit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pydantic import ValidationError

from pushpals.ledger.records import LedgerDamaged, R, Record
from pushpals.model import JobId, JobRecord, RequestRecord, Sha, SpendingRecord, TrainRecord

REQUESTS = "refs/pushpals/requests/"
JOBS = "refs/pushpals/jobs/"
TRAIN = "refs/pushpals/train"
SPENDING = "refs/pushpals/spending"
RECORD, AUDIT = "record.json", "audit.jsonl"

_JOB_ID = re.compile(r"[1-9][0-9]{0,8}-[1-9][0-9]{0,8}")


def request_ref(number: int) -> str:
    """Return the ref of the request for issue or pull request `number`."""
    return f"{REQUESTS}{number}"


def job_ref(job: JobId) -> str:
    """Return the ref of a job."""
    return f"{JOBS}{job}"


def ref_of(record: Record) -> str:
    """Return the ref that a record belongs at."""
    match record:
        case JobRecord():
            return job_ref(record.id)
        case RequestRecord():
            return request_ref(record.request.number)
        case TrainRecord():
            return TRAIN
        case SpendingRecord():
            return SPENDING


def job_of(ref: str) -> JobId | None:
    """Return the job that `ref` belongs to, or None when its name is not one of ours."""
    name = ref.removeprefix(JOBS)
    return name if ref.startswith(JOBS) and _JOB_ID.fullmatch(name) else None


def job_order(job: JobId) -> tuple[int, int]:
    """Sort key of a job: request number, then number within the request."""
    number, _, k = job.partition("-")
    return int(number), int(k)


def canonical(record: Record) -> bytes:
    """Return a record as canonical JSON: sorted keys, two spaces, one line break at the end.

    Raises ValueError for a record that could not be read back: `model_copy` checks nothing.
    """
    data = record.model_dump(mode="json", warnings="none")
    text = json.dumps(data, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    type(record).model_validate_json(text)
    return text.encode()


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


def parse_any(ref: str, sha: Sha, data: bytes | None) -> Record:
    """Read a record of the kind that its ref says; see `parse`."""
    if ref.startswith(JOBS):
        return parse(JobRecord, ref, sha, data)
    if ref == TRAIN:
        return parse(TrainRecord, ref, sha, data)
    if ref == SPENDING:
        return parse(SpendingRecord, ref, sha, data)
    return parse(RequestRecord, ref, sha, data)


def message(sentence: str, record: Record) -> str:
    """Return a commit message: `sentence` on one line, and trailers. Raises ValueError for an empty one."""
    if not (subject := _one_line(sentence)):
        raise ValueError("A ledger message is a sentence.")
    trailers: dict[str, object]
    match record:
        case JobRecord():
            trailers = {"Job": record.id, "State": record.state, "Attempt": record.attempt}
            trailers["Nonce"] = record.nonce
            if record.holder:
                trailers["Holder"] = record.holder.instance
        case RequestRecord():
            trailers = {"Request": record.request.number}
        case TrainRecord():
            trailers = {"Train": record.branch, "Base": record.base, "Nonce": record.nonce}
        case SpendingRecord():
            trailers = {"Day": record.today.day, "Nonce": record.nonce}
    lines = "\n".join(f"PushPals-{key}: {_one_line(str(value))}" for key, value in trailers.items())
    return f"{subject}\n\n{lines}\n"


def _one_line(text: str) -> str:
    """Return `text` as one printable line.

    Sentences quote titles, commands and what git said, so they may hold any character; an emoji that is
    newer than this Python counts as unprintable too.
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def audit_bytes(before: bytes, lines: Sequence[str]) -> bytes:
    """Return the audit file with `lines` at its end. Raises ValueError for a line that is not one."""
    for line in lines:
        if not line or "\n" in line or "\r" in line:
            raise ValueError("An audit line is one line of text.")
    return before + "".join(f"{line}\n" for line in lines).encode()
