"""A review that somebody asks for, of any pull request: on its lines, and never an approval."""

from __future__ import annotations

import json

from pushpals.local.forge.entities import Comment, PullRequest, Review
from tests.stories.conftest import Builder
from tests.stories.town import BUGGY, Town

CHANGED = BUGGY.replace("if c.isalnum()", "if eval(c)")
AT_RETURN = {
    "path": "auth/names.py",
    "line": 6,
    "severity": "blocking",
    "message": "Letters are no expressions.",
}


async def opened(new_town: Builder, *, tools: bool) -> tuple[Town, PullRequest]:
    """Build a town with a pull request of a person in it."""
    town = await new_town()
    town.tools = tools
    town.model.reviews = [json.dumps({"findings": [AT_RETURN]})]
    files = {"auth/names.py": CHANGED, "uv.lock": "lock\n"}
    await town.forge.push(town.repo, "sam", files, branch="letters")
    return town, await town.forge.create_pull(town.repo, "sam", "Keep letters", "letters")


def reviews_of(town: Town) -> list[Review]:
    return list(town.forge.store.reviews.values())


def said_on(town: Town, pull: PullRequest) -> list[Comment]:
    comments = town.forge.store.comments.values()
    return [c for c in comments if c.number == pull.number and c.author == "pushpals[bot]"]


async def test_a_person_s_pull_request_is_reviewed_on_its_lines(new_town: Builder) -> None:
    town, pull = await opened(new_town, tools=True)
    async with town.server() as server:
        town.forge.comment(pull, "ada", "/pushpals review the letters")
        await town.until(lambda: reviews_of(town))
        await server.engine.handle(town.hint(pull))

    [review] = reviews_of(town)
    assert (review.state, review.author, review.commit_oid) == ("COMMENTED", "pushpals[bot]", pull.head_sha)
    assert "45 of 100 by rules and `scripted`: 1 finding blocks it. It is no approval." in review.body
    assert "The model did not look at: `uv.lock`: generated, or a lock file." in review.body
    assert "It took 1 turn · 100 tokens in, 20 out" in review.body
    threads = [(thread.path, thread.line) for thread in town.forge.store.threads.values()]
    assert threads == [("auth/names.py", 6), ("auth/names.py", 6)]
    remarks = [comment.body for comment in town.forge.store.review_comments.values()]
    assert remarks == [
        "**Blocking**, model: Letters are no expressions.",
        "**Note**, risky-call: A call that deserves a second look.",
    ]
    [[_, question]] = town.model.reviewed
    assert "Look above all at this: the letters" in question["content"]
    assert said_on(town, pull) == []
    assert town.model.asked == []


async def test_a_small_model_is_not_asked_and_that_is_said(new_town: Builder) -> None:
    town, pull = await opened(new_town, tools=False)
    async with town.server():
        town.forge.comment(pull, "ada", "/pushpals review")
        await town.until(lambda: reviews_of(town))

    [review] = reviews_of(town)
    assert "90 of 100 by rules: nothing blocks it." in review.body
    assert "No model has read it, so what only sense can find is not found." in review.body
    assert town.model.reviewed == []


async def test_who_may_not_ask_gets_no_review(new_town: Builder) -> None:
    town, pull = await opened(new_town, tools=True)
    async with town.server():
        town.forge.comment(pull, "sam", "/pushpals review")
        await town.until(lambda: said_on(town, pull))

    assert reviews_of(town) == []
    assert town.model.reviewed == []


async def test_on_an_issue_there_is_nothing_to_review(new_town: Builder) -> None:
    town, _ = await opened(new_town, tools=True)
    async with town.server():
        issue = town.issue()
        town.forge.comment(issue, "ada", "/pushpals review")
        await town.until(lambda: town.comments(issue))

    [answer] = town.comments(issue)
    assert "say it on an open pull request." in answer.body


async def test_a_model_that_is_away_leaves_the_word_to_the_rules(new_town: Builder) -> None:
    town, pull = await opened(new_town, tools=True)
    town.model.down = True
    async with town.server():
        town.forge.comment(pull, "ada", "/pushpals review")
        await town.until(lambda: reviews_of(town))

    [review] = reviews_of(town)
    assert "The rules alone have read the change." in review.body
