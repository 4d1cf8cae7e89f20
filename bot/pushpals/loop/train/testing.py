"""Run the checks of a batch in a sandbox, on the exact tree that would land."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose import integration as words
from pushpals.loop.bench import TreeBench
from pushpals.loop.train import snapshot as steps
from pushpals.model import Task
from pushpals.sandbox import SandboxUnavailable
from pushpals.source_control.gate import no_worse_than_base

if TYPE_CHECKING:
    from pushpals.loop.services import Repo, Services
    from pushpals.loop.train.snapshot import TrainSnapshot
    from pushpals.model import TrainRecord


async def run_checks(services: Services, repo: Repo, s: TrainSnapshot) -> steps.Hear | steps.Halt:
    """Run the checks on the commit under test, and where they fail on its base too.

    What failed before, by name, blames nobody. Raises GitError.
    """
    record = s.ledger.train.record if s.ledger.train else None
    if record is None or record.run is None:
        raise ValueError("There is nothing to test.")
    task = _task(s, record)
    if not task.checks:
        return steps.Halt(words.nothing_to_check())
    bench = TreeBench(repo.mirror, services.sandboxes, services.config.state / "scratch")
    try:
        results = await bench.check(record.run.commit, task)
        green = all(result.ok for result in results)
        if not green:
            ground = record.run.ground or record.base
            green = no_worse_than_base(await bench.check(ground, task), results)
    except SandboxUnavailable as error:
        return steps.Halt(words.checks_can_not_run(str(error)))
    return steps.Hear(green, results)


def _task(s: TrainSnapshot, record: TrainRecord) -> Task:
    """Return the checks to run: those of the policy, else all that the tasks of the cars were judged by."""
    minutes = {check.run: check.timeout_minutes for check in s.policy.checks}
    if not minutes:
        riding = {car.job for car in record.cars}
        for entry in s.ledger.jobs:
            if entry.record.id in riding:
                task = entry.record.task
                minutes |= {check: seconds / 60 for check, seconds in task.check_seconds.items()}
                minutes |= {check: 10.0 for check in task.checks if check not in minutes}
    return Task(goal="The merge train", checks=tuple(minutes), check_minutes=tuple(minutes.values()))
