"""What the integration branch holds until people merge it, as part of the merge train's record. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pushpals.model import Car, CarArrived, CarHeld, CarLeft, Failure, JobId, Rolling, Sha, TrainRecord

REMEMBERED = 50
"""How many that were merged, or left, are kept at least: their jobs look for them right afterwards."""


def held(record: TrainRecord | None, job: JobId, head: Sha | None) -> CarHeld | None:
    """Return a job's change among those that are gathered with exactly this head, if it is."""
    rolling = record.rolling if record else None
    return (
        next((each for each in rolling.held if (each.job, each.head) == (job, head)), None)
        if rolling
        else None
    )


def with_held(rolling: Rolling, cars: Sequence[Car], commit: Sha, at: datetime) -> Rolling:
    """Return what is gathered once `cars` are in `commit` too. A later head of a job takes its place."""
    new = {car.job for car in cars}
    come = (
        CarHeld(job=car.job, head=car.head, commit=commit, title=car.title, evidence=car.evidence, at=at)
        for car in cars
    )
    return rolling.model_copy(update={"held": (*(e for e in rolling.held if e.job not in new), *come)})


def begun(record: TrainRecord, branch: str, base: Sha) -> TrainRecord:
    """Return the record with an integration branch that begins at `base` and holds nothing yet."""
    return record.model_copy(update={"branch": branch, "base": base, "rolling": Rolling(branch=branch)})


def shown_in(record: TrainRecord, pull: int) -> TrainRecord:
    """Return the record knowing its pull request. Raises ValueError when nothing is gathered."""
    if record.rolling is None:
        raise ValueError("Nothing is gathered that could be shown.")
    return record.model_copy(update={"rolling": record.rolling.model_copy(update={"pull": pull})})


def settled(
    record: TrainRecord,
    taken: Collection[JobId],
    lost: Collection[JobId],
    why: Failure,
    at: datetime,
    *,
    over: bool,
) -> TrainRecord:
    """Return the record once the changes `taken` are merged, and `lost` are not gathered any more.

    What is left is shown in a new pull request, once the old one is `over`; where nothing is left, the branch
    begins anew with the next batch.
    """
    rolling = record.rolling
    if rolling is None:
        raise ValueError("Nothing is gathered that could be merged.")
    in_ = [
        CarArrived(job=each.job, head=each.head, commit=each.commit, at=at)
        for each in rolling.held
        if each.job in taken
    ]
    out = [
        CarLeft(job=each.job, head=each.head, failure=why, at=at)
        for each in rolling.held
        if each.job in lost and each.job not in taken
    ]
    rest = tuple(each for each in rolling.held if each.job not in taken and each.job not in lost)
    update = {"held": rest, "pull": None if over else rolling.pull}
    return record.model_copy(
        update={
            "rolling": rolling.model_copy(update=update) if rest else None,
            # All that was merged at once is remembered, however much it was.
            "arrived": (*record.arrived, *in_)[-max(REMEMBERED, len(in_)) :],
            "left": (*record.left, *out)[-max(REMEMBERED, len(out)) :],
        }
    )
