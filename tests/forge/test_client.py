"""The product's own client, unchanged, on the forge: one query, one document, one role."""

from collections.abc import AsyncIterator

import pytest

from pushpals import github
from pushpals.github import GitHub, RepoClient, WriteFailed
from pushpals.local.forge.traffic import Fault
from pushpals.model import RepoRef
from tests.forge.world import World


@pytest.fixture
async def client(world: World) -> AsyncIterator[GitHub]:
    auth = github.AppAuth(world.app.id, world.key)
    async with GitHub(auth, github.Endpoints.at(world.forge.url)) as made:
        yield made


@pytest.fixture
def repo(client: GitHub) -> RepoClient:
    return client.repo(RepoRef.parse("octo/names"))


async def test_it_finds_itself(world: World, client: GitHub):
    app = await client.app()
    assert (app.id, app.slug, app.owner) == (world.app.id, "pals", "octo")
    [installation] = await client.installations()
    assert await client.repositories(installation.id) == (RepoRef.parse("octo/names"),)


async def test_it_sees_what_people_did(world: World, repo: RepoClient):
    issue = world.issue()
    world.forge.add_label(issue, "octo", "agent:ready")
    world.forge.edit_issue(issue, "octo", title="Dots")
    comment = world.forge.comment(issue, "bob", "Me too")
    world.forge.edit_comment(comment, "ana", "Me three")
    view = await repo.subject(1, branches=["agent/1-1"], labels=["agent:ready", "none"])
    assert (view.kind, view.title, view.state, view.author and view.author.login) == (
        "issue",
        "Dots",
        "OPEN",
        "ana",
    )
    assert [(e.label, e.actor and e.actor.login) for e in view.labelled] == [("agent:ready", "octo")]
    assert [(e.before, e.after) for e in view.renamed] == [("Names with dots fail", "Dots")]
    [seen] = view.comments
    assert (seen.body, seen.editor and seen.editor.login, seen.mine) == ("Me three", "ana", False)
    assert set(view.repository.label_ids) == {"agent:ready"}
    assert (view.viewer.login, view.viewer.bot) == ("pals[bot]", True)
    assert (await repo.open_issues("agent:ready")).labelled == (1,)
    role = await repo.role_of("ana")
    assert (role.user_id, role.name) == (view.author and view.author.id, "write")


async def test_one_document_acts_and_the_next_query_shows_it(world: World, repo: RepoClient):
    issue = world.issue()
    sha = await world.branch()
    view = await repo.subject(1)
    reaction, comment, run, pull = await repo.write(
        github.AddReaction(issue.node_id),
        github.AddComment(issue.node_id, "Working"),
        github.CreateCheckRun(
            repository_id=view.repository.id,
            name="PushPals / 1-1",
            external_id="1-1",
            status="IN_PROGRESS",
            title="Working",
            summary="Turn 1",
            head_sha=sha,
            actions=(github.CheckAction("Cancel", "Stop the work", "cancel"),),
        ),
        github.CreatePullRequest(
            view.repository.id, "main", "agent/1-1", "Keep dots", "Fixes #1", draft=True
        ),
    )
    assert isinstance(reaction, github.Done)
    assert isinstance(comment, github.CommentView)
    assert isinstance(run, github.CheckRunView)
    assert isinstance(pull, github.PullView)
    assert comment.mine
    [failed] = await repo.write(
        github.CreatePullRequest(view.repository.id, "main", "agent/1-1", "Keep dots", "Fixes #1")
    )
    assert isinstance(failed, WriteFailed)
    assert failed.kind == "already_exists"
    await repo.write(
        github.UpdateComment(comment.id, "Done"),
        github.UpdateCheckRun(
            check_run_id=run.id,
            repository_id=view.repository.id,
            name=run.name,
            external_id="1-1",
            status="COMPLETED",
            conclusion="SUCCESS",
            title="Done",
            summary="214 passed",
        ),
        github.ReadyForReview(pull.id),
    )
    world.forge.review(next(iter(world.forge.store.pulls.values())), "octo", "APPROVED", "Good")
    view = await repo.subject(1, branches=["agent/1-1"], commits=[sha])
    assert view.reacted == {"EYES"}
    assert [c.body for c in view.comments] == ["Done"]
    [found] = view.pulls["agent/1-1"]
    assert (found.draft, found.mergeable, found.head_sha) == (False, "MERGEABLE", sha)
    [review] = found.reviews
    assert (review.state, review.commit, review.author and review.author.login) == ("APPROVED", sha, "octo")
    [redrawn] = view.check_runs[sha]
    assert (redrawn.status, redrawn.conclusion, redrawn.summary) == ("COMPLETED", "SUCCESS", "214 passed")


async def test_an_answer_lost_after_the_effect_is_not_sent_twice(world: World, repo: RepoClient):
    issue = world.issue()
    await repo.subject(1)
    world.forge.faults.append(Fault(lambda r: "addComment" in r.mutations, status=None, when="after"))
    with pytest.raises(github.GitHubUnavailable):
        await repo.write(github.AddComment(issue.node_id, "Once"))
    assert [c.body for c in world.forge.store.comments_of(issue)] == ["Once"]
