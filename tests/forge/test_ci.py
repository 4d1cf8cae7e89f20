"""What CI says of a commit: the rollup, annotations, and logs that lie elsewhere."""

import pytest

from tests.forge.world import World

ROLLUP = """{ repository(owner: "octo", name: "names") { pullRequest(number: 1) { statusCheckRollup {
  state contexts(first: 10) { totalCount nodes {
    ... on CheckRun { name conclusion checkSuite { app { slug } } }
    ... on StatusContext { context state creator { login } } } } } } } }"""


async def rollup(world: World) -> dict[str, object] | None:
    found = await world.data(ROLLUP)
    shown: dict[str, object] | None = found["repository"]["pullRequest"]["statusCheckRollup"]
    return shown


async def test_what_is_said_of_a_head_adds_up(world: World):
    head, ci = (await world.pull()).head_sha, world.forge.ci
    assert await rollup(world) is None
    await ci(world.repo, head, "lint", "neutral")
    for conclusion, state in ((None, "PENDING"), ("failure", "FAILURE"), ("success", "SUCCESS")):
        await ci(world.repo, head, "tests", conclusion)
        assert (await rollup(world) or {})["state"] == state
    await world.forge.set_status(world.repo, "bob", head, "build", "error")
    shown = await rollup(world)
    assert shown
    assert shown["state"] == "FAILURE"
    assert shown["contexts"] == {
        "totalCount": 3,
        "nodes": [
            {"name": "lint", "conclusion": "NEUTRAL", "checkSuite": {"app": {"slug": "github-actions"}}},
            {"name": "tests", "conclusion": "SUCCESS", "checkSuite": {"app": {"slug": "github-actions"}}},
            {"context": "build", "state": "ERROR", "creator": {"login": "bob"}},
        ],
    }


@pytest.mark.parametrize("missing", ["checks", "statuses"])
async def test_the_rollup_needs_both_permissions(world: World, missing: str):
    await world.pull()
    granted = {"pull_requests": "read", "contents": "read", "checks": "read", "statuses": "read"}
    token = await world.mint(permissions={k: v for k, v in granted.items() if k != missing})
    answer = await world.graphql(ROLLUP, token=token)
    assert answer["errors"][0]["type"] == "FORBIDDEN"


async def test_a_run_tells_of_which_branch_it_is(world: World):
    pull = await world.pull()
    await world.forge.ci(world.repo, pull.head_sha, "tests", "failure")
    run = (await world.hook("check_run.completed"))["check_run"]
    assert run["check_suite"]["head_branch"] == pull.head_ref
    suite = (await world.hook("check_suite.completed"))["check_suite"]
    assert (suite["head_branch"], suite["conclusion"]) == (pull.head_ref, "failure")
    await world.forge.set_status(world.repo, "ana", pull.head_sha, "build", "failure")
    assert [b["name"] for b in (await world.hook("status"))["branches"]] == [pull.head_ref]


async def test_a_log_lies_elsewhere_and_wants_no_token_there(world: World):
    pull = await world.pull()
    run = await world.forge.ci(world.repo, pull.head_sha, "tests", "failure", log="1 failed")
    path = f"{world.forge.url}/api/v3/repos/octo/names/actions/jobs/{run.id}/logs"
    headers = {"Authorization": f"Bearer {await world.token()}"}
    async with world.session.get(path, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 302
        place = answer.headers["Location"]
    async with world.session.get(place) as answer:
        assert (answer.status, await answer.text()) == (200, "1 failed")
    async with world.session.get(place, headers=headers) as answer:
        assert answer.status == 400
    narrow = await world.mint(permissions={"checks": "read"})
    status, _ = await world.rest("GET", f"/repos/octo/names/actions/jobs/{run.id}/logs", token=narrow)
    assert status == 403
