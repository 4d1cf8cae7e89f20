"""The audit trail: events as JSON lines, each holding the digest of the line before it.

Whoever knows the job and the head (the digest of the last line, kept in the ledger's commits) can tell
offline that nothing was altered, dropped, swapped, inserted or cut off.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Final, Literal

from pydantic import AwareDatetime, Field, JsonValue, TypeAdapter, ValidationError

from pushpals.audit.shorten import shorten, shorten_data
from pushpals.model import Frozen

Kind = Literal[
    "approval",
    "check",
    "command",
    "diff",
    "edit",
    "failure",
    "gate",
    "model_call",
    "note",
    "publish",
    "refused",
    "state",
]
Zone = Literal["control", "model", "sandbox"]

MAX_LINE_BYTES: Final = 256 * 1024
"""Bytes of one line. What is too long for it is cut in the middle, and says so: no event stops the record."""


class AuditEvent(Frozen):
    """One thing that happened: when, in which zone, by whom, in words, and as data.

    Text and attributes are recorded as they are: redact them first (`pushpals.audit.redact`).
    """

    at: AwareDatetime
    kind: Kind
    zone: Zone = "control"
    actor: str = "pushpals"
    text: str = ""
    attributes: dict[str, JsonValue] = Field(default_factory=dict)


class _Line(AuditEvent):
    """An event with its place in the chain, as it is written."""

    seq: int
    prev: str


class Verified(Frozen):
    """The chain holds: so many events, and this head."""

    count: int
    head: str


class Broken(Frozen):
    """The chain does not hold from line `line` on (from 1; 0 for the trail as a whole), and why."""

    line: int
    why: str


def genesis(job_id: str) -> str:
    """Return the digest that the first line of a job's trail refers to: the sha256 (hex) of the job id."""
    return hashlib.sha256(job_id.encode()).hexdigest()


class Chain:
    """A trail that only grows. `resume` continues one that was written before."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.count = 0
        self.head = genesis(job_id)
        """The digest of the last line: kept elsewhere, it shows that nothing was cut off the end."""

    @classmethod
    def resume(cls, job_id: str, lines: Iterable[str]) -> Chain:
        """Return the chain that continues `lines`; raises ValueError when they do not verify."""
        checked = verify(lines, job_id)
        if isinstance(checked, Verified):
            chain = cls(job_id)
            chain.count, chain.head = checked.count, checked.head
            return chain
        raise ValueError(f"the audit trail of {job_id} is broken at line {checked.line}: {checked.why}")

    def append(self, event: AuditEvent) -> str:
        """Return the line for `event` (no line feed), cut to `MAX_LINE_BYTES`, and advance."""
        line = _fitting(_Line(**dict(event), seq=self.count + 1, prev=self.head))
        self.count += 1
        self.head = _digest(line)
        return line


def verify(lines: str | Iterable[str], job_id: str, head: str | None = None) -> Verified | Broken:
    """Check a trail, as text or as lines. With `head`, as kept in the ledger, a missing end is found too."""
    previous = genesis(job_id)
    count = 0
    for line in _split(lines):
        count += 1
        read = _read(line)
        if isinstance(read, str):
            return Broken(line=count, why=read)
        if read.seq != count:
            return Broken(line=count, why=f"is numbered {read.seq}; lines were dropped, added or swapped")
        if read.prev != previous:
            return Broken(line=count, why="does not continue the line before it; one of the two was altered")
        previous = _digest(line)
    if head is not None and previous != head:
        return Broken(line=count, why="is not the last line that was recorded; the end is missing or altered")
    return Verified(count=count, head=previous)


def read_events(lines: str | Iterable[str]) -> tuple[AuditEvent, ...]:
    """Return the events of a trail, the chain unchecked; raises ValueError for a line that is none."""
    events = []
    for number, line in enumerate(_split(lines), start=1):
        read = _read(line)
        if not isinstance(read, _Line):
            raise ValueError(f"line {number} {read}")  # noqa: TRY004 - the value is wrong, not its type
        events.append(AuditEvent.model_validate(read.model_dump(exclude={"seq", "prev"})))
    return tuple(events)


def _split(lines: str | Iterable[str]) -> Iterable[str]:
    # Only "\n" ends a line: str.splitlines would also split at characters that JSON leaves in strings.
    return lines.removesuffix("\n").split("\n") if isinstance(lines, str) and lines else lines


def _read(line: str) -> _Line | str:
    """Return a line's event, or why it is none. Only the one canonical spelling of an event is accepted."""
    try:
        read = _LINE.validate_json(line)
    except ValidationError:
        return "is not an audit event"
    return read if _canonical(read) == line else "is not written the way PushPals writes it"


def _fitting(line: _Line) -> str:
    """Return the spelling of a line whose texts and lists are cut as far as `MAX_LINE_BYTES` needs."""
    limit = MAX_LINE_BYTES
    while len(spelled := _canonical(line)) > MAX_LINE_BYTES:
        # How long a text is when spelled depends on its characters: one may take up to twelve bytes.
        limit //= 2
        cut = {
            "actor": shorten(line.actor, limit),
            "text": shorten(line.text, limit),
            "attributes": shorten_data(line.attributes, limit),
        }
        line = line.model_copy(update=cut)
    return spelled


def _canonical(line: _Line) -> str:
    """Return the one spelling of a line: sorted keys, no spaces, ASCII only."""
    return json.dumps(line.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


_LINE: Final = TypeAdapter(_Line)
