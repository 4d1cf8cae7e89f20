"""What the forge says parses with models made from GitHub's own description of its API."""

from typing import Any

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from pushpals.local.forge import merging
from pushpals.local.forge.entities import PullRequest, ReactionContent
from tests.forge.world import World

RUN = {"name": "PushPals / 1-1", "status": "IN_PROGRESS", "externalId": "1-1"}
OUTPUT = {
    "title": "Working",
    "summary": "Turn 1",
    "annotations": [
        {
            "path": "names.py",
            "location": {"startLine": 1, "endLine": 2},
            "annotationLevel": "WARNING",
            "message": "Dots are lost",
        }
    ],
}
BUTTON = {"label": "Approve plan", "description": "Let the work begin", "identifier": "approve"}


async def lived_in(world: World) -> tuple[str, str]:
    """A life in the repository that fires every kind of webhook; the two ids of a check run."""
    forge, repo = world.forge, world.repo
    issue = world.issue()
    forge.edit_issue(issue, "octo", title="Dots", body="Names with dots fail.")
    forge.add_label(issue, "ana", "bug")
    forge.remove_label(issue, "ana", "bug")
    forge.react(issue, "bob", ReactionContent.THUMBS_UP)
    comment = forge.comment(issue, "bob", "Me too")
    forge.edit_comment(comment, "ana", "Me three")
    forge.delete_comment(comment, "ana")
    forge.reopen_issue(forge.close_issue(issue, "ana"), "ana")
    pull = await world.pull(body=f"Fixes #{issue.number}", draft=True)
    forge.comment(pull, "bob", "Nice")
    forge.add_label(pull, "ana", "agent:working")
    await forge.push(repo, "ana", {"more.py": "1\n"}, branch=pull.head_ref)
    made = await world.data(
        """mutation($id: ID!, $run: CreateCheckRunInput!) {
             markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
             createCheckRun(input: $run) { checkRun { id databaseId } } }""",
        id=pull.node_id,
        run={
            **RUN,
            "repositoryId": repo.node_id,
            "headSha": forge.store.fresh(pull).head_sha,
            "output": OUTPUT,
            "actions": [BUTTON],
        },
    )
    run = made["createCheckRun"]["checkRun"]
    forge.press_button(forge.store.runs[run["databaseId"]], "octo", "approve")
    await world.data(
        """mutation($run: UpdateCheckRunInput!) { updateCheckRun(input: $run) { checkRun { id } } }""",
        run={"repositoryId": repo.node_id, "checkRunId": run["id"], "conclusion": "SUCCESS"},
    )
    forge.review(pull, "octo", "APPROVED", "Good")
    await conversation(world, pull)
    await forge.merge(pull, "octo")
    return run["id"], str(run["databaseId"])


async def conversation(world: World, pull: PullRequest) -> None:
    """What people and CI do on a pull request."""
    forge, repo = world.forge, world.repo
    remarks = [("names.py", 1, "Why?")]
    review = await forge.review_lines(pull, "octo", "CHANGES_REQUESTED", remarks, "Not yet")
    [thread] = forge.store.threads_of(pull)
    answer = forge.reply(thread, "bob", "Because")
    forge.edit_review_comment(answer, "bob", "Because of dots")
    forge.resolve(thread, "octo")
    forge.edit_review(review, "octo", "Nearly")
    forge.dismiss_review(review, "octo")
    head = forge.store.fresh(pull).head_sha
    note = {"path": "names.py", "start_line": 1, "end_line": 1, "message": "x", "annotation_level": "failure"}
    await forge.ci(repo, head, "tests", "failure", log="1 failed", annotations=[note])
    await forge.ci(repo, head, "tests", "success")
    await forge.set_status(repo, "bob", head, "build", "pending")
    merging.disable_auto_merge(forge.store, "ana", merging.enable_auto_merge(forge.store, "ana", pull))
    await forge.set_status(repo, "bob", head, "build", "success", "built")
    await forge.push(repo, "ana", {"x.py": "1"}, branch="release")
    await forge.retarget(forge.convert_to_draft(pull, "ana"), "ana", "release")
    forge.mark_ready(await forge.retarget(pull, "ana", "main"), "ana")


def model_of(event: str) -> Any:
    """The model of one event, such as `issues.opened`: the union of all takes long to build."""
    return getattr(models, "Webhook" + event.replace(".", "_").title().replace("_", ""))


async def test_every_webhook_parses(world: World):
    await lived_in(world)
    events = await world.events()
    for hook in world.receiver.hooks:
        parsed = model_of(hook.event).model_validate_json(hook.body)
        assert parsed.sender.login == hook.payload["sender"]["login"]
        assert parsed.installation.id == world.installation.id
        assert parsed.repository.full_name == "octo/names"
    assert events == [
        "issues.opened",
        "issues.edited",
        "issues.labeled",
        "issues.unlabeled",
        "issue_comment.created",
        "issue_comment.edited",
        "issue_comment.deleted",
        "issues.closed",
        "issues.reopened",
        "push",
        "pull_request.opened",
        "issue_comment.created",
        "pull_request.labeled",
        "push",
        "pull_request.synchronize",
        "pull_request.ready_for_review",
        "check_run.created",
        "check_run.requested_action",
        "check_run.completed",
        "check_suite.completed",
        "pull_request_review.submitted",
        "pull_request_review.submitted",
        "pull_request_review_comment.created",
        "pull_request_review_comment.created",
        "pull_request_review_comment.edited",
        "pull_request_review_thread.resolved",
        "pull_request_review.edited",
        "pull_request_review.dismissed",
        "check_run.created",
        "check_run.completed",
        "check_suite.completed",
        "check_run.created",
        "check_run.completed",
        "check_suite.completed",
        "status",
        "pull_request.auto_merge_enabled",
        "pull_request.auto_merge_disabled",
        "status",
        "push",
        "pull_request.converted_to_draft",
        "pull_request.edited",
        "pull_request.edited",
        "pull_request.ready_for_review",
        "pull_request.closed",
        "issues.closed",
        "push",
    ]


async def test_every_answer_parses(world: World):
    _, run = await lived_in(world)
    repo = "/repos/octo/names"
    as_app = world.jwt()
    expected: dict[str, tuple[Any, str | None]] = {
        repo: (models.FullRepository, None),
        f"{repo}/issues/1": (models.Issue, None),
        f"{repo}/issues/2": (models.Issue, None),
        f"{repo}/pulls/2": (models.PullRequest, None),
        f"{repo}/check-runs/{run}": (models.CheckRun, None),
        f"{repo}/check-runs/{run}/annotations": (list[models.CheckAnnotation], None),
        f"{repo}/commits/agent/1-1/check-runs": (
            models.ReposOwnerRepoCommitsRefCheckRunsGetResponse200,
            None,
        ),
        f"{repo}/collaborators/ana/permission": (models.RepositoryCollaboratorPermission, None),
        "/installation/repositories": (models.InstallationRepositoriesGetResponse200, None),
        "/rate_limit": (models.RateLimitOverview, None),
        f"{repo}/installation": (models.Installation, as_app),
        "/app": (models.Integration, as_app),
        "/app/installations": (list[models.Installation], as_app),
        "/app/hook/config": (models.WebhookConfig, as_app),
    }
    for path, (model, token) in expected.items():
        status, answer = await world.rest("GET", path, token=token or await world.token())
        assert status == 200, (path, answer)
        TypeAdapter(model).validate_python(answer)


async def test_a_new_token_parses(world: World):
    path = f"/app/installations/{world.installation.id}/access_tokens"
    for narrowed in ({}, {"repositories": ["names"], "permissions": {"issues": "read"}}):
        _, answer = await world.rest("POST", path, token=world.jwt(), json=narrowed)
        token = models.InstallationToken.model_validate(answer)
        assert bool(token.repositories) == bool(narrowed)


@pytest.mark.parametrize("path", ["/repos/octo/nothing", "/repos/octo/names/issues/9", "/no/such/path"])
async def test_what_is_missing_is_a_basic_error(world: World, path: str):
    status, answer = await world.rest("GET", path, token=await world.token())
    assert status == 404
    models.BasicError.model_validate(answer)
