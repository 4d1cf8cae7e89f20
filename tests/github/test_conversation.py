"""The adapter on a pull request that people, CI and the App talk on: what one writes, the other shows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pushpals.github import (
    CONTROL,
    PUSH,
    AddReaction,
    AddReview,
    Annotation,
    AppAuth,
    CheckAction,
    ClosePullRequest,
    CommentView,
    ConvertToDraft,
    CreateCheckRun,
    EnableAutoMerge,
    Endpoints,
    GitHub,
    LineComment,
    MergePullRequest,
    NotFound,
    Permissions,
    PullView,
    ReplyToThread,
    RepoClient,
    ResolveThread,
    ReviewView,
    SubjectView,
    UpdatePullRequest,
    WriteFailed,
)
from pushpals.local.forge.entities import PullRequest, Repo
from pushpals.local.forge.server import Forge
from pushpals.loop.fold import fold
from pushpals.model import RepoRef

BRANCH = "agent/bug_fixer/1-1"
GRANTED = Permissions(**{**CONTROL, **PUSH})


@dataclass
class Town:
    """A forge with an issue, and a pull request for it from a branch of ours."""

    forge: Forge
    repo: Repo
    pull: PullRequest
    client: RepoClient

    async def look(self) -> SubjectView:
        return await self.client.subject(1, branches=[BRANCH])

    async def seen(self) -> PullView:
        [pull] = (await self.look()).pulls[BRANCH]
        return pull

    @property
    def head(self) -> str:
        return self.forge.store.fresh(self.pull).head_sha


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with await Forge.start(tmp_path / "forge") as forge:
        for login in ("octo", "ana"):
            forge.create_user(login)
        repo = await forge.create_repo("octo", "names", {"names.py": "def normalize(name): ...\n"})
        forge.set_role(repo, "ana", "write")
        app, key = await forge.register_app(
            "pushpals", "PushPals", owner="octo", permissions=dict(GRANTED), events=[]
        )
        forge.install(app, [repo])
        forge.create_issue(repo, "ana", "Login fails")
        await forge.push(repo, "ana", {"names.py": "def normalize(name):\n    return name\n"}, branch=BRANCH)
        pull = await forge.create_pull(repo, "octo", "Keep dots", BRANCH)
        async with GitHub(AppAuth(app.id, key), Endpoints.at(forge.url)) as github:
            yield Town(forge, repo, pull, github.repo(RepoRef.parse("octo/names")))


async def test_the_whole_conversation_is_seen_in_one_look(town: Town):
    forge, pull = town.forge, town.pull
    forge.comment(pull, "ana", "Nice")
    forge.add_label(pull, "ana", "agent:done")
    await forge.review_lines(pull, "ana", "CHANGES_REQUESTED", [("names.py", 2, "Strip it")], "Not yet")
    await forge.ci(town.repo, pull.head_sha, "tests", "failure", title="2 failed")
    await forge.set_status(town.repo, "ana", pull.head_sha, "build", "pending", "wait")
    seen = await town.seen()
    assert [comment.body for comment in seen.comments] == ["Nice"]
    assert [(r.state, r.body) for r in seen.reviews] == [("CHANGES_REQUESTED", "Not yet")]
    [thread] = seen.threads
    assert (thread.path, thread.line, thread.resolved, thread.outdated) == ("names.py", 2, False, False)
    assert [(c.body, c.author and c.author.login) for c in thread.comments] == [("Strip it", "ana")]
    assert [(c.name, c.state, c.summary, c.app, c.mine) for c in seen.ci] == [
        ("tests", "failure", "2 failed", "github-actions", False),
        ("build", "pending", "wait", "", False),
    ]
    assert seen.labels == {"agent:done"}
    assert (seen.author and seen.author.login, seen.auto_merge, seen.merge_sha) == ("octo", False, None)

    on_pull = await town.client.subject(pull.number)
    assert on_pull.pull == seen
    assert await town.client.open_pulls("main") == (seen,)
    assert await town.client.open_pulls("release") == ()


async def test_a_thread_is_answered_and_resolved_and_the_snapshot_knows_without_looking(town: Town):
    await town.forge.review_lines(town.pull, "ana", "COMMENTED", [("names.py", 2, "Strip it")])
    view = await town.look()
    [thread] = view.pulls[BRANCH][0].threads
    asked = (
        AddReaction(thread.comments[0].id),
        ReplyToThread(thread.id, "Done in 1a2b3c"),
        ResolveThread(thread.id),
    )
    written = await town.client.write(*asked)
    assert isinstance(written[1], CommentView)
    for mutation, result in zip(asked, written, strict=True):
        view = fold(view, mutation, result)
    [folded] = view.pulls[BRANCH][0].threads
    assert [c.body for c in folded.comments] == ["Strip it", "Done in 1a2b3c"]
    assert (folded.resolved, set(folded.comments[0].reacted)) == (True, {"EYES"})
    assert (await town.seen()).threads == (folded,)


async def test_a_review_remarks_on_lines_and_never_approves(town: Town):
    view = await town.look()
    pull_id = view.pulls[BRANCH][0].id
    review = AddReview(pull_id, "One finding", (LineComment("names.py", 2, "Dead code"),), town.head)
    elsewhere = AddReview(pull_id, "Nothing", (LineComment("names.py", 99, "Where?"),))
    written, refused = await town.client.write(review, elsewhere)
    assert isinstance(written, ReviewView)
    assert (written.state, written.mine, written.commit) == ("COMMENTED", True, town.head)
    assert isinstance(refused, WriteFailed)
    assert refused.kind == "refused"
    seen = await town.seen()
    assert [t.comments[0].body for t in seen.threads] == ["Dead code"]
    assert fold(view, review, written).pulls[BRANCH][0].reviews == seen.reviews


async def test_a_write_to_the_pull_request_forgets_nothing_of_it(town: Town):
    town.forge.comment(town.pull, "ana", "Nice")
    await town.forge.ci(town.repo, town.head, "tests", "success")
    view = await town.look()
    change = UpdatePullRequest(view.pulls[BRANCH][0].id, title="Keep all dots")
    for mutation in (change, ConvertToDraft(change.pull_id), ClosePullRequest(change.pull_id)):
        [result] = await town.client.write(mutation)
        view = fold(view, mutation, result)
    [kept] = view.pulls[BRANCH]
    assert (kept.title, kept.draft, kept.state) == ("Keep all dots", True, "CLOSED")
    assert kept == await town.seen()
    assert (len(kept.comments), len(kept.ci)) == (1, 1)


async def test_the_app_merges_with_a_token_that_may(town: Town):
    pull = await town.seen()
    stale = MergePullRequest(pull.id, "0" * 40, "SQUASH")
    [refused] = await town.client.write(stale)
    assert isinstance(refused, WriteFailed)
    [merged] = await town.client.write(MergePullRequest(pull.id, pull.head_sha, "SQUASH", "Land it (#2)"))
    assert isinstance(merged, PullView)
    assert (merged.state, merged.merge_sha) == (
        "MERGED",
        await town.forge.git.sha(town.repo, "refs/heads/main"),
    )


async def test_auto_merge_waits_for_ci(town: Town):
    await town.forge.ci(town.repo, town.head, "tests", None)
    pull = await town.seen()
    assert [c.state for c in pull.ci] == ["pending"]
    [wished] = await town.client.write(EnableAutoMerge(pull.id, pull.head_sha))
    assert isinstance(wished, PullView)
    assert wished.auto_merge
    await town.forge.ci(town.repo, town.head, "tests", "success")
    assert (await town.seen()).state == "MERGED"


async def test_a_red_job_tells_its_log_and_what_it_remarked(town: Town):
    note = {
        "path": "names.py",
        "start_line": 2,
        "end_line": 2,
        "message": "E1",
        "annotation_level": "failure",
    }
    log = "".join(f"line {n}\n" for n in range(100_000)) + "1 failed\n"
    await town.forge.ci(town.repo, town.head, "tests", "failure", log=log, annotations=[note])
    await town.forge.ci(town.repo, town.head, "lint", "failure")
    tests, lint = (await town.seen()).ci
    assert tests.run_id
    assert lint.run_id
    text = await town.client.ci_log(tests.run_id, limit=1_000)
    assert (len(text), text[-9:]) == (1_000, "1 failed\n")
    [remark] = await town.client.annotations(tests.run_id)
    assert (remark.path, remark.line, remark.level, remark.message) == ("names.py", 2, "failure", "E1")
    with pytest.raises(NotFound):
        await town.client.ci_log(lint.run_id)


async def test_our_own_check_run_is_among_the_checks_and_known_as_ours(town: Town):
    view = await town.look()
    await town.client.write(
        CreateCheckRun(
            repository_id=view.repository.id,
            name="PushPals / 1-1",
            external_id="1-1",
            status="COMPLETED",
            conclusion="NEUTRAL",
            title="One finding",
            summary="Look at line 2",
            head_sha=town.head,
            actions=tuple(CheckAction(word, word, word) for word in ("once", "always", "deny")),
            annotations=(Annotation("names.py", 2, "WARNING", "Dead code", "review"),),
        )
    )
    [check] = (await town.seen()).ci
    assert (check.mine, check.state, check.app) == (True, "neutral", "pushpals")
    [run] = town.forge.store.runs.values()
    assert [a.message for a in run.annotations] == ["Dead code"]
    assert [a.identifier for a in run.actions] == ["once", "always", "deny"]
