"""The typed calls: what is asked, what is kept, and what one refused write does to the others."""

import pytest

from pushpals.github import (
    AccessDenied,
    AddComment,
    AddReaction,
    CreatePullRequest,
    Done,
    Endpoints,
    GitHubError,
    Installation,
    NotFound,
    Permissions,
    UpdatePullRequest,
    WriteFailed,
)
from pushpals.model import RepoRef
from tests.github.fake import GRAPHQL, REPO, ROLE, TOKENS, Reply

ROLES = [
    ("admin", "admin"),
    ("write", "maintain"),
    ("write", "write"),
    ("read", "triage"),
    ("read", "read"),
    ("none", "none"),
    ("write", "release-captain"),
]


@pytest.mark.parametrize(("permission", "role"), ROLES)
async def test_the_role_is_the_role_name_not_the_permission(world, permission, role):
    world.server.on(ROLE, Reply(200, {"permission": permission, "role_name": role, "user": {"id": 5}}))
    assert await world.github.repo(REPO, 7).role_of("ana") == (5, role)


async def test_a_person_github_does_not_know_has_no_role(world):
    assert await world.github.repo(REPO, 7).role_of("nobody") == (None, "none")


async def test_a_login_cannot_lead_to_another_resource(world):
    await world.github.repo(REPO, 7).role_of("../../../orgs/x?a=b#c")
    (asked,) = [seen for seen in world.server.seen if seen.method == "GET"]
    assert asked.path.startswith("/api/v3/repos/octo/names/collaborators/")
    assert asked.path.endswith("/permission")


async def test_an_unchanged_role_is_asked_conditionally(world):
    first = Reply(200, {"role_name": "write", "user": {"id": 5}}, {"etag": '"one"'})
    world.server.on(ROLE, first, Reply(304))
    repo = world.github.repo(REPO, 7)
    assert await repo.role_of("ana") == await world.github.repo(REPO, 7).role_of("ana") == (5, "write")
    asked = world.server.asked(ROLE)
    assert [seen.headers.get("if-none-match") for seen in asked] == [None, '"one"']


async def test_one_installation_never_sees_what_another_has_cached(world):
    world.server.on(TOKENS.replace("7", "8"), world.token("ghs_other"))
    world.server.on(ROLE, Reply(200, {"role_name": "admin", "user": {"id": 5}}, {"etag": '"one"'}))
    await world.github.repo(REPO, 7).role_of("ana")
    await world.github.repo(REPO, 8).role_of("ana")
    assert [seen.headers.get("if-none-match") for seen in world.server.asked(ROLE)] == [None, None]


async def test_requests_say_who_and_which_version(world):
    world.server.on(ROLE, Reply(200, {"role_name": "read", "user": {"id": 5}}))
    await world.github.repo(REPO, 7).role_of("ana")
    for seen in world.server.seen:
        assert seen.headers["user-agent"] == "pushpals"
        assert seen.headers["x-github-api-version"] == "2022-11-28"
        assert seen.headers["accept"] == "application/vnd.github.v3+json"


async def test_the_app_tells_about_itself(world):
    about = {
        "id": 31,
        "slug": "pushpals",
        "name": "PushPals",
        "owner": {"login": "octo"},
        "permissions": {"checks": "write"},
        "events": ["issues"],
    }
    world.server.on("/api/v3/app", Reply(200, about))
    app = await world.github.app()
    assert (app.id, app.owner, app.bot_login) == (31, "octo", "pushpals[bot]")
    assert app.permissions == Permissions(checks="write")


async def test_installations_and_repositories_are_read_to_the_last_page(world):
    path = "/api/v3/app/installations"
    more = {"link": f'<{world.server.url}{path}?page=2>; rel="next"'}
    common: dict[str, object] = {"permissions": {}, "events": []}
    one = {"id": 7, "account": {"login": "octo"}, "repository_selection": "selected", "suspended_at": None}
    two = {"id": 8, "account": None, "repository_selection": "all", "suspended_at": "2026-11-20T10:00:00Z"}
    world.server.on(path, Reply(200, [one | common], more), Reply(200, [two | common]))
    nothing = Permissions()
    assert await world.github.installations() == (
        Installation(7, "octo", all_repositories=False, permissions=nothing, events=(), suspended=False),
        Installation(8, "", all_repositories=True, permissions=nothing, events=(), suspended=True),
    )

    path = "/api/v3/installation/repositories"
    more = {"link": f'<{world.server.url}{path}?page=2>; rel="next"'}
    pages = [{"total_count": 2, "repositories": [{"full_name": name}]} for name in ("octo/names", "octo/two")]
    world.server.on(path, Reply(200, pages[0], more), Reply(200, pages[1]))
    assert await world.github.repositories(7) == (REPO, RepoRef.parse("octo/two"))
    assert world.server.asked(TOKENS)[0].body == {"permissions": {"metadata": "read"}}


async def test_open_issues_are_read_to_the_last_page(world):
    def page(number: int, after: str | None) -> Reply:
        info = {"hasNextPage": after is not None, "endCursor": after}
        return Reply(
            200, {"data": {"repository": {"issues": {"nodes": [{"number": number}], "pageInfo": info}}}}
        )

    world.server.on(GRAPHQL, page(3, "next"), page(9, None))
    assert (await world.github.repo(REPO, 7).open_issues("agent:ready")).labelled == (3, 9)
    sent = [seen.body["variables"] for seen in world.server.asked(GRAPHQL)]
    assert [(v["label"], v.get("after")) for v in sent] == [("agent:ready", None), ("agent:ready", "next")]


async def test_the_writes_of_a_step_are_one_request(world):
    world.server.on(GRAPHQL, Reply(200, {"data": {f"m{n}": {"subject": {"id": f"I_{n}"}} for n in range(3)}}))
    written = await world.github.repo(REPO, 7).write(*(AddReaction(f"I_{n}") for n in range(3)))
    assert written == (Done("I_0"), Done("I_1"), Done("I_2"))
    assert world.requests == [("rest", "token"), ("graphql", "write")]


async def test_nothing_to_write_asks_nothing(world):
    assert await world.github.repo(REPO, 7).write() == ()
    assert world.server.seen == []


async def test_one_refused_write_leaves_the_others(world):
    errors = [
        {
            "type": "UNPROCESSABLE",
            "path": ["m0"],
            "message": "A pull request already exists for octo:agent/bug_fixer/42-1.",
        },
        {"type": "NOT_FOUND", "path": ["m2"], "message": "Could not resolve to a node with the id PR_0"},
        {"type": "FORBIDDEN", "path": ["m3"], "message": "Resource not accessible by integration"},
        {"type": "UNPROCESSABLE", "path": ["m4"], "message": "Body is too long"},
        {"path": ["m5"], "message": "Something went wrong while executing your query."},
        {"message": "was submitted too quickly", "path": ["m6", "commentEdge"]},
    ]
    data = {f"m{n}": None for n in range(8)} | {"m1": {"subject": {"id": "I_1"}}, "m7": {"commentEdge": None}}
    world.server.on(GRAPHQL, Reply(200, {"data": data, "errors": errors}))
    written = await world.github.repo(REPO, 7).write(
        CreatePullRequest("R_1", "main", "agent/bug_fixer/42-1", "Keep dots", ""),
        AddReaction("I_1"),
        UpdatePullRequest("PR_0", title="Keep dots"),
        *(AddComment("I_1", "hello") for _ in range(5)),
    )
    assert written[1] == Done("I_1")
    kinds = [view.kind for view in written if isinstance(view, WriteFailed)]
    assert kinds == ["already_exists", "not_found", "forbidden", "refused", "unknown", "limited", "unknown"]
    assert "createPullRequest: A pull request already exists" in str(written[0])


async def test_a_document_github_cannot_read_at_all_raises(world):
    error = {"message": "Variable $i0 of type AddCommentInput! was provided invalid value"}
    world.server.on(GRAPHQL, Reply(200, {"errors": [error]}))
    with pytest.raises(GitHubError, match="invalid value"):
        await world.github.repo(REPO, 7).write(AddComment("I_1", "hello"))


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ({"type": "NOT_FOUND", "message": "Could not resolve to an issue"}, NotFound),
        ({"type": "FORBIDDEN", "message": "Resource not accessible by integration"}, AccessDenied),
        ({"type": "EXCESSIVE_PAGINATION", "message": "Too much"}, GitHubError),
    ],
)
async def test_a_view_with_holes_is_never_returned(world, error, raised):
    data = {"viewer": {"login": "pushpals[bot]", "databaseId": 31}, "repository": None}
    world.server.on(GRAPHQL, Reply(200, {"data": data, "errors": [error]}))
    with pytest.raises(raised, match="octo/names#42"):
        await world.github.repo(REPO, 7).subject(42)


async def test_a_query_has_room_for_a_bounded_number_of_branches(world):
    with pytest.raises(ValueError, match="at most 25"):
        await world.github.repo(REPO, 7).subject(42, branches=[f"b{n}" for n in range(26)])
    assert world.server.seen == []


def test_git_urls_and_api_addresses_follow_the_server():
    assert Endpoints.at("https://github.com/") == Endpoints.github()
    there = Endpoints.at("https://git.example/")
    assert (there.rest, there.graphql) == ("https://git.example/api/v3", "https://git.example/api/graphql")
    assert there.git(REPO) == "https://git.example/octo/names.git"
