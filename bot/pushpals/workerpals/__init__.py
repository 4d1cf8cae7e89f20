"""The WorkerPals: specialists who do one task each in a sandboxed workspace."""

from pushpals.workerpals.agent import work
from pushpals.workerpals.assignment import Assignment, Outcome
from pushpals.workerpals.events import (
    AgentEvent,
    CheckRan,
    Emit,
    ModelCalled,
    Note,
    Refused,
    ToolUsed,
    TurnStarted,
)

__all__ = [
    "AgentEvent",
    "Assignment",
    "CheckRan",
    "Emit",
    "ModelCalled",
    "Note",
    "Outcome",
    "Refused",
    "ToolUsed",
    "TurnStarted",
    "work",
]
