"""Which state of a job may follow which (docs/architecture.md, section 2)."""

from __future__ import annotations

from collections.abc import Mapping

from pushpals.model import JobRecord, JobState

_S = JobState

# From anywhere that is not an end: it may fail, be cancelled, be superseded, or wait for somebody; and a
# person may merge what was published while another round of work on it is under way.
_ALWAYS = frozenset({_S.FAILED, _S.CANCELLED, _S.SUPERSEDED, _S.WAITING, _S.MERGED})

# The way forward first, then the ways back; an attempt that is given up goes back to the queue.
_NEXT: Mapping[JobState, frozenset[JobState]] = {
    _S.QUEUED: frozenset({_S.CLAIMED}),
    _S.CLAIMED: frozenset({_S.RUNNING, _S.QUEUED}),
    _S.RUNNING: frozenset({_S.PROPOSED, _S.CLAIMED, _S.QUEUED}),
    _S.PROPOSED: frozenset({_S.GATED, _S.CLAIMED, _S.QUEUED}),
    _S.GATED: frozenset({_S.PUBLISHED, _S.CLAIMED, _S.QUEUED}),
    _S.PUBLISHED: frozenset({_S.APPROVED, _S.MERGED, _S.QUEUED}),
    _S.APPROVED: frozenset({_S.INTEGRATING, _S.MERGED, _S.PUBLISHED}),
    _S.INTEGRATING: frozenset({_S.MERGED, _S.APPROVED, _S.PUBLISHED}),
    _S.WAITING: frozenset({_S.QUEUED, _S.CLAIMED, _S.PROPOSED, _S.GATED, _S.PUBLISHED, _S.APPROVED}),
    # A person may ask for another try.
    _S.FAILED: frozenset({_S.QUEUED, _S.CANCELLED, _S.SUPERSEDED}),
    _S.CANCELLED: frozenset({_S.QUEUED}),
    _S.SUPERSEDED: frozenset(),
    _S.MERGED: frozenset(),
}
_ENDS = frozenset({_S.FAILED, _S.CANCELLED, _S.SUPERSEDED, _S.MERGED})

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    # Staying is always legal: a heartbeat, or a fact added to the record.
    state: (after if state in _ENDS else after | _ALWAYS) | {state}
    for state, after in _NEXT.items()
}


_ROUND = frozenset({_S.QUEUED, _S.CLAIMED, _S.RUNNING, _S.PROPOSED})


def check_transition(old: JobState, new: JobState, *, stands: bool = False) -> None:
    """Raise ValueError when a job in state `old` may not go to `new`.

    `stands` is True when the job has a published commit that this step leaves as it is: a further round that
    came to nothing goes back to that.
    """
    if stands and new is _S.PUBLISHED and old in _ROUND:
        return
    if new not in TRANSITIONS[old]:
        legal = ", ".join(sorted(TRANSITIONS[old] - {old})) or "nothing, it is an end"
        raise ValueError(f"A job can not go from {old} to {new}. After {old} comes: {legal}.")


def check_step(old: JobRecord, new: JobRecord) -> None:
    """Raise ValueError when record `new` may not follow `old`.

    What was published stands until the next publication: while a further round goes on, the record's head is
    where the branch was found, and the commit that was checked before is kept aside.
    """
    stood = {old.head, old.standing.head if old.standing else old.head}
    check_transition(old.state, new.state, stands=old.head is not None and new.head in stood)
