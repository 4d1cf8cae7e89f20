"""The merge train's record and what may happen to it. Pure: a record goes in, the next one comes out.

Nonce, writer and time of a record are stamped by whoever keeps it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pushpals.audit.prose.integration import blamed
from pushpals.model import (
    Car,
    CarArrived,
    CarGroup,
    CarLeft,
    CheckResult,
    Failure,
    JobId,
    Sha,
    TrainRecord,
    TrainRun,
)
from pushpals.source_control.batch import anew, is_rerun, judge, next_test, without
from pushpals.source_control.rate import batch_size, counted
from pushpals.source_control.rolling import with_held

REMEMBERED = 50
"""How many cars that left, or landed, are kept in the record: their jobs look for them right afterwards."""


@dataclass(frozen=True)
class Judged:
    """What a verdict comes to: the record, and the cars that land with the run's commit."""

    record: TrainRecord
    landed: tuple[Car, ...] = ()


def car_of(record: TrainRecord, job: JobId) -> Car | None:
    """Return a job's car, if it rides."""
    return next((car for car in record.cars if car.job == job), None)


def cars_of(record: TrainRecord, jobs: Collection[JobId]) -> tuple[Car, ...]:
    """Return the cars of `jobs`, in the order of `jobs`."""
    known = {car.job: car for car in record.cars}
    return tuple(known[job] for job in jobs if job in known)


def left_with(record: TrainRecord, job: JobId, head: Sha) -> CarLeft | None:
    """Return why a job's car left with exactly this head, if it did; the last time, if often."""
    return next((out for out in reversed(record.left) if (out.job, out.head) == (job, head)), None)


def arrived(record: TrainRecord, job: JobId, head: Sha) -> bool:
    """Whether a job's car landed with exactly this head."""
    return any((each.job, each.head) == (job, head) for each in record.arrived)


def board(record: TrainRecord, waiting: Sequence[Car], base: Sha, most: int) -> TrainRecord:
    """Fill an empty train with the first of those that wait: as many as pays at the present failure rate."""
    cars = tuple(waiting[: batch_size(record.tally, most)])
    groups = (CarGroup(cars=tuple(car.job for car in cars)),) if cars else ()
    return record.model_copy(update={"base": base, "cars": cars, "groups": groups, "run": None, "halt": None})


def next_cars(record: TrainRecord) -> tuple[Car, ...]:
    """Return the cars that are tested next, in order."""
    return cars_of(record, next_test(record.groups))


def second_look(record: TrainRecord) -> bool:
    """Whether the run, or the next one, is the second look at a lone suspect."""
    return is_rerun(record.groups)


def departed(
    record: TrainRecord,
    commit: Sha,
    checks: Literal["github", "sandbox"],
    since: datetime,
    ground: Sha | None = None,
) -> TrainRecord:
    """Return the record while `commit`, made of `next_cars` on `ground` (None: the base), is tested."""
    cars = tuple(car.job for car in next_cars(record))
    run = TrainRun(cars=cars, commit=commit, checks=checks, since=since, ground=ground)
    return record.model_copy(update={"run": run, "runs": record.runs + 1, "halt": None})


def heard(record: TrainRecord, *, green: bool, results: Sequence[CheckResult] = ()) -> TrainRecord:
    """Return the record with the verdict of its run. Raises ValueError when there is no run."""
    if record.run is None:
        raise ValueError("A train that tests nothing has no verdict.")
    short = tuple(result.model_copy(update={"output": ""}) for result in results)
    run = record.run.model_copy(update={"green": green, "results": short})
    return record.model_copy(update={"run": run})


def judged(record: TrainRecord, at: datetime) -> Judged:
    """Draw what follows from the verdict. Raises ValueError while there is none.

    What lands is the run's commit, exactly; the record returned stands on it.
    """
    run = record.run
    if run is None or run.green is None:
        raise ValueError("There is no verdict to draw anything from.")
    verdict = judge(record.groups, green=run.green)
    landed = cars_of(record, verdict.landed)
    out = [
        CarLeft(job=car.job, head=car.head, failure=blamed(record, run.results), at=at)
        for car in cars_of(record, verdict.ejected)
    ]
    gone = {*verdict.landed, *verdict.ejected}
    return Judged(
        record.model_copy(
            update={
                **came_in(record, landed, run.commit, at),
                "base": run.commit if landed else record.base,
                "cars": tuple(car for car in record.cars if car.job not in gone),
                "groups": verdict.groups,
                "run": None,
                "left": (*record.left, *out)[-REMEMBERED:],
                "tally": counted(record.tally, good=len(landed), bad=len(out)),
                "landed": record.landed + len(landed),
            }
        ),
        landed,
    )


def came_in(record: TrainRecord, cars: Sequence[Car], commit: Sha, at: datetime) -> dict[str, object]:
    """Return what changes in the record when cars are in `commit` of its branch: landed, or gathered."""
    if record.rolling is None:
        in_ = [CarArrived(job=car.job, head=car.head, commit=commit, at=at) for car in cars]
        return {"arrived": (*record.arrived, *in_)[-REMEMBERED:]}
    return {"rolling": with_held(record.rolling, cars, commit, at)}


def base_moved(record: TrainRecord, base: Sha) -> TrainRecord:
    """Return the record on another base: all is tested again, and nobody is blamed."""
    return record.model_copy(update={"base": base, "groups": anew(record.groups), "run": None, "halt": None})


def gone(record: TrainRecord, jobs: Collection[JobId], out: Sequence[CarLeft] = ()) -> TrainRecord:
    """Return the record without the cars of `jobs`; `out` tells why, of those who should hear of it.

    A run that holds one of them proves nothing any more about the rest.
    """
    run = record.run if record.run and not set(record.run.cars) & set(jobs) else None
    return record.model_copy(
        update={
            "cars": tuple(car for car in record.cars if car.job not in jobs),
            "groups": without(record.groups, jobs),
            "run": run,
            "left": (*record.left, *out)[-REMEMBERED:],
        }
    )


def halted(record: TrainRecord, why: Failure) -> TrainRecord:
    """Return the record with the reason why nothing goes on. The run is given up."""
    return record.model_copy(update={"halt": why, "run": None})
