"""Two tasks go from their label to two pull requests, with the embedded model and without a human touch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pushpals.local.model import Surroundings, Wanted, choose_model
from pushpals.model import JobState
from tests.stories.conftest import Builder
from tests.workerpals.bench.cases import load

CACHE = Path.home() / ".cache" / "pushpals"
BODY = """Two things are wrong.

## Tasks

- [ ] The last page never shows up: 23 contacts, 10 per page, should be 3 pages (`contacts/paging.py`)
- [ ] A basket of exactly 50.00 should ship free, and is charged 4.90 (`shop/prices.py`)
"""


@pytest.mark.real_model
@pytest.mark.timeout(900)
async def test_two_tasks_become_two_pull_requests(new_town: Builder) -> None:
    files = {**load("off_by_one").files, **load("wrong_operator").files}
    town = await new_town(files=files)
    town.chosen = await choose_model(Wanted(name="embedded"), Surroundings(CACHE, dict(os.environ)))
    issue = town.issue("The pager and the shipping are wrong", BODY)
    try:
        async with town.server():
            town.label(issue)

            def over() -> bool:
                heads = {pull.head_sha: pull for pull in town.pulls()}
                done = [run for run in town.checks() if run.head_sha in heads]
                return len(done) == 2 and all(run.status == "completed" for run in done)

            await town.until(over, 600.0)
            jobs = await town.jobs(issue)
    finally:
        await town.chosen.close()

    assert [job.state for job in jobs] == [JobState.PUBLISHED, JobState.PUBLISHED]
    assert [pull.base_ref for pull in town.pulls()] == ["main", "main"]
    changed = {change.path for job in jobs for change in job.report.files}
    assert changed == {"contacts/paging.py", "shop/prices.py"}
    for job in jobs:
        assert job.report.evidence
        assert job.report.evidence.base != job.report.evidence.head
    [comment] = town.comments(issue)
    assert "2 of 2 tasks done" in comment.body
