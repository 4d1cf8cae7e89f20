"""The automated review: what it objects to goes back to the worker once, and then to a person."""

from __future__ import annotations

import json

from tests.stories.conftest import Builder
from tests.stories.scripted import NO_FINDINGS, Reply, call
from tests.stories.town import Town

EDIT = call("edit", path="auth/names.py", old="if c.isalnum()", new='if c.isalnum() or c == "."')
BETTER = call("edit", path="auth/names.py", old='or c == "."', new='or c in "."')
DONE = call("done", summary="Dots are kept.")
WHY = "An empty name passes, and nobody can log in with it."


def objection(line: int = 6, severity: str = "blocking", message: str = WHY) -> str:
    finding = {"path": "auth/names.py", "line": line, "severity": severity, "message": message}
    return json.dumps({"findings": [finding]})


async def reviewing(new_town: Builder, reviews: list[Reply], replies: list[Reply] | None = None) -> Town:
    town = await new_town(replies or [EDIT, DONE, BETTER, DONE])
    town.tools = True
    town.model.reviews = reviews
    return town


async def test_what_blocks_goes_back_once_and_the_better_change_is_published(new_town: Builder) -> None:
    town = await reviewing(new_town, [objection(), NO_FINDINGS])
    async with town.server():
        issue = town.issue()
        town.label(issue)
        check = await town.concluded(issue)

    [pull] = town.pulls()
    [job] = await town.jobs(issue)
    assert (check.conclusion, pull.draft, job.sent_back, job.attempt) == ("success", False, 1, 1)
    assert "100 of 100 by rules and `scripted`: no findings." in pull.body
    told = json.dumps(town.model.asked[2])
    assert "The automated review found (auth/names.py line 6)" in told
    assert WHY in told
    assert "auth/names.py are changed. Go on from what is there." in told
    changed = await town.forge.git.run(town.repo, "show", f"{pull.head_sha}:auth/names.py")
    assert 'or c in "."' in changed
    assert town.forge.store.reviews == {}
    assert job.usage.model_calls == 6
    log = await town.forge.git.run(town.repo, "log", "--format=%s", f"refs/pushpals/jobs/{job.id}")
    assert "The review found something that blocks; the worker has another go." in log


async def test_what_blocks_twice_is_a_person_s_to_decide(new_town: Builder) -> None:
    town = await reviewing(new_town, [objection()])
    async with town.server():
        issue = town.issue()
        town.label(issue)
        check = await town.concluded(issue)
        await town.until(lambda: town.forge.store.reviews)

    [pull] = town.pulls()
    [review] = town.forge.store.reviews.values()
    [remark] = town.forge.store.review_comments.values()
    [thread] = town.forge.store.threads.values()
    assert (check.conclusion, check.title) == ("failure", "The review objects: 1 blocking finding")
    assert pull.draft
    assert "so a person decides" in pull.body
    assert (review.state, review.author) == ("COMMENTED", "pushpals[bot]")
    assert "It is no approval." in review.body
    assert (thread.path, thread.line) == ("auth/names.py", 6)
    assert WHY in remark.body
    on_head = [run for run in town.checks() if run.head_sha == pull.head_sha]
    assert [(run.conclusion, [a.path for a in run.annotations]) for run in on_head] == [
        ("failure", ["auth/names.py"])
    ]


async def test_notes_are_told_on_their_lines_once_and_do_not_stand_in_the_way(new_town: Builder) -> None:
    town = await reviewing(new_town, [objection(severity="note", message="Say why dots count.")])
    async with town.server() as server:
        issue = town.issue()
        town.label(issue)
        check = await town.concluded(issue)
        await town.until(lambda: town.forge.store.reviews)
        await server.engine.handle(town.hint(issue))

    [review] = town.forge.store.reviews.values()
    assert check.conclusion == "success"
    assert "95 of 100 by rules and `scripted`: nothing blocks it." in review.body


async def test_a_review_that_cannot_be_read_is_said_and_is_not_green(new_town: Builder) -> None:
    town = await reviewing(new_town, ["All fine, ship it."])
    async with town.server():
        issue = town.issue()
        town.label(issue)
        check = await town.concluded(issue)

    [pull] = town.pulls()
    assert check.conclusion == "neutral"
    assert "The model's review could not be read. The rules alone have read the change." in pull.body
