"""Perform one step of the merge train: each is one compare-and-swap of its record, so it can be repeated."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.audit.prose import integration as words
from pushpals.audit.prose.rolling import conflicts_with_trunk, gathered_no_more, trunk_message
from pushpals.git import GitDenied, Identity, PushRefused, RefUpdate
from pushpals.ledger import TRAIN
from pushpals.loop.hands import Again
from pushpals.loop.train import snapshot as steps
from pushpals.loop.train.rolling import show_rolling
from pushpals.model import CarLeft, TrainRecord
from pushpals.source_control import rolling, train
from pushpals.source_control.assemble import Stumble, assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pushpals.git import Mirror
    from pushpals.loop.services import Repo, Services
    from pushpals.loop.train.snapshot import TrainSnapshot, TrainStep
    from pushpals.model import Failure, Sha

IDENTITY = Identity("PushPals", "pushpals@users.noreply.github.com")


@dataclass(frozen=True)
class TrainHands:
    """The adapters, for one repository, and who is to begin a test in a task of its own."""

    services: Services
    repo: Repo
    begin: Callable[[TrainSnapshot], None]


async def act_train(step: TrainStep, s: TrainSnapshot, hands: TrainHands) -> TrainSnapshot:  # noqa: PLR0911 - one arm a step
    """Perform `step` and return the snapshot as it then is.

    Raises ClaimLost when somebody else drove, LeaseLost when a branch moved, and the adapters' errors.
    """
    match step:
        case steps.Board():
            return await _board(step, s, hands)
        case steps.LetGo():
            record = train.gone(_record(s), step.jobs)
            why = "; ".join(f"{job}: {reason}" for job, reason in step.jobs.items())
            return await save(s, hands, record, f"Left the train: {why}.")
        case steps.OntoNewBase():
            record = train.base_moved(_record(s), s.ledger.base)
            return await save(s, hands, record, f"`{s.branch}` moved to {s.ledger.base[:12]}: testing again.")
        case steps.Depart():
            return await _depart(step, s, hands)
        case steps.TestHere():
            hands.begin(s)
            return replace(s, testing=True)
        case steps.Hear():
            return await hear(s, hands, step)
        case steps.Conclude():
            return await _conclude(s, hands)
        case steps.Halt():
            return await _halt(s, hands, step.why)
        case steps.LookAgain():
            return s
        case _:
            return await _gather(step, s, hands)


async def _gather(
    step: steps.Begin | steps.Settle | steps.ShowRolling | steps.NoteRolling | steps.GoOn,
    s: TrainSnapshot,
    hands: TrainHands,
) -> TrainSnapshot:
    """Perform a step of the second delivery."""
    record = _record(s)
    match step:
        case steps.Begin():
            return await _begin(s, hands)
        case steps.Settle():
            return await _settle(step, s, hands)
        case steps.ShowRolling():
            return await show_rolling(step, s, hands.repo)
        case steps.NoteRolling():
            record = rolling.shown_in(record, step.pull)
            return await save(s, hands, record, f"#{step.pull} shows what is gathered.")
        case steps.GoOn():
            return await save(s, hands, record.model_copy(update={"halt": None}), "It goes on.")


async def _begin(s: TrainSnapshot, hands: TrainHands) -> TrainSnapshot:
    """Let the integration branch stand where the default branch does; the record moves with it."""
    if s.trunk is None:
        raise ValueError("There is no integration branch to begin.")
    tip, before = s.trunk.tip, s.ledger.heads.get(s.branch)
    record = train.base_moved(rolling.begun(_record(s), s.branch, tip), tip)
    moves = [] if before == tip else [RefUpdate(f"refs/heads/{s.branch}", before, tip)]
    try:
        s = await save(s, hands, record, f"`{s.branch}` begins at {tip[:12]}.", moves)
    except (PushRefused, GitDenied) as refused:
        return await _halt(s, hands, words.push_refused(s.branch, str(refused)))
    heads = {**s.ledger.heads, s.branch: tip}
    seen = steps.RollingSeen(repository_id="")
    return replace(s, ledger=replace(s.ledger, base=tip, heads=heads), rolling=seen)


async def _settle(step: steps.Settle, s: TrainSnapshot, hands: TrainHands) -> TrainSnapshot:
    """Record what was merged, and what is gathered no more; look again, at what is left."""
    record, now = _record(s), hands.services.clock.now()
    branch = record.rolling.branch if record.rolling else s.branch
    why = gathered_no_more(branch)
    record = rolling.settled(record, step.taken, step.lost, why, now, over=step.over)
    said = [f"Merged: {', '.join(sorted(step.taken))}."] if step.taken else []
    said += [f"Gathered no more: {', '.join(sorted(step.lost))}."] if step.lost else []
    await save(s, hands, record, " ".join(said) or f"`{branch}` holds nothing more.")
    raise Again


async def _board(step: steps.Board, s: TrainSnapshot, hands: TrainHands) -> TrainSnapshot:
    now = hands.services.clock.now()
    old = s.ledger.train
    blank = TrainRecord(branch=s.branch, base=s.ledger.base, nonce="-", created_at=now, updated_at=now)
    record = old.record.model_copy(update={"branch": s.branch}) if old else blank
    record = train.board(record, step.cars, s.ledger.base, s.policy.integration.batch)
    names = ", ".join(car.job for car in record.cars)
    return await save(s, hands, record, f"{prose.count(len(record.cars), 'job')} on the train: {names}.")


async def _depart(step: steps.Depart, s: TrainSnapshot, hands: TrainHands) -> TrainSnapshot:
    """Merge the next cars, or let those go that do not merge; push the commit that is to be tested."""
    record, git = _record(s), hands.repo.mirror
    cars = train.next_cars(record)
    ground, conflicts = await _ground(s, record, git)
    if s.trunk and conflicts:
        return await _halt(s, hands, conflicts_with_trunk(s.branch, s.trunk.name, conflicts))
    # The record's own time, so that whoever does it again makes the same commit.
    made = await assemble(
        git,
        ground,
        cars,
        lambda car: words.merge_message(car, record.runs + 1),
        author=IDENTITY,
        when=record.updated_at,
    )
    if made.stumbled:
        return await _stumble(made.stumbled, s, hands)
    now = hands.services.clock.now()
    if made.commit == ground:
        record = train.gone(record, [car.job for car in cars])
        record = record.model_copy(update=train.came_in(record, cars, record.base, now))
        return await save(s, hands, record, "What they hold has landed already.")
    record = train.departed(record, made.commit, step.checks, now, ground if ground != record.base else None)
    branch = s.policy.tested_on
    moved = RefUpdate(f"refs/heads/{branch}", s.ledger.heads.get(branch), made.commit)
    names = ", ".join(car.job for car in cars)
    try:
        s = await save(s, hands, record, f"Testing {names} as {made.commit[:12]}.", [moved])
    except (PushRefused, GitDenied) as refused:
        return await _halt(s, hands, words.push_refused(branch, str(refused)))
    heads = {**s.ledger.heads, branch: made.commit}
    return replace(s, ledger=replace(s.ledger, heads=heads))


async def _ground(s: TrainSnapshot, record: TrainRecord, git: Mirror) -> tuple[Sha, tuple[str, ...]]:
    """Return what cars are merged onto: the base, brought up to date where it is the integration branch.

    The paths are those where the default branch conflicts with it.
    """
    if s.trunk is None or await git.is_ancestor(s.trunk.tip, record.base):
        return record.base, ()
    merged = await git.merge(record.base, s.trunk.tip)
    if not merged.clean:
        return record.base, merged.conflicts
    message = trunk_message(s.branch, s.trunk.name)
    parents = (record.base, s.trunk.tip)
    ground = await git.commit(merged.tree, parents, message, author=IDENTITY, when=record.updated_at)
    return ground, ()


async def _stumble(stumbled: Sequence[Stumble], s: TrainSnapshot, hands: TrainHands) -> TrainSnapshot:
    """Cars that conflict with the base go back to their jobs; those that conflict with others wait."""
    record, now = _record(s), hands.services.clock.now()
    out = [
        CarLeft(
            job=each.car.job,
            head=each.car.head,
            failure=words.does_not_merge(record, each.paths),
            paths=each.paths[:20],
            at=now,
        )
        for each in stumbled
        if each.with_base
    ]
    names = ", ".join(each.car.job for each in stumbled)
    record = train.gone(record, [each.car.job for each in stumbled], out)
    return await save(s, hands, record, f"Does not merge with what is in front of it: {names}.")


async def hear(s: TrainSnapshot, hands: TrainHands, step: steps.Hear) -> TrainSnapshot:
    """Record the verdict on the commit under test."""
    record = train.heard(_record(s), green=step.green, results=step.results)
    commit = record.run.commit[:12] if record.run else "-"
    return await save(s, hands, record, f"{commit} is {'green' if step.green else 'red'}.")


async def _conclude(s: TrainSnapshot, hands: TrainHands) -> TrainSnapshot:
    """Draw what follows from the verdict. What lands is pushed with the record, or neither is."""
    record, now = _record(s), hands.services.clock.now()
    after = train.judged(record, now)
    if not after.landed:
        out = after.record.left[len(record.left) :] if len(after.record.left) > len(record.left) else ()
        said = f"{out[0].job} is sent back." if out else "Red: looking for the one that is to blame."
        return await save(s, hands, after.record, said)
    names = ", ".join(car.job for car in after.landed)
    lands = RefUpdate(f"refs/heads/{s.branch}", record.base, after.record.base)
    try:
        s = await save(s, hands, after.record, f"Landed {names} as {after.record.base[:12]}.", [lands])
    except (PushRefused, GitDenied) as refused:
        return await _halt(s, hands, words.push_refused(s.branch, str(refused)))
    heads = {**s.ledger.heads, s.branch: after.record.base}
    s = replace(s, ledger=replace(s.ledger, base=after.record.base, heads=heads))
    if s.trunk:
        raise Again  # what is gathered is to be shown
    return s


async def _halt(s: TrainSnapshot, hands: TrainHands, why: Failure) -> TrainSnapshot:
    return await save(s, hands, train.halted(_record(s), why), f"Halted: {why.cause}")


async def save(
    s: TrainSnapshot, hands: TrainHands, record: TrainRecord, message: str, also: Sequence[RefUpdate] = ()
) -> TrainSnapshot:
    """Move the train's record by compare-and-swap, refs in `also` with it; return the snapshot with it."""
    now = hands.services.clock.now()
    stamp = {"by": hands.services.holder, "nonce": secrets.token_hex(8), "updated_at": now}
    stamped = record.model_copy(update=stamp)
    ledger = hands.repo.ledger
    if s.ledger.train is None:
        entry = await ledger.create(TRAIN, stamped, message=message, when=now)
    else:
        entry = await ledger.advance(s.ledger.train, stamped, message=message, when=now, also=also)
    return replace(s, ledger=replace(s.ledger, train=entry))


def _record(s: TrainSnapshot) -> TrainRecord:
    if s.ledger.train is None:
        raise ValueError("There is no train to drive.")
    return s.ledger.train.record
