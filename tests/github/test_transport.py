"""Bad days: what is tried again, what is waited for, and what is told to the caller instead."""

import pytest

from pushpals.github import (
    CONTROL,
    AccessDenied,
    AddComment,
    AddReaction,
    GitHubError,
    GitHubUnavailable,
    NotFound,
    RateLimited,
    WriteFailed,
)
from pushpals.github.creations import SPAN
from tests.github.fake import GRAPHQL, HANG_UP, REPO, ROLE, START, TOKENS, Reply

FINE = Reply(200, {"role_name": "maintain", "user": {"id": 5}, "permission": "write"})
BROKEN = {"errors": [{"message": "Something went wrong while executing your query. Please try again."}]}
REACTED = {"data": {"m0": {"subject": {"id": "I_1"}}}}
LIMITED = Reply(
    200,
    {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation"}]},
    {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(START) + 20)},
)


def failing(status: int) -> Reply:
    return Reply(status, "<html>Unicorn</html>", {"content-type": "text/html"})


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_read_is_tried_three_times(world, status):
    world.server.on(ROLE, failing(status), failing(status), FINE)
    assert await world.github.repo(REPO, 7).role_of("ana") == (5, "maintain")
    assert len(world.clock.slept) == 2
    assert all(0 <= pause <= 8 for pause in world.clock.slept)


async def test_a_read_survives_a_lost_answer(world):
    world.server.on(ROLE, HANG_UP, HANG_UP, FINE)
    assert await world.github.repo(REPO, 7).role_of("ana") == (5, "maintain")


async def test_a_read_that_never_succeeds_is_told(world):
    world.server.on(ROLE, failing(502))
    with pytest.raises(GitHubUnavailable, match="role with status 502") as caught:
        await world.github.repo(REPO, 7).role_of("ana")
    assert not caught.value.lost
    assert world.requests == [("rest", "token"), *[("rest", "role")] * 3]


@pytest.mark.parametrize(
    "bad", [failing(502), HANG_UP, Reply(200, BROKEN), Reply(200, "<html>Log in</html>")], ids=str
)
async def test_a_write_whose_answer_is_lost_is_never_repeated(world, bad):
    world.server.on(GRAPHQL, bad)
    with pytest.raises(GitHubUnavailable) as caught:
        await world.github.repo(REPO, 7).write(AddComment("I_1", "hello"))
    assert caught.value.lost
    assert len(world.server.asked(GRAPHQL)) == 1


async def test_a_query_that_github_gave_up_on_is_tried_again(world):
    world.server.on(GRAPHQL, Reply(200, BROKEN), Reply(200, {"data": {"repository": {"issues": LAST_PAGE}}}))
    assert (await world.github.repo(REPO, 7).open_issues("agent:ready")).labelled == (42,)


LAST_PAGE = {"nodes": [{"number": 42}], "pageInfo": {"hasNextPage": False, "endCursor": None}}


async def test_a_write_that_could_not_even_be_sent_is_tried_again(world):
    repo = world.github.repo(REPO, 7)
    await repo.git_token(CONTROL)
    await world.github.close()
    await world.server.server.close()  # From here on every connection is refused.
    with pytest.raises(GitHubUnavailable, match="could not be reached") as caught:
        await repo.write(AddComment("I_1", "hello"))
    assert not caught.value.lost
    assert world.requests == [("rest", "token"), *[("graphql", "write")] * 3]


@pytest.mark.parametrize(
    "limit",
    [
        Reply(403, {"message": "You have exceeded a secondary rate limit."}, {"retry-after": "20"}),
        Reply(429, {}, {"retry-after": "20"}),
        LIMITED,
    ],
    ids=["secondary", "too many", "primary"],
)
async def test_a_short_limit_is_waited_for_even_by_writes(world, limit):
    world.server.on(GRAPHQL, limit, Reply(200, REACTED))
    (done,) = await world.github.repo(REPO, 7).write(AddReaction("I_1"))
    assert not isinstance(done, WriteFailed)
    assert world.clock.slept in ([20.0], [21.0])


async def test_a_long_limit_is_told_and_nothing_is_asked_until_it_ends(world):
    until = START + 900
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(until))}
    world.server.on(ROLE, Reply(403, {"message": "API rate limit exceeded"}, headers), FINE)
    repo = world.github.repo(REPO, 7)
    for _ in range(3):
        with pytest.raises(RateLimited, match="again at") as caught:
            await repo.role_of("ana")
        assert caught.value.until == until + 1
    assert world.clock.slept == []
    assert len(world.server.asked(ROLE)) == 1
    world.clock.now = until + 1
    assert await repo.role_of("ana") == (5, "maintain")


async def test_one_installation_does_not_wait_for_another(world):
    world.server.on(TOKENS.replace("7", "8"), world.token("ghs_other"))
    limit = Reply(403, {}, {"retry-after": "3600"})
    world.server.on(ROLE, limit, FINE)
    with pytest.raises(RateLimited):
        await world.github.repo(REPO, 7).role_of("ana")
    assert await world.github.repo(REPO, 8).role_of("ana") == (5, "maintain")


async def test_a_limit_that_does_not_end_is_told_after_three_tries(world):
    world.server.on(ROLE, Reply(429, {}, {"retry-after": "5"}))
    with pytest.raises(RateLimited):
        await world.github.repo(REPO, 7).role_of("ana")
    assert world.clock.slept == [5.0, 5.0]


async def test_the_writes_of_one_run_do_not_wait_and_a_flood_does(world):
    world.server.on(GRAPHQL, Reply(200, {"data": {"m0": {"subject": {"id": "I_1"}}}}))
    repo = world.github.repo(REPO, 7)
    for _ in range(10):
        await repo.write(AddReaction("I_1"))
    assert world.clock.slept == []
    for _ in range(3):
        await repo.write(AddReaction("I_1"))
    assert world.clock.slept == [1.0, 1.0, 1.0]


async def test_a_flood_that_would_wait_for_minutes_is_told(world):
    world.server.on(GRAPHQL, Reply(200, {"data": {}}))
    repo = world.github.repo(REPO, 7)
    for _ in range(2):  # The refused flood leaves no trace in the queue.
        with pytest.raises(RateLimited):
            await repo.write(*[AddReaction("I_1")] * 100)
    await repo.write(AddReaction("I_1"))
    assert world.clock.slept == []


async def test_a_missing_permission_is_named(world):
    needed = {"x-accepted-github-permissions": "issues=write"}
    world.server.on(ROLE, Reply(403, {"message": "Resource not accessible by integration"}, needed))
    with pytest.raises(AccessDenied, match="issues=write") as caught:
        await world.github.repo(REPO, 7).role_of("ana")
    assert caught.value.needed == "issues=write"
    assert world.clock.slept == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(422, {"message": "Validation Failed", "errors": [{"field": "x", "code": "missing"}]}),
            "x missing",
        ),
        (Reply(400, {"message": "Problems parsing JSON", "errors": ["line 1"]}), "line 1"),
        (Reply(418, "teapot"), "no reason given"),
        (Reply(418, []), "no reason given"),
    ],
)
async def test_other_refusals_quote_github(world, reply, said):
    world.server.on(ROLE, reply)
    with pytest.raises(GitHubError, match=said):
        await world.github.repo(REPO, 7).role_of("ana")


async def test_a_server_that_is_not_github_is_told_by_its_address(world):
    world.server.on("/api/v3/app", Reply(200, "<html>Welcome</html>", {"content-type": "text/html"}))
    with pytest.raises(GitHubUnavailable, match="Check the server's address"):
        await world.github.app()


async def test_a_renamed_repository_is_followed_by_reads(world):
    moved = "/api/v3/repositories/9/collaborators/ana/permission"
    world.server.on(ROLE, Reply(301, {}, {"location": world.server.url + moved}))
    world.server.on(moved, FINE)
    assert await world.github.repo(REPO, 7).role_of("ana") == (5, "maintain")


async def test_a_write_is_never_redirected(world):
    world.server.on(GRAPHQL, Reply(307, {}, {"location": world.server.url + "/elsewhere"}))
    with pytest.raises(GitHubError, match="307"):
        await world.github.repo(REPO, 7).write(AddReaction("I_1"))
    assert world.server.asked("/elsewhere") == []


async def test_the_connections_open_again_after_closing(world):
    world.server.on(ROLE, FINE)
    repo = world.github.repo(REPO, 7)
    await repo.role_of("ana")
    await world.github.close()
    assert await repo.role_of("ana") == (5, "maintain")


async def test_gone_is_not_found(world):
    with pytest.raises(NotFound):
        await world.github.app()


async def test_beyond_an_hours_creations_a_write_is_told_its_time_and_an_answer_is_not(world):
    world.server.on(GRAPHQL, Reply(200, {"data": {"m0": {"subject": {"id": "I_1"}}}}))
    repo = world.github.repo(REPO, 7)
    hour = world.github._transport.creations[7]
    while hour.take(1, whose="others", urgent=False, now=START) == 0:
        pass
    with pytest.raises(RateLimited, match="created about as much as GitHub allows") as caught:
        await repo.write(AddComment("I_1", "hello"))
    assert caught.value.until > START + 3600
    assert world.requests == [("rest", "token")]
    await repo.write(AddReaction("I_1"))
    await repo.write(AddComment("I_1", "hello"), urgent=True)
    [created] = world.github.created()
    assert (created.waiting, created.held) == (2, 2)
    assert (await repo.room()).creations == pytest.approx(created.left / created.limit)


async def test_a_write_waits_a_moment_for_room_in_the_hour(world):
    world.server.on(GRAPHQL, Reply(200, {"data": {"m0": {"subject": {"id": "I_1"}}}}))
    hour = world.github._transport.creations[7]
    hour.take(486, whose="others", urgent=False, now=START - SPAN + 3)
    await world.github.repo(REPO, 7).write(AddComment("I_1", "hello"))
    assert world.clock.slept == [3.0]
