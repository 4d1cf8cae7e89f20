"""What people can say to PushPals, and what kind of right each word needs."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Verb(StrEnum):
    """The first word of a command."""

    HELP = "help"
    STATUS = "status"
    EXPLAIN = "explain"
    ASK = "ask"
    RUN = "run"
    PLAN = "plan"
    APPROVE = "approve"
    REJECT = "reject"
    RETRY = "retry"
    CANCEL = "cancel"
    FIX = "fix"
    BUDGET = "budget"
    REVIEW = "review"
    REBASE = "rebase"
    INTEGRATE = "integrate"
    REVERT = "revert"


TOLD: Final = frozenset({Verb.HELP, Verb.STATUS, Verb.EXPLAIN})
"""Answered from what is on record, at no cost: also to the author of the issue or pull request itself."""
ASKED: Final = TOLD | {Verb.ASK}
"""Answered in words, changing nothing. All other verbs act."""
