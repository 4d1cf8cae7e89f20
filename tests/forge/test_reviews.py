"""Reviews with comments on lines: where they may be, how they move with the code, and who hears of them."""

import pytest

from pushpals.local.forge.entities import PullRequest, ReviewThread
from pushpals.local.forge.errors import UnprocessableError
from tests.forge.world import World

BEFORE = "".join(f"line {n}\n" for n in range(1, 31))
AFTER = BEFORE.replace("line 10\n", "line ten\n")


async def pull_with_thread(world: World) -> tuple[PullRequest, ReviewThread]:
    """A pull request that changes line 10 of a file of 30, and a thread on that line."""
    forge, repo = world.forge, world.repo
    await forge.push(repo, "ana", {"long.py": BEFORE})
    await forge.push(repo, "ana", {"long.py": AFTER}, branch="topic")
    pull = await forge.create_pull(repo, "ana", "Ten", "topic")
    await forge.review_lines(pull, "octo", "COMMENTED", [("long.py", 10, "Why a word?")])
    [thread] = forge.store.threads_of(pull)
    return pull, thread


async def push(world: World, text: str) -> None:
    await world.forge.push(world.repo, "ana", {"long.py": text}, branch="topic")


async def test_a_thread_shows_the_lines_of_the_diff_that_lead_to_it(world: World):
    _, thread = await pull_with_thread(world)
    [comment] = world.forge.store.comments_in(thread)
    assert comment.diff_hunk.splitlines() == [
        "@@ -7,7 +7,7 @@",
        " line 8",
        " line 9",
        "-line 10",
        "+line ten",
    ]


@pytest.mark.parametrize(("path", "line"), [("long.py", 25), ("long.py", 0), ("names.py", 1), ("none.py", 1)])
async def test_only_lines_that_the_diff_shows_can_be_commented_on(world: World, path: str, line: int):
    pull, _ = await pull_with_thread(world)
    with pytest.raises(UnprocessableError, match="could not be resolved"):
        await world.forge.review_lines(pull, "octo", "COMMENTED", [(path, line, "Here?")])
    assert len(world.forge.store.reviews_of(pull)) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("new\nnew\n" + AFTER, 12),
        (AFTER.replace("line 2\n", ""), 9),
        (AFTER.replace("line 20\n", "line twenty\n"), 10),
        (AFTER.replace("line 9\n", "line 9\nline 9.5\n"), 11),
        (AFTER.replace("line ten\n", "line X\n"), None),
        (AFTER.replace("line ten\n", ""), None),
    ],
)
async def test_a_thread_moves_with_its_line_until_that_changes(world: World, text: str, line: int | None):
    _, thread = await pull_with_thread(world)
    await push(world, text)
    assert world.forge.store.fresh(thread).line == line


async def test_an_answer_and_the_end_of_a_thread(world: World):
    pull, thread = await pull_with_thread(world)
    world.forge.reply(thread, "ana", "It reads better")
    world.forge.resolve(thread, "octo")
    got = await world.data(
        """{ repository(owner: "octo", name: "names") { pullRequest(number: 1) {
             reviewThreads(last: 5) { nodes {
               isResolved isOutdated path line originalLine comments(last: 5) { nodes {
                 body line path author { login } replyTo { body } pullRequestReview { state } } } } } } } }"""
    )
    [shown] = got["repository"]["pullRequest"]["reviewThreads"]["nodes"]
    first, answer = shown.pop("comments")["nodes"]
    assert shown == {
        "isResolved": True,
        "isOutdated": False,
        "path": "long.py",
        "line": 10,
        "originalLine": 10,
    }
    assert (first["body"], first["replyTo"]) == ("Why a word?", None)
    assert (answer["author"]["login"], answer["replyTo"]["body"]) == ("ana", "Why a word?")
    created = [event for event in await world.events() if event == "pull_request_review_comment.created"]
    assert len(created) == 2
    assert world.forge.store.fresh(pull).number == 1


async def test_a_dismissed_review_counts_no_more(world: World):
    pull, _ = await pull_with_thread(world)
    review = world.forge.review(pull, "octo", "APPROVED")
    world.forge.dismiss_review(review, "octo")
    got = await world.data(
        """{ repository(owner: "octo", name: "names") { pullRequest(number: 1) {
               reviewDecision reviews(last: 1) { nodes { state } } } } }"""
    )
    assert got["repository"]["pullRequest"] == {
        "reviewDecision": None,
        "reviews": {"nodes": [{"state": "DISMISSED"}]},
    }
    with pytest.raises(UnprocessableError):
        world.forge.dismiss_review(review, "octo")
