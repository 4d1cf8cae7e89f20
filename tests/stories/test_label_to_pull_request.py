"""A person labels an issue, and a small, checked pull request appears, with its record."""

from __future__ import annotations

from tests.stories.town import Town


async def test_a_label_becomes_a_pull_request(town: Town) -> None:
    async with town.server():
        issue = town.issue()
        town.label(issue)
        check = await town.concluded(issue)

    [pull] = town.pulls()
    assert check.conclusion == "success"
    assert pull.head_ref == "agent/bug-fixer/1-1"
