"""The ledger: what PushPals knows lives in git refs, and moves by compare-and-swap."""

from pushpals.ledger.away import NotThisJob, returned
from pushpals.ledger.encoding import SPENDING, TRAIN, job_of, job_ref, request_ref
from pushpals.ledger.ledger import Ledger
from pushpals.ledger.records import (
    Chapter,
    ClaimLost,
    Entry,
    LedgerDamaged,
    LedgerError,
    LedgerView,
    TrainView,
)
from pushpals.ledger.transitions import TRANSITIONS, check_step, check_transition

__all__ = [
    "SPENDING",
    "TRAIN",
    "TRANSITIONS",
    "Chapter",
    "ClaimLost",
    "Entry",
    "Ledger",
    "LedgerDamaged",
    "LedgerError",
    "LedgerView",
    "NotThisJob",
    "TrainView",
    "check_step",
    "check_transition",
    "job_of",
    "job_ref",
    "request_ref",
    "returned",
]
