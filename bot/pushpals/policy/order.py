"""Who is served first when more work waits than workers are free. Pure.

Explicit requests, then the labelled backlog, then review follow-ups and conflicts: who asked by name waits
least.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from pushpals.model import JobState, OrderKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import JobRecord


class Place(IntEnum):
    """Places in the queue, the first served first."""

    ASKED = 0
    """Somebody asked for just this, in a command."""
    LABELLED = 1
    """The backlog: issues that carry the label."""
    FOLLOW_UP = 2
    """More on a pull request: remarks, red checks, conflicts."""


def place_of(job: JobRecord) -> Place:
    """Return where a job that waits for a worker stands."""
    if any(order.kind is OrderKind.FIX for order in job.orders):
        return Place.ASKED
    if job.orders:
        return Place.FOLLOW_UP
    # The key of a command is made of three parts; a label event's id has none.
    return Place.ASKED if job.cause.count(":") >= 2 else Place.LABELLED  # noqa: PLR2004


def first_place(jobs: Sequence[JobRecord]) -> Place | None:
    """Return the best place among those of `jobs` that wait for a worker; None when none does."""
    return min((place_of(job) for job in jobs if job.state is JobState.QUEUED), default=None)
