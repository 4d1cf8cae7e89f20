"""Check runs: on any commit, within GitHub's limits, with buttons that reach only their App."""

from typing import Any

import pytest

from tests.forge.world import EVENTS, SAY, World

CREATE = """mutation($input: CreateCheckRunInput!) { createCheckRun(input: $input) { checkRun {
    id databaseId name externalId status conclusion title summary detailsUrl url startedAt completedAt
  } } }"""
UPDATE = """mutation($input: UpdateCheckRunInput!) { updateCheckRun(input: $input) { checkRun {
    status conclusion title completedAt } } }"""
ON_COMMIT = """query($oid: GitObjectID!, $app: Int!, $name: String) {
  repository(owner: "octo", name: "names") { object(oid: $oid) { oid ... on Commit {
    checkSuites(first: 5, filterBy: {appId: $app}) { nodes { app { slug }
      checkRuns(first: 5, filterBy: {checkName: $name}) { nodes { name status } } } } } } } }"""


async def start(world: World, sha: str = "", **fields: Any) -> dict[str, Any]:
    given = {
        "repositoryId": world.repo.node_id,
        "headSha": sha or await head(world),
        "name": "PushPals / 1-1",
    }
    return await world.graphql(CREATE, input={**given, **fields})


async def head(world: World) -> str:
    return await world.forge.git.sha(world.repo, "refs/heads/main")


async def test_a_run_is_found_on_its_commit(world: World):
    made = await start(world, status="IN_PROGRESS", externalId="1-1", output={"title": "T", "summary": "S"})
    run = made["data"]["createCheckRun"]["checkRun"]
    assert (run["status"], run["conclusion"], run["externalId"], run["title"]) == (
        "IN_PROGRESS",
        None,
        "1-1",
        "T",
    )
    assert run["startedAt"] is not None
    assert run["detailsUrl"] == run["url"] == f"{world.forge.url}/octo/names/runs/{run['databaseId']}"
    for name, count in (("PushPals / 1-1", 1), ("another", 0), (None, 1)):
        got = await world.data(ON_COMMIT, oid=await head(world), app=world.app.id, name=name)
        [suite] = got["repository"]["object"]["checkSuites"]["nodes"]
        assert (suite["app"]["slug"], len(suite["checkRuns"]["nodes"])) == ("pals", count)
    got = await world.data(ON_COMMIT, oid=await head(world), app=424242, name=None)
    assert got["repository"]["object"]["checkSuites"]["nodes"] == []


async def test_a_run_ends_once_and_says_how(world: World):
    made = await start(world, status="QUEUED")
    run = made["data"]["createCheckRun"]["checkRun"]
    given = {"repositoryId": world.repo.node_id, "checkRunId": run["id"]}
    answer = await world.graphql(UPDATE, input={**given, "status": "COMPLETED"})
    assert answer["errors"][0]["type"] == "UNPROCESSABLE"
    done = await world.data(UPDATE, input={**given, "conclusion": "SUCCESS"})
    assert done["updateCheckRun"]["checkRun"]["status"] == "COMPLETED"
    await world.data(UPDATE, input={**given, "output": {"title": "Again", "summary": ""}})
    assert await world.events() == ["check_run.created", "check_run.completed", "check_suite.completed"]
    again = await world.data(UPDATE, input={**given, "status": "IN_PROGRESS"})
    assert again["updateCheckRun"]["checkRun"]["conclusion"] is None


async def test_times_are_githubs(world: World):
    made = await start(world, startedAt="2026-11-20T10:00:00.500+01:00", conclusion="SUCCESS")
    assert made["data"]["createCheckRun"]["checkRun"]["startedAt"] == "2026-11-20T09:00:00Z"
    answer = await start(world, startedAt="yesterday")
    assert "is not a time" in answer["errors"][0]["message"]


async def test_any_commit_will_do_but_it_must_be_one(world: World):
    account = world.forge.store.account("ana")
    tree = await world.forge.git.sha(world.repo, "main^{tree}")
    loose = await world.forge.git.commit_tree(world.repo, tree, [], "Unreachable\n", account)
    assert "errors" not in await start(world, loose)
    for sha in (tree, "0" * 40):
        answer = await start(world, sha)
        assert answer["errors"][0]["message"] == f"No commit found for SHA: {sha}"


BUTTON = {"label": "Go", "description": "Let it begin", "identifier": "go"}
NOTE = {
    "path": "names.py",
    "location": {"startLine": 1, "endLine": 1},
    "annotationLevel": "NOTICE",
    "message": "m",
}


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"output": {"title": "T", "summary": "x" * 65_535, "text": "x" * 65_535}}, True),
        ({"output": {"title": "T", "summary": "x" * 65_536}}, False),
        ({"output": {"title": "T", "summary": "", "text": "x" * 65_536}}, False),
        ({"output": {"title": "T", "summary": "", "annotations": [NOTE] * 50}}, True),
        ({"output": {"title": "T", "summary": "", "annotations": [NOTE] * 51}}, False),
        ({"actions": [BUTTON] * 3}, True),
        ({"actions": [BUTTON] * 4}, False),
        ({"actions": [{**BUTTON, "label": "x" * 20, "description": "x" * 40, "identifier": "x" * 20}]}, True),
        ({"actions": [{**BUTTON, "label": "x" * 21}]}, False),
        ({"actions": [{**BUTTON, "description": "x" * 41}]}, False),
        ({"actions": [{**BUTTON, "identifier": "x" * 21}]}, False),
    ],
)
async def test_the_limits_are_githubs(world: World, fields: dict[str, Any], *, fits: bool):
    answer = await start(world, **fields)
    assert ("errors" not in answer) == fits
    assert len(world.forge.store.runs) == fits


async def test_a_comment_may_be_long_but_not_longer(world: World):
    issue = world.issue()
    assert "errors" not in await world.graphql(SAY, id=issue.node_id, body="x" * 65_536)
    answer = await world.graphql(SAY, id=issue.node_id, body="x" * 65_537)
    assert answer["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


async def test_another_apps_run_stays_as_it_is(world: World):
    made = await start(world)
    app, _ = await world.forge.register_app(
        "rival", "Rival", owner="octo", permissions={"checks": "write"}, events=EVENTS
    )
    installation = world.forge.install(app, [world.repo])
    from pushpals.local.forge import apps  # noqa: PLC0415

    _, token = apps.mint_token(world.forge.store, installation)
    run = made["data"]["createCheckRun"]["checkRun"]
    given = {"repositoryId": world.repo.node_id, "checkRunId": run["id"], "conclusion": "FAILURE"}
    answer = await world.graphql(UPDATE, token=token, input=given)
    assert answer["errors"][0]["type"] == "FORBIDDEN"
    assert world.forge.store.runs[run["databaseId"]].conclusion is None


async def test_a_button_reaches_only_the_app_that_drew_it(world: World):
    made = await start(world, actions=[BUTTON])
    await world.forge.register_app(
        "rival",
        "Rival",
        owner="octo",
        permissions={"checks": "read"},
        events=EVENTS,
        webhook_url=world.receiver.url,
    )
    world.forge.install(next(a for a in world.forge.store.apps.values() if a.slug == "rival"), [world.repo])
    run = world.forge.store.runs[made["data"]["createCheckRun"]["checkRun"]["databaseId"]]
    world.forge.press_button(run, "octo", "go")
    payload = await world.hook("check_run.requested_action")
    assert (payload["requested_action"], payload["sender"]["login"]) == ({"identifier": "go"}, "octo")
    assert world.receiver.events.count("check_run.requested_action") == 1
