"""The buttons on a job's check run: what a person may decide with one tap."""

from __future__ import annotations

import hashlib
from dataclasses import replace
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
    WaitReason.DAY: (MORE, STOP),
    WaitReason.COMMAND: (ALLOW_ONCE, ALLOW_ALWAYS, DENY),
}


def buttons_of(job: JobRecord) -> tuple[CheckAction, ...]:
    """Return the buttons that a job's check run has now."""
    return tuple(replace(button, identifier=_identifier(button, job)) for button in _shown(job))


def pressed(job: JobRecord, identifier: str) -> CheckAction | None:
    """Return the button that a press of `identifier` means; None when the job does not show it any more."""
    return next((button for button in _shown(job) if _identifier(button, job) == identifier), None)


def _shown(job: JobRecord) -> tuple[CheckAction, ...]:
    if job.state is JobState.WAITING and job.waiting:
        return _WAITING.get(job.waiting, (STOP,))
    return (STOP,) if job.state in HELD | {JobState.QUEUED} else ()


def _identifier(button: CheckAction, job: JobRecord) -> str:
    """Return a button's identifier. Those about a command name it: a late press must not allow the next."""
    if job.waiting is not WaitReason.COMMAND:
        return button.identifier
    asked = f"{job.asks} {len(job.served)}".encode(errors="backslashreplace")
    return f"{button.identifier}-{hashlib.sha256(asked).hexdigest()[:9]}"
