"""The rules of the merge train: from what is true of it to the steps that are owed. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pushpals.audit.prose import integration as prose
from pushpals.audit.prose.rolling import evidence_line
from pushpals.loop.rules.ci import CiVerdict, ci_verdict, has_ci
from pushpals.loop.rules.rolling import may_be_gathered, rolling_steps
from pushpals.loop.train import snapshot as steps
from pushpals.model import Car, CheckResult
from pushpals.source_control.rolling import held
from pushpals.source_control.train import arrived, left_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pushpals.loop.train.snapshot import TrainSnapshot, TrainStep
    from pushpals.model import JobRecord, TrainRecord, TrainRun

HALTED = timedelta(hours=1)
"""A train that halted tries again after this."""
LOOK = timedelta(minutes=5)
"""How often it is looked whether the CI has said anything, besides when GitHub tells."""
SETTLE = timedelta(minutes=2)
"""How long a commit must have been there before its checks count as complete, where none are required."""


def decide_train(s: TrainSnapshot) -> list[TrainStep]:
    """Return the steps owed to a repository's merge train, the most urgent first; empty when all is quiet."""
    waiting = riders(s)
    record = s.ledger.train.record if s.ledger.train else None
    if record and record.rolling and (owed := rolling_steps(s, record, record.rolling)) is not None:
        return owed
    if record is None or not record.cars:
        fresh = [car for car in waiting.values() if _fresh(record, car, s)]
        return [steps.Board(tuple(fresh))] if fresh else []
    if off := {car.job: why for car in record.cars if (why := _why_off(s, record, car, waiting))}:
        return [steps.LetGo(off)]
    return _under_way(s, record)


def _why_off(s: TrainSnapshot, record: TrainRecord, car: Car, waiting: Mapping[str, Car]) -> str | None:
    """Return in a few words why a car must leave; None when it rides on."""
    if record.branch != s.branch:
        return f"the policy has it land on {s.branch} now"
    return None if _same(waiting.get(car.job), car) else _why(s, car)


def _under_way(s: TrainSnapshot, record: TrainRecord) -> list[TrainStep]:
    """Return the next step of a train with cars that may all ride."""
    if s.policy.integration.branch == s.default:
        same = prose.same_branch(s.default)
        return [steps.Halt(same)] if record.halt != same else []
    if s.trunk and record.rolling is None:
        return [steps.Begin()]
    if record.base != s.ledger.base:
        return [steps.OntoNewBase()]
    if record.halt is not None and s.now < record.updated_at + HALTED:
        return [steps.LookAgain(record.updated_at + HALTED)]
    if record.run is None:
        return [steps.Depart(_checks(s, record))]
    if record.run.green is not None:
        return [steps.Conclude()]
    return _await(s, record, record.run)


def riders(s: TrainSnapshot) -> dict[str, Car]:
    """Return the cars of the jobs that may land now, by job, in the order in which they were approved."""
    if s.policy.integration.train == "never":
        return {}
    found: list[tuple[datetime, int, Car]] = []
    for entry in s.ledger.jobs:
        job = entry.record
        if _may_ride(job) and s.ledger.heads.get(job.branch) == job.head and job.approved:
            car = _car(s, job)
            found += [(job.approved.at, len(found), car)] if car else []
    return {car.job: car for _, _, car in sorted(found, key=lambda each: each[:2])}


def _same(now: Car | None, car: Car) -> bool:
    """Whether a car still is what boarded; a new title of its pull request changes nothing of that."""
    return now is not None and now.model_copy(update={"title": car.title, "evidence": car.evidence}) == car


def _car(s: TrainSnapshot, job: JobRecord) -> Car | None:
    """Return the car of an approved job: of its pull request, or where changes are gathered, without one."""
    pull = s.pulls.get(job.branch)
    evidence = evidence_line(job.report.evidence) if s.trunk and job.report.evidence else ""
    if job.head is None:
        return None
    if pull is None:
        if s.trunk is None or not may_be_gathered(s, job):
            return None
        return Car(job=job.id, branch=job.branch, head=job.head, title=job.task.goal[:200], evidence=evidence)
    fits = pull.head_sha == job.head and pull.state == "OPEN" and not pull.draft
    if not fits or pull.base_ref != s.default:
        return None
    return Car(
        job=job.id,
        branch=job.branch,
        head=job.head,
        pull=pull.number,
        title=pull.title[:200],
        evidence=evidence,
    )


def _may_ride(job: JobRecord) -> bool:
    return job.state in steps.RIDING and job.approved is not None and job.approved.head == job.head


def _fresh(record: TrainRecord | None, car: Car, s: TrainSnapshot) -> bool:
    """Whether a car may board: green alone, and it has neither landed nor left since it was approved.

    Whoever wants one that left to ride again has to say so again.
    """
    theirs = [check for check in s.ci.get(car.head, ()) if not check.mine]
    if any(check.state in {"failure", "pending"} for check in theirs):
        return False
    if record is None:
        return True
    out = left_with(record, car.job, car.head)
    job = next(entry.record for entry in s.ledger.jobs if entry.record.id == car.job)
    back = out is not None and (job.approved is None or job.approved.at <= out.at)
    there = arrived(record, car.job, car.head) or held(record, car.job, car.head) is not None
    return not back and not there


def _why(s: TrainSnapshot, car: Car) -> str:
    """Say in a few words why a car may not ride any more."""
    if s.policy.integration.train == "never":
        return "the policy has no train any more"
    job = next((entry.record for entry in s.ledger.jobs if entry.record.id == car.job), None)
    head = s.ledger.heads.get(car.branch)
    if job is None:
        return "its job ended"
    if head != car.head:
        return "its branch is gone" if head is None else "its branch moved"
    if not _may_ride(job):
        return "it is not approved any more"
    return "its pull request changed"


def _checks(s: TrainSnapshot, record: TrainRecord) -> Literal["github", "sandbox"]:
    """Return who tests a batch: the CI, where there is one and the policy does not say otherwise."""
    asked = s.policy.integration.checks
    if asked != "auto":
        return asked
    trunk = (s.trunk.tip,) if s.trunk else ()
    seen = (record.base, *trunk, *(car.head for car in record.cars))
    return "github" if any(has_ci(s.ci.get(commit, ())) for commit in seen) else "sandbox"


def _await(s: TrainSnapshot, record: TrainRecord, run: TrainRun) -> list[TrainStep]:
    """Wait for the verdict on the commit under test, or take it."""
    if run.checks == "sandbox":
        written_here = record.by is None or record.by.instance == s.holder.instance
        return [steps.TestHere()] if not s.testing and (written_here or s.abandoned) else []
    limit = run.since + timedelta(minutes=s.policy.integration.wait_minutes)
    verdict = ci_verdict(
        s.ci.get(run.commit, ()),
        s.ci.get(record.base, ()),
        s.policy.integration.required,
        settled=s.now >= run.since + SETTLE,
    )
    if verdict.green is False and (red := _red_before(s, verdict)):
        return [steps.Halt(prose.base_is_red(s.branch, red))]
    if verdict.green is not None:
        return [steps.Hear(verdict.green, _results(verdict))]
    if s.now >= limit:
        rule = f"integration.wait_minutes ({s.policy.where('integration.wait_minutes')})"
        asked = s.policy.integration
        silent = prose.ci_is_silent(s.policy.tested_on, run.commit, asked.wait_minutes, verdict.missing, rule)
        return [steps.Halt(silent)]
    soon = max(run.since + SETTLE, s.now + timedelta(seconds=30))
    return [steps.LookAgain(min(limit, s.now + LOOK, soon))]


def _red_before(s: TrainSnapshot, verdict: CiVerdict) -> list[str]:
    """Return the failing checks, if every one of them fails on the base too: then they blame nobody."""
    bases = (s.ledger.base, *((s.trunk.tip,) if s.trunk else ()))
    before = {
        check.name
        for base in bases
        for check in s.ci.get(base, ())
        if check.state == "failure" and not check.mine
    }
    red = [check.name for check in verdict.counted if check.state == "failure"]
    return red if set(red) <= before else []


def _results(verdict: CiVerdict) -> tuple[CheckResult, ...]:
    """Return what counted of the CI's words, as results of checks."""
    return tuple(
        CheckResult(command=check.name, exit_code=1 if check.state == "failure" else 0)
        for check in verdict.counted
    )
