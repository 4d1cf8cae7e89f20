"""A day of many jobs on one installation, simulated from what one job is known to ask of GitHub."""

from __future__ import annotations

import random
from collections import Counter

from bench.product.size import Size
from bench.report import Figure, Row

JOB = 9
"""Requests from label to pull request, two tokens included; `tests/stories/test_requests.py` holds them."""
CREATED = 2
"""What one job creates that people see: a comment and a pull request. Checks and edits are not counted."""
JOBS, REPOSITORIES, HOURS = 10_000, 1_000, 24


def measure(size: Size) -> Figure:
    """Return the figure: the fullest hour and minute of a day whose jobs come at random."""
    dice = random.Random(6)  # noqa: S311 - the same day each time
    minutes = Counter(dice.randrange(HOURS * 60) for _ in range(JOBS))
    hours = Counter[int]()
    for minute, jobs in minutes.items():
        hours[minute // 60] += jobs
    busiest = max(hours.values())
    rows = (
        Row("requests from label to pull request", float(JOB), "", "at most", 10.0),
        Row("requests in the fullest hour", float(busiest * JOB), "", "at most", 5000.0),
        Row("creations in the fullest hour", float(busiest * CREATED), "", "at most", 500.0),
        Row("creations in the fullest minute", float(max(minutes.values()) * CREATED), "", "at most", 80.0),
    )
    bars = (("PushPals, requests", float(busiest * JOB)), ("PushPals, creations", float(busiest * CREATED)))
    how = (
        f"A simulation, not a measurement: {JOBS:,} jobs come at random over a day in {REPOSITORIES:,} "
        "repositories of one installation, each with the requests that a test counts; nothing is paced, and "
        "replies, further rounds and looks without news are left out."
    )
    return Figure("requests", "Requests to GitHub", how, rows, bars, "in the fullest hour", size.taken)
