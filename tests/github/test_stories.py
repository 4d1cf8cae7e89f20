"""The adapter and a server that keeps GitHub's rules: what one writes, the other shows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pushpals.github import (
    CONTROL,
    OBSERVE,
    PUSH,
    AccessDenied,
    AddComment,
    AddLabels,
    AddReaction,
    AppAuth,
    CheckAction,
    CheckRunView,
    CloseIssue,
    CommentView,
    CreateCheckRun,
    CreatePullRequest,
    Done,
    Endpoints,
    GitHub,
    GitHubUnavailable,
    NotFound,
    Permissions,
    PullView,
    RateLimited,
    ReadyForReview,
    RemoveLabels,
    RepoClient,
    UpdateCheckRun,
    UpdateComment,
    UpdatePullRequest,
    WriteFailed,
)
from pushpals.local.forge.entities import Issue, Repo
from pushpals.local.forge.server import Forge
from pushpals.local.forge.traffic import Fault
from pushpals.model import Person, RepoRef

BRANCH = "agent/bug_fixer/1-1"
REF = RepoRef.parse("octo/names")
GRANTED = Permissions(**{**CONTROL, **PUSH})


@dataclass
class Town:
    """A forge with one repository, one labelled issue, and the App installed."""

    forge: Forge
    repo: Repo
    issue: Issue
    github: GitHub
    client: RepoClient
    requests: list[tuple[str, str]]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with await Forge.start(tmp_path / "forge") as forge:
        for login in ("octo", "ana", "bob", "cleo"):
            forge.create_user(login)
        repo = await forge.create_repo("octo", "names", {"names.py": "def normalize(name): ...\n"})
        forge.set_role(repo, "ana", "maintain")
        forge.set_role(repo, "bob", "triage")
        app, key = await forge.register_app(
            "pushpals", "PushPals", owner="octo", permissions=dict(GRANTED), events=["issues"]
        )
        forge.install(app, [repo])
        forge.create_label(repo, "agent:done")
        issue = forge.create_issue(repo, "cleo", "Login fails", "for names with a dot")
        forge.add_label(issue, "ana", "agent:ready")
        requests: list[tuple[str, str]] = []
        endpoints = Endpoints.at(forge.url)
        auth = AppAuth(app.id, key)
        async with GitHub(auth, endpoints, on_request=lambda *call: requests.append(call)) as github:
            yield Town(forge, repo, issue, github, github.repo(REF), requests)


async def test_an_issue_is_seen_with_all_a_decision_needs(town):
    town.forge.comment(town.issue, "bob", "me too")
    view = await town.client.subject(1, labels=["agent:ready", "agent:done", "no such label"])

    assert (view.kind, view.number, view.title, view.state) == ("issue", 1, "Login fails", "OPEN")
    assert view.body == "for names with a dot"
    assert view.author is not None
    assert view.author.login == "cleo"
    assert (view.last_edited_at, view.editor, view.renamed) == (None, None, ())
    assert list(view.labels) == ["agent:ready"]
    (label,) = view.labelled
    assert (label.label, label.actor and label.actor.login) == ("agent:ready", "ana")
    (comment,) = view.comments
    assert (comment.body, comment.mine, view.comments_total) == ("me too", False, 1)
    assert set(view.repository.label_ids) == {"agent:ready", "agent:done"}
    assert view.repository.label_ids["agent:ready"] == view.labels["agent:ready"]
    assert (view.repository.full_name, view.repository.default_branch) == ("octo/names", "main")
    assert view.viewer.login == "pushpals[bot]"
    assert town.requests == [("rest", "installation"), ("rest", "token"), ("graphql", "subject")]


async def test_who_edited_the_text_and_who_renamed_it_is_seen(town):
    town.forge.edit_issue(town.issue, "ana", body="something else")
    town.forge.edit_issue(town.issue, "cleo", title="Delete everything")
    view = await town.client.subject(1)
    assert view.editor is not None
    assert (view.editor.login, view.last_edited_at is not None) == ("ana", True)
    (rename,) = view.renamed
    assert (rename.before, rename.after) == ("Login fails", "Delete everything")
    assert rename.actor is not None
    assert rename.actor.login == "cleo"


async def test_the_first_words_are_one_request_and_are_seen_as_ours(town):
    view = await town.client.subject(1)
    before = len(town.requests)
    reaction, comment = await town.client.write(AddReaction(view.id), AddComment(view.id, "On it."))
    assert town.requests[before:] == [("graphql", "write")]
    assert reaction == Done(view.id)
    assert isinstance(comment, CommentView)
    assert comment.mine
    assert comment.author == view.viewer

    (updated,) = await town.client.write(UpdateComment(comment.id, "Done."))
    assert isinstance(updated, CommentView)
    again = await town.client.subject(1)
    assert again.reacted == {"EYES"}
    assert again.comments == (updated,)
    assert again.comments[0].body == "Done."
    assert again.comments[0].editor == view.viewer


async def test_a_pull_request_grows_from_draft_to_merged(town):
    sha = await town.forge.push(town.repo, "octo", {"names.py": "fixed\n"}, branch=BRANCH)
    repository = (await town.client.subject(1)).repository
    opened = CreatePullRequest(repository.id, "main", BRANCH, "Keep dots", "Fixes #1.", draft=True)
    pull, again = await town.client.write(opened, opened)
    assert isinstance(pull, PullView)
    assert (pull.draft, pull.head_sha, pull.base_ref, pull.head_ref) == (True, sha, "main", BRANCH)
    assert isinstance(again, WriteFailed)
    assert again.kind == "already_exists"

    await town.client.write(
        UpdatePullRequest(pull.id, body="Fixes #1. Now with evidence."), ReadyForReview(pull.id)
    )
    stored = next(iter(town.forge.store.pulls.values()))
    town.forge.review(stored, "ana", "APPROVED", "Good.")
    seen = await town.client.subject(pull.number, branches=[BRANCH, "no/such"])
    assert (seen.kind, seen.state) == ("pull", "OPEN")
    assert seen.pull is not None
    assert (seen.pull.title, seen.pull.body, seen.pull.draft) == (
        "Keep dots",
        "Fixes #1. Now with evidence.",
        False,
    )
    (review,) = seen.pull.reviews
    assert (review.state, review.commit, review.body) == ("APPROVED", sha, "Good.")
    assert review.author is not None
    assert review.author.login == "ana"
    assert seen.pulls == {BRANCH: (seen.pull,), "no/such": ()}

    await town.forge.merge(town.forge.store.fresh(stored), "ana")
    merged = (await town.client.subject(1, branches=[BRANCH])).pulls[BRANCH][0]
    assert (merged.state, merged.merged) == ("MERGED", True)
    assert merged.merged_by is not None
    assert merged.merged_by.login == "ana"


async def test_a_check_run_is_created_redrawn_and_found_by_its_commit(town):
    view = await town.client.subject(1)
    sha = view.repository.default_sha
    assert sha is not None
    fields = {"repository_id": view.repository.id, "name": "PushPals / 1-1", "external_id": "1-1"}
    (run,) = await town.client.write(
        CreateCheckRun(**fields, head_sha=sha, status="IN_PROGRESS", title="Working", summary="turn 1")
    )
    assert isinstance(run, CheckRunView)
    assert (run.status, run.conclusion, run.external_id) == ("IN_PROGRESS", None, "1-1")
    (done,) = await town.client.write(
        UpdateCheckRun(
            **fields,
            check_run_id=run.id,
            status="COMPLETED",
            conclusion="ACTION_REQUIRED",
            title="A person is asked",
            summary="Approve the plan.",
            text="details",
            details_url="https://pushpals.example/1-1",
            actions=(CheckAction("Approve plan", "Start the work", "approve"),),
        )
    )
    seen = await town.client.subject(1, commits=[sha, "0" * 40])
    assert seen.check_runs == {sha: (done,), "0" * 40: ()}
    assert isinstance(done, CheckRunView)
    assert (done.id, done.status, done.conclusion) == (run.id, "COMPLETED", "ACTION_REQUIRED")
    assert (done.title, done.summary) == ("A person is asked", "Approve the plan.")
    (stored,) = town.forge.store.runs.values()
    assert (stored.text, stored.details_url) == ("details", "https://pushpals.example/1-1")
    assert [button.identifier for button in stored.actions] == ["approve"]


async def test_labels_move_and_the_issue_closes_in_one_step(town):
    view = await town.client.subject(1, labels=["agent:done"])
    ready, done = view.labels["agent:ready"], view.repository.label_ids["agent:done"]
    written = await town.client.write(
        RemoveLabels(view.id, (ready,)), AddLabels(view.id, (done,)), CloseIssue(view.id)
    )
    assert written == (Done(view.id),) * 3
    after = await town.client.subject(1)
    assert (list(after.labels), after.state) == (["agent:done"], "CLOSED")
    assert (await town.client.open_issues("agent:done")).labelled == ()


async def test_open_issues_with_the_label_are_found(town):
    other = town.forge.create_issue(town.repo, "cleo", "Another")
    town.forge.add_label(other, "ana", "agent:ready")
    town.forge.create_issue(town.repo, "cleo", "Not labelled")
    assert sorted((await town.client.open_issues("agent:ready")).labelled) == [1, other.number]


async def test_roles_are_told_as_github_names_them(town):
    town.forge.set_role(town.repo, "cleo", "release-captain", "write")
    roles = {login: (await town.client.role_of(login)).name for login in ("octo", "ana", "bob", "cleo")}
    assert roles == {"octo": "admin", "ana": "maintain", "bob": "triage", "cleo": "release-captain"}
    assert (await town.client.role_of("nobody")).name == "none"
    view = await town.client.subject(1)
    assert view.labelled[0].actor == Person(id=(await town.client.role_of("ana")).user_id or 0, login="ana")


async def test_a_role_asked_again_costs_nothing(town):
    await town.client.role_of("ana")
    assert await town.client.role_of("ana") == await town.client.role_of("ana")
    assert [r.status for r in town.forge.requests if r.path.endswith("/permission")] == [200, 304, 304]


async def test_a_lost_answer_is_told_and_the_next_look_settles_it(town):
    view = await town.client.subject(1)
    town.forge.faults.append(
        Fault(matches=lambda record: "addComment" in record.mutations, status=None, when="after")
    )
    with pytest.raises(GitHubUnavailable) as caught:
        await town.client.write(AddComment(view.id, "On it."))
    assert caught.value.lost
    assert [comment.body for comment in (await town.client.subject(1)).comments] == ["On it."]


async def test_a_refused_write_does_not_stop_those_after_it(town):
    view = await town.client.subject(1)
    missing, comment = await town.client.write(
        UpdateComment("IC_nothing", "hello"), AddComment(view.id, "On it.")
    )
    assert isinstance(missing, WriteFailed)
    assert missing.kind == "not_found"
    assert isinstance(comment, CommentView)


async def test_a_token_for_looking_cannot_write(town):
    client = town.github.repo(REF, permissions=OBSERVE)
    view = await client.subject(1)
    (refused,) = await client.write(AddComment(view.id, "hello"))
    assert isinstance(refused, WriteFailed)
    assert refused.kind == "forbidden"


async def test_a_permission_the_app_does_not_have_is_named(town):
    with pytest.raises(AccessDenied, match="workflows: write"):
        await town.client.git_token(Permissions(workflows="write"))


async def test_what_does_not_exist_is_not_found(town):
    with pytest.raises(NotFound, match="octo/names#99"):
        await town.client.subject(99)
    with pytest.raises(NotFound, match="not installed on octo/other"):
        await town.github.repo(RepoRef.parse("octo/other")).subject(1)


async def test_the_app_knows_itself_and_where_it_is_installed(town):
    app = await town.github.app()
    assert (app.slug, app.owner, app.bot_login) == ("pushpals", "octo", "pushpals[bot]")
    assert app.permissions == GRANTED
    (installation,) = await town.github.installations()
    assert (installation.account, installation.suspended) == ("octo", False)
    assert await town.github.repositories(installation.id) == (REF,)


async def test_an_exhausted_allowance_is_told_with_its_end(tmp_path):
    async with await Forge.start(tmp_path / "forge", hourly_limit=2) as forge:
        forge.create_user("octo")
        repo = await forge.create_repo("octo", "names", {"a": "b"})
        app, key = await forge.register_app("p", "P", owner="octo", permissions=dict(CONTROL), events=[])
        number = forge.install(app, [repo]).id
        async with GitHub(AppAuth(app.id, key), Endpoints.at(forge.url)) as github:
            client = github.repo(REF, number)
            for _ in range(2):
                assert (await client.open_issues("agent:ready")).labelled == ()
            with pytest.raises(RateLimited, match="again at"):
                await client.open_issues("agent:ready")


async def test_many_looks_at_once_share_one_token(town):
    views = await asyncio.gather(*(town.client.subject(1) for _ in range(5)))
    assert len(set(map(id, views))) == 5
    assert [name for _, name in town.requests].count("token") == 1
