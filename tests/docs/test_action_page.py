"""The page on GitHub Actions shows the very workflow that is tested, and the permissions that are needed."""

from __future__ import annotations

import textwrap

import yaml

from tests.docs.pages import DOCS, ROOT

EXAMPLE = ROOT / "bot/pushpals/server/workflow.yml"
LINES = 25
"""So few that a person reads them all before adding them."""


def test_the_page_shows_the_example_as_it_is() -> None:
    page, shown = (DOCS / "action.md").read_text(), EXAMPLE.read_text()
    assert textwrap.indent(shown, " " * 7) in page
    assert len(shown.splitlines()) <= LINES


def test_the_example_allows_what_the_jobs_ask_for_and_no_more() -> None:
    [call] = yaml.safe_load(EXAMPLE.read_text())["jobs"].values()
    jobs = yaml.safe_load((ROOT / ".github/workflows/agent.yml").read_text())["jobs"]
    asked: dict[str, str] = {}
    for job in jobs.values():
        for name, level in job["permissions"].items():
            asked[name] = max(level, asked.get(name, ""))  # "write" comes after "read"
    assert call["permissions"] == asked


def test_the_jobs_limits_fit_into_the_time_that_a_claim_may_be_silent() -> None:
    from pushpals.action.opening import AWAY  # noqa: PLC0415 - only this test is about it

    jobs = yaml.safe_load((ROOT / ".github/workflows/agent.yml").read_text())["jobs"]
    minutes = sum(jobs[name]["timeout-minutes"] for name in ("agent", "check", "publish"))
    assert minutes * 60 < AWAY.total_seconds()
