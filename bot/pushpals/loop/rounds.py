"""Further rounds on a published job, tries from its base, and going on from a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.loop.hands import Again, entry_of
from pushpals.model import ENDED, Failure, FailureKind, JobState, OrderKind, Standing, WaitReason
from pushpals.workerpals.assignment import Checkpoint

if TYPE_CHECKING:
    from pushpals.ledger import Entry
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.services import Repo
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Sha

FRESH = {
    "state": JobState.QUEUED,
    "attempt": 0,
    "holder": None,
    "not_before": None,
    "failure": None,
    "failures": (),
    "setback": None,
    "waiting": None,
    "asks": None,
    "asks_why": None,
    "resumes": False,
}
"""What a job has when its work begins anew."""


def ended(
    job: JobRecord, failure: Failure, *, for_good: bool = False, cause: str | None = None
) -> dict[str, object]:
    """Return the changes that end a job's work with `failure`; `cause` is what asked for that, if it did.

    A job that has a pull request goes back to that: what was published stands, and the failure is kept as the
    setback of the round that came to nothing. `for_good` ends such a job too.

    Its head is again the commit that was checked, also where people have pushed to the branch since: nothing
    is claimed of a commit that nobody looked at.
    """
    asked = (cause,) if cause else ()
    if job.head is not None and not for_good:
        served = tuple(dict.fromkeys((*job.served, *(order.cause for order in job.orders), *asked)))
        back = {"state": JobState.PUBLISHED, "merges": None, "waiting": None, "asks": None, "holder": None}
        stood = job.standing
        stands = {"report": stood.report, "tree": stood.tree, "head": stood.head or job.head} if stood else {}
        setback = _of_a_round(failure)
        return {**back, **stands, "standing": None, "setback": setback, "failure": None, "served": served}
    cancelled = failure.kind is FailureKind.CANCELLED
    state = JobState.CANCELLED if cancelled else JobState.FAILED
    ending = {"state": state, "failure": failure, "waiting": None, "asks": None}
    return {**ending, "served": (*job.served, cause)} if cause else ending


def _of_a_round(failure: Failure) -> Failure:
    """Return the failure with what to do about it where a pull request stands: nothing is to begin anew."""
    if failure.kind not in {FailureKind.CHECKS, FailureKind.NO_CHANGE, FailureKind.POLICY}:
        return failure
    again = "Ask again with `/pushpals fix …` on the pull request, and say more."
    return failure.model_copy(update={"next_step": again})


def _standing(job: JobRecord) -> Standing:
    return Standing(report=job.report, tree=job.tree, head=job.head)


async def go_on(step: steps.GoOn, s: Snapshot, hands: Hands) -> Snapshot:
    """Queue a further round. Raises Again: whose word it is needs to be read anew."""
    entry = entry_of(s, step.job)
    job = entry.record
    if job.state not in {JobState.PUBLISHED, JobState.APPROVED}:
        return s
    if job.state is JobState.APPROVED:
        s = await hands.record(s, entry, {"state": JobState.PUBLISHED}, "More is asked of it.")
        entry = entry_of(s, step.job)
    kinds = {order.kind for order in step.orders}
    changes = {
        **FRESH,
        "orders": step.orders,
        "round": job.round + 1,
        "sent_back": 0,
        "head": step.head,
        "start": step.head,
        "merges": step.merges,
        "asker": next((order.by for order in reversed(step.orders) if order.by), None),
        "spent_before": job.usage,
        "standing": job.standing or _standing(job),
        "ci_rounds": job.ci_rounds + (OrderKind.CI in kinds),
        "conflict_rounds": job.conflict_rounds + (OrderKind.CONFLICT in kinds),
    }
    await hands.record(s, entry, changes, f"Round {job.round + 2}: {', '.join(sorted(kinds))}.")
    raise Again


async def retry(step: steps.Retry, s: Snapshot, hands: Hands) -> Snapshot:
    """Queue a job again, from the base branch as it stands. Raises Again."""
    entry = entry_of(s, step.job)
    job = entry.record
    if job.knows(step.cause) or job.state in ENDED - {JobState.FAILED, JobState.CANCELLED}:
        return s
    if await hands.crew.stop(hands.repo.ref, step.job):
        raise Again  # the worker may have moved the record on its way out
    if job.state is JobState.APPROVED:
        s = await hands.record(s, entry, {"state": JobState.PUBLISHED}, "It is to be done again.")
        entry = entry_of(s, step.job)
    changes = {
        **FRESH,
        "round": job.round + 1 if step.head else job.round,
        "sent_back": 0,
        "head": step.head,
        "start": None,
        "merges": None,
        "orders": (),
        "base": job.base if _ground_stands(job, s) else s.ledger.base,
        "served": (*job.served, step.cause),
        "asker": step.by,
        "spent_before": job.usage,
        "standing": (job.standing or _standing(job)) if step.head else None,
    }
    await hands.record(s, entry, changes, f"{step.by.login} asked for another try from the base.")
    raise Again


def _ground_stands(job: JobRecord, s: Snapshot) -> bool:
    """Tell whether a job builds on another one that is not merged yet."""
    below = [entry.record.state for entry in s.ledger.jobs if entry.record.branch == job.onto]
    return bool(below) and JobState.MERGED not in below


async def resume(step: steps.Resume, s: Snapshot, hands: Hands) -> Snapshot:
    """Queue a job that waits, to go on from its checkpoint. Raises Again."""
    entry = entry_of(s, step.job)
    job = entry.record
    if job.knows(step.cause) or job.state is not JobState.WAITING:
        return s
    factor = min(16.0, job.budget_factor * step.factor)
    changes = {
        **FRESH,
        # What waited for a day had not begun: it goes on from a checkpoint only if it would have anyway.
        "resumes": job.resumes or job.waiting is not WaitReason.DAY,
        "budget_factor": factor,
        "allowed": (*job.allowed, *step.allowed),
        "denied": (*job.denied, *step.denied),
        "served": (*job.served, step.cause),
        "asker": step.by,
    }
    await hands.record(s, entry, changes, f"{step.by.login} lets it go on.")
    raise Again


async def merges_alone(repo: Repo, job: JobRecord) -> bool:
    """True when the round is to merge the base branch and nothing else, and the two do not conflict."""
    only = {order.kind for order in job.orders} <= {OrderKind.CONFLICT, OrderKind.REBASE}
    if job.merges is None or not only or job.sent_back:
        return False
    return (await repo.mirror.merge(job.origin, job.merges)).clean


async def origin_of(repo: Repo, job: JobRecord) -> Sha:
    """Return the commit, or for a merge the tree, that the present round begins on; it is in the mirror then.

    Where the base branch is merged in, that tree has both sides between markers wherever they conflict.
    """
    branch = f"refs/heads/{job.branch}" if job.start else f"refs/heads/{job.onto}" if job.onto else None
    await repo.mirror.ensure(job.origin, branch)
    if job.merges is None:
        return job.origin
    await repo.mirror.ensure(job.merges, f"refs/heads/{await repo.default_branch()}")
    return (await repo.mirror.merge(job.origin, job.merges)).tree


async def checkpoint_of(repo: Repo, entry: Entry[JobRecord], origin: Sha) -> Checkpoint:
    """Return the earlier work that an attempt goes on from, by content; it is empty where there is none."""
    diff = await repo.ledger.file(entry, "patch.diff") if entry.record.resumes else None
    if not diff:
        return Checkpoint({})
    # By the diff alone: once it was judged, the report lists the files of the whole pull request.
    tree = await repo.mirror.apply_diff(origin, diff)
    changes = await repo.mirror.diff_files(origin, tree)
    files = {change.path: await repo.mirror.read(tree, change.path) for change in changes}
    return Checkpoint(files, frozenset(change.path for change in changes if change.mode == "100755"))
