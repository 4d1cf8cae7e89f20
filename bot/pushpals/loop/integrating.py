"""Record where a job stands on its way from its branch to the base: approved, on the train, or sent back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.loop.hands import entry_of
from pushpals.model import JobState

if TYPE_CHECKING:
    from pushpals.loop import steps
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot


async def approve_job(step: steps.ApproveJob, s: Snapshot, hands: Hands) -> Snapshot:
    """Record that what is on the job's branch may land."""
    entry, approval = entry_of(s, step.job), step.approval
    changes: dict[str, object] = {"state": JobState.APPROVED, "approved": approval, "returned": None}
    if approval.how == "command":
        changes["served"] = (*entry.record.served, approval.cause)
    said = f"{approval.by.login} lets {approval.head[:12]} land."
    return await hands.record(s, entry, changes, said)


async def void_approval(step: steps.VoidApproval, s: Snapshot, hands: Hands) -> Snapshot:
    """Record that it may not land any more."""
    changes = {"state": JobState.PUBLISHED, "approved": None, "halt": None, "gathered": None}
    return await hands.record(s, entry_of(s, step.job), changes, f"Not to land: {step.why}")


async def take_back(step: steps.TakeBack, s: Snapshot, hands: Hands) -> Snapshot:
    """Record that the merge train sent it back."""
    changes: dict[str, object] = {"state": JobState.PUBLISHED, "approved": None, "halt": None}
    changes |= {"returned": step.out, "gathered": None}
    said = f"Sent back by the merge train: {step.out.failure.cause}"
    return await hands.record(s, entry_of(s, step.job), changes, said)


async def note_ride(step: steps.NoteRide, s: Snapshot, hands: Hands) -> Snapshot:
    """Record that it is on the merge train, or waits for it again."""
    state = JobState.INTEGRATING if step.on_board else JobState.APPROVED
    changes = {"state": state, "halt": step.halt, "gathered": step.gathered}
    said = "On the merge train." if step.on_board else "Waits for the merge train."
    if step.gathered:
        said = f"Tested and on {step.gathered.branch}."
    said = f"The merge train stands still: {step.halt.cause}" if step.halt else said
    return await hands.record(s, entry_of(s, step.job), changes, said)
