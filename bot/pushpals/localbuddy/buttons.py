"""The buttons on a job's check run: what a person may decide with one tap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushpals.github import CheckAction
from pushpals.model import HELD, JobState, WaitReason

if TYPE_CHECKING:
    from pushpals.model import JobRecord

STOP: Final = CheckAction("Stop", "Ends this work, publishes nothing of it", "stop")
MORE: Final = CheckAction("Double the budget", "Goes on from where it stopped", "budget-2x")
ALLOW_ONCE: Final = CheckAction("Allow once", "Runs this command, for this job", "allow-once")
ALLOW_ALWAYS: Final = CheckAction("Allow for this repo", "Also proposes it for the policy file", "allow-repo")
DENY: Final = CheckAction("Deny", "Goes on without this command", "deny")

_WAITING: Final = {
    WaitReason.BUDGET: (MORE, STOP),
    WaitReason.COMMAND: (ALLOW_ONCE, ALLOW_ALWAYS, DENY),
}


def buttons_of(job: JobRecord) -> tuple[CheckAction, ...]:
    """Return the buttons that a job's check run has now."""
    if job.state is JobState.WAITING and job.waiting:
        return _WAITING.get(job.waiting, (STOP,))
    return (STOP,) if job.state in HELD | {JobState.QUEUED} else ()
