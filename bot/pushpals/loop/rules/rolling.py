"""The second delivery: what becomes of changes that are gathered on the integration branch. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.audit.prose import rolling as prose
from pushpals.loop.train import snapshot as steps
from pushpals.source_control.rolling import held

if TYPE_CHECKING:
    from pushpals.github import PullView
    from pushpals.loop.train.snapshot import RollingSeen, TrainSnapshot, TrainStep
    from pushpals.model import Failure, JobRecord, Rolling, TrainRecord

STANDS: Final = (prose.CLOSED, prose.STILL_HELD)
"""Rules of the halts that end with what people do to the pull request, and with nothing else."""


def may_be_gathered(s: TrainSnapshot, job: JobRecord) -> bool:
    """Whether a job without a pull request may ride: the policy let it, after what it builds on."""
    record = s.ledger.train.record if s.ledger.train else None
    below = next((entry.record for entry in s.ledger.jobs if entry.record.branch == job.onto), None)
    if job.approved is None or job.approved.how != "policy":
        return False
    return below is None or held(record, below.id, below.head) is not None


def rolling_steps(s: TrainSnapshot, record: TrainRecord, rolling: Rolling) -> list[TrainStep] | None:
    """Return the steps owed to what is gathered. Empty: nothing else goes on either; None: the train does."""
    seen = s.rolling
    if seen is None:
        return None
    pull = next((pull for pull in seen.pulls if pull.number == rolling.pull), None)
    merged = pull is not None and pull.merged
    closed = pull is not None and pull.state == "CLOSED" and not merged
    if seen.taken or seen.lost or merged:
        return [steps.Settle(seen.taken, seen.lost, over=merged or closed)]
    given_up = s.trunk is None or s.branch != rolling.branch
    everything = frozenset(each.job for each in rolling.held)
    if given_up and (closed or not everything):
        return [steps.Settle(lost=everything, over=True)]
    if pull is not None and closed:
        return _stand(record, prose.closed(pull.number, rolling.branch))
    if owed := _shown(s, rolling, seen, pull):
        return owed
    if given_up and rolling.pull is not None:
        return _stand(record, prose.still_held(rolling.pull, rolling.branch))
    if record.halt is not None and record.halt.rule in STANDS:
        return [steps.GoOn()]
    return None


def _stand(record: TrainRecord, why: Failure) -> list[TrainStep]:
    return [steps.Halt(why)] if record.halt != why else []


def _shown(s: TrainSnapshot, rolling: Rolling, seen: RollingSeen, pull: PullView | None) -> list[TrainStep]:
    """Return what brings the pull request in step with what it holds."""
    if not rolling.held:
        return []
    if rolling.pull is None:
        found = next((p for p in seen.pulls if p.state == "OPEN" and p.base_ref == s.default), None)
        if found is not None:
            return [steps.NoteRolling(found.number)]
    title, body = prose.rolling_title(rolling), prose.rolling_body(rolling, s.default)
    if rolling.pull is None or (pull is not None and (pull.title, pull.body) != (title, body)):
        return [steps.ShowRolling(pull, title, body)]
    return []
