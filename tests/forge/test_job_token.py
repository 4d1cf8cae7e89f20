"""A workflow's job has a token like GITHUB_TOKEN: for one repository, for an hour, for what the job asked."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from githubkit_schemas.latest import models

from pushpals import github
from pushpals.github import (
    AccessDenied,
    AddComment,
    CheckAction,
    CreateCheckRun,
    GitHub,
    RepoClient,
    WriteFailed,
)
from pushpals.local.forge.errors import UnprocessableError
from pushpals.model import RepoRef
from tests.forge.world import SAY, GitFailedError, World

NAMES = RepoRef.parse("octo/names")


def client(world: World, **permissions: str) -> GitHub:
    asked = {name.replace("_", "-"): level for name, level in permissions.items()}
    token = world.forge.job_token(world.repo, asked)
    return GitHub(github.TokenAuth(token), github.Endpoints.at(world.forge.url))


async def test_it_writes_as_the_account_of_actions(world: World):
    issue = world.issue()
    async with client(world, issues="write", contents="read", pull_requests="read", checks="read") as hub:
        repo = hub.repo(NAMES)
        view = await repo.subject(issue.number)
        await repo.write(AddComment(view.id, "Hello"))
        assert await hub.repositories(0) == (NAMES,)
        [installation] = await hub.installations()
    assert (view.viewer.login, view.viewer.id, view.viewer.bot) == ("github-actions[bot]", 41898282, True)
    [comment] = world.forge.store.comments.values()
    assert comment.author == "github-actions[bot]"
    assert installation.id == 0


async def test_its_check_runs_have_no_buttons_since_nobody_would_hear_of_them(world: World):
    issue, sha = world.issue(), await world.branch()
    button = CheckAction("Approve", "Let it begin", "approve")
    async with client(world, issues="read", pull_requests="read", checks="write", contents="read") as hub:
        repo = hub.repo(NAMES)
        view = await repo.subject(issue.number)
        run = CreateCheckRun(
            repository_id=view.repository.id,
            name="PushPals / 1-1",
            external_id="1-1",
            status="QUEUED",
            title="Waiting",
            summary="…",
            actions=(button,),
            head_sha=sha,
        )
        await repo.write(run)
        shown = await repo.subject(issue.number, commits=[sha])
    [made] = world.forge.store.runs.values()
    assert (made.app_id, made.actions) == (github.ACTIONS_APP, ())
    assert [one.external_id for one in shown.check_runs[sha]] == ["1-1"]


@pytest.mark.parametrize(
    ("permissions", "lacking"),
    [
        ({"contents": "write", "issues": "read", "pull-requests": "write"}, "addComment"),
        ({"contents": "write", "issues": "write"}, "createCheckRun"),
    ],
)
async def test_what_the_job_did_not_ask_for_is_refused(
    world: World, permissions: Mapping[str, str], lacking: str
):
    issue, sha = world.issue(), await world.branch()
    token = world.forge.job_token(world.repo, permissions)
    run = "mutation($id: ID!, $sha: GitObjectID!) { createCheckRun(input: {repositoryId: $id, headSha: $sha, "
    run += 'name: "x"}) { checkRun { id } } }'
    if lacking == "addComment":
        answer = await world.graphql(SAY, token=token, id=issue.node_id, body="Hello")
    else:
        answer = await world.graphql(run, token=token, id=world.repo.node_id, sha=sha)
    [error] = answer["errors"]
    assert (error["type"], error["path"]) == ("FORBIDDEN", [lacking])


async def test_a_job_that_only_reads_cannot_push(world: World, tmp_path: Path):
    for level in ("read", "write"):
        token = world.forge.job_token(world.repo, {"contents": level})
        clone = await world.clone(tmp_path / level, token)
        try:
            await clone.git("push", "origin", f"HEAD:refs/pushpals/{level}")
        except GitFailedError:
            assert level == "read"
        else:
            assert level == "write"


async def test_a_permission_that_no_job_has_cannot_be_asked_for(world: World):
    with pytest.raises(UnprocessableError):
        world.forge.job_token(world.repo, {"administration": "write"})


async def test_a_thousand_requests_an_hour(world: World):
    token = world.forge.job_token(world.repo, {"issues": "read"})
    other = world.forge.job_token(world.repo, {"contents": "read"})
    await world.rest("GET", "/repos/octo/names", token=token)
    _, limits = await world.rest("GET", "/rate_limit", token=other)
    assert (limits["rate"]["limit"], limits["rate"]["used"]) == (1000, 1)


async def dispatch(repo: RepoClient) -> None:
    await repo.dispatch("pushpals", {"subject": "1"})


async def test_it_may_start_other_workflows_by_a_dispatch(world: World):
    events = ("repository_dispatch", *world.installation.events)
    with world.forge.store.transaction():
        world.forge.store.put(world.installation.model_copy(update={"events": events}))
    async with client(world, contents="read") as hub:
        with pytest.raises(AccessDenied):
            await dispatch(hub.repo(NAMES))
    async with client(world, contents="write") as hub:
        await dispatch(hub.repo(NAMES))
    await world.forge.drained()
    [hook] = world.receiver.hooks
    parsed = models.WebhookRepositoryDispatchSample.model_validate_json(hook.body)
    assert (parsed.action, parsed.branch) == ("pushpals", "main")
    assert hook.payload["client_payload"] == {"subject": "1"}
    assert parsed.sender.login == "github-actions[bot]"


async def test_it_is_no_app(world: World):
    async with client(world, contents="read") as hub:
        with pytest.raises(github.BadCredentials):
            await hub.app()


async def test_a_write_that_the_job_may_not_make_is_told_as_such(world: World):
    issue = world.issue()
    async with client(world, issues="read", pull_requests="read", checks="read", contents="read") as hub:
        repo = hub.repo(NAMES)
        view = await repo.subject(issue.number)
        [failed] = await repo.write(AddComment(view.id, "Hello"))
    assert isinstance(failed, WriteFailed)
    assert failed.kind == "forbidden"
