"""A whole life of a change, as people and an App live it; and what a forge remembers when it is killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pushpals.local.forge.errors import ForbiddenError, UnprocessableError
from pushpals.local.forge.store import Store
from tests.forge.world import SAY, World


@pytest.mark.parametrize("method", ["merge", "squash"])
async def test_from_an_issue_to_a_merge(world: World, tmp_path: Path, method: str):
    forge = world.forge
    issue = world.issue()
    forge.add_label(issue, "octo", "agent:ready")
    clone = await world.clone(tmp_path / "clone", await world.token())
    base = await clone.git("rev-parse", "HEAD")
    sha = await clone.commit("names.py", "def normalize(name):\n    return name\n", "Keep dots")
    await clone.git("push", "origin", "--force-with-lease=agent/1-1:", "HEAD:refs/heads/agent/1-1")
    made = await world.data(
        """mutation($repo: ID!) { createPullRequest(input: {repositoryId: $repo, baseRefName: "main",
             headRefName: "agent/1-1", title: "Keep dots", body: "Fixes #1."}) {
               pullRequest { number headRefOid } } }""",
        repo=world.repo.node_id,
    )
    assert made["createPullRequest"]["pullRequest"] == {"number": 2, "headRefOid": sha}
    pull = next(iter(forge.store.pulls.values()))
    assert (pull.commits, pull.additions, pull.deletions, pull.changed_files) == (1, 1, 1, 1)
    forge.review(pull, "octo", "APPROVED")
    with pytest.raises(ForbiddenError):
        await forge.merge(pull, "bob")
    merged = await forge.merge(pull, "ana", "squash" if method == "squash" else "merge")
    assert (merged.merged_by, forge.store.fresh(issue).state) == ("ana", "closed")
    await clone.git("fetch", "--quiet", "origin")
    parents = (await clone.git("rev-list", "--parents", "-1", "origin/main")).split()[1:]
    assert parents == ([base] if method == "squash" else [base, sha])
    assert await clone.git("diff", "origin/main", sha) == ""
    told = [
        event for event in await world.events() if event in {"pull_request.closed", "issues.closed", "push"}
    ]
    assert told == ["push", "pull_request.closed", "issues.closed", "push"]
    assert (await world.hook("pull_request.closed"))["pull_request"]["merged"]
    with pytest.raises(UnprocessableError):
        await forge.merge(merged, "ana")


async def test_a_conflict_or_a_draft_is_not_merged(world: World):
    draft = await world.pull(draft=True)
    with pytest.raises(UnprocessableError, match="draft"):
        await world.forge.merge(draft, "ana")
    pull = await world.pull(head="agent/1-2")
    main = await world.forge.push(world.repo, "octo", {"names.py": "other\n"}, message="Collide")
    with pytest.raises(UnprocessableError, match="conflicts"):
        await world.forge.merge(pull, "ana")
    assert await world.forge.git.sha(world.repo, "refs/heads/main") == main


async def test_nobody_approves_their_own(world: World):
    await world.branch()
    pull = await world.forge.create_pull(world.repo, "ana", "Mine", "agent/1-1")
    with pytest.raises(UnprocessableError, match="your own"):
        world.forge.review(pull, "ana", "APPROVED")
    world.forge.review(pull, "ana", "COMMENTED", "A note")


@pytest.mark.parametrize(
    ("role", "base", "permission", "role_name"),
    [
        ("read", None, "read", "read"),
        ("triage", None, "read", "triage"),
        ("write", None, "write", "write"),
        ("maintain", None, "write", "maintain"),
        ("admin", None, "admin", "admin"),
        ("release captain", "maintain", "write", "release captain"),
    ],
)
async def test_the_role_is_told_the_old_way_and_the_true_way(
    world: World, role: str, base: str | None, permission: str, role_name: str
):
    world.forge.set_role(world.repo, "bob", role, base)
    got = await world.get("/repos/octo/names/collaborators/bob/permission")
    assert (got["permission"], got["role_name"], got["user"]["login"]) == (permission, role_name, "bob")


async def test_a_stranger_has_the_role_of_everybody(world: World):
    private = await world.forge.create_repo("octo", "private", {"a": "b"}, private=True)
    world.forge.install(world.app, [private])
    for repo, role in (("names", "read"), ("private", "none")):
        got = await world.get(f"/repos/octo/{repo}/collaborators/bob/permission")
        assert (got["permission"], got["role_name"]) == (role, role)
    assert (await world.get("/repos/octo/names/collaborators/octo/permission"))["role_name"] == "admin"
    status, _ = await world.rest(
        "GET", "/repos/octo/names/collaborators/nobody/permission", token=await world.token()
    )
    assert status == 404


async def test_an_old_copy_of_a_record_does_no_harm(world: World):
    issue = world.issue()
    world.forge.add_label(issue, "ana", "one")
    world.forge.add_label(issue, "ana", "two")
    world.forge.edit_issue(issue, "ana", title="New")
    now = world.forge.store.fresh(issue)
    assert [label.name for label in world.forge.store.labels_of(now)] == ["one", "two"]
    assert now.title == "New"


async def test_a_failure_in_the_middle_changes_nothing(world: World):
    pull = await world.pull()
    before = (world.forge.store.directory / "forge.jsonl").read_bytes()
    answer = await world.graphql(
        """mutation($id: ID!, $body: String!) {
             updatePullRequest(input: {pullRequestId: $id, title: "New", body: $body}) {
               pullRequest { id } } }""",
        id=pull.node_id,
        body="x" * 65_537,
    )
    assert "too long" in answer["errors"][0]["message"]
    assert world.forge.store.fresh(pull) == pull
    assert world.forge.store.timeline_of(pull) == []
    assert (world.forge.store.directory / "forge.jsonl").read_bytes() == before


def test_a_torn_last_line_is_cut_off(tmp_path: Path):
    from pushpals.local.forge import accounts  # noqa: PLC0415

    store = Store(tmp_path)
    accounts.create_account(store, "octo")
    store.close()
    journal = tmp_path / "forge.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[: len(whole) // 2])
    store = Store(tmp_path)
    accounts.create_account(store, "ana")
    store.close()
    store = Store(tmp_path)
    assert [account.login for account in store.accounts.values()] == ["octo", "ana"]
    assert len({account.id for account in store.accounts.values()}) == 2
    store.close()


def test_a_long_history_is_shortened_and_says_the_same(tmp_path: Path):
    from pushpals.local.forge import accounts  # noqa: PLC0415

    store = Store(tmp_path)
    accounts.create_account(store, "octo")
    repo = accounts.record_repo(store, "octo", "names")
    for n in range(200):
        repo = accounts.set_role(store, repo, "octo", "read" if n % 2 else "write")
    store.close()
    long = (tmp_path / "forge.jsonl").stat().st_size
    store = Store(tmp_path)
    assert store.repos == {repo.id: repo}
    assert (tmp_path / "forge.jsonl").stat().st_size < long / 10
    accounts.create_account(store, "ana")
    store.close()
    store = Store(tmp_path)
    assert (len(store.accounts), store.repos) == (2, {repo.id: repo})
    store.close()


SERVER = """
import asyncio, sys
from pathlib import Path
from pushpals.local.forge.server import Forge

async def main():
    forge = await Forge.start(Path(sys.argv[1]))
    print(forge.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def another_process(directory: Path) -> AsyncIterator[tuple[str, int]]:
    """A forge in a process of its own; its address and process id. Killed at the end."""
    bot = str(Path(__file__).parents[2] / "bot")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVER,
        str(directory),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": bot},
    )
    assert process.stdout
    try:
        yield (await process.stdout.readline()).decode().strip(), process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_what_was_answered_survives_kill_9(world: World, tmp_path: Path):
    issue = world.issue()
    pull = await world.pull()
    token = await world.token()
    await world.forge.drained()
    await world.forge.close()
    async with another_process(world.forge.store.directory) as (url, pid):
        world.forge.url = url
        for n in range(5):
            await world.graphql(SAY, token=token, id=issue.node_id, body=f"comment {n}")
        clone = await world.clone(tmp_path / "clone", token)
        sha = await clone.commit("a", "b", "Change")
        await clone.git(
            "push", "--force", "origin", "HEAD:refs/heads/agent/1-1", "HEAD:refs/pushpals/jobs/1-1"
        )
        os.kill(pid, signal.SIGKILL)
    await world.restart()
    store = world.forge.store
    assert [c.body for c in store.comments_of(issue)] == [f"comment {n}" for n in range(5)]
    assert store.fresh(pull).head_sha == sha
    assert await world.forge.git.resolve(world.repo, "refs/pushpals/jobs/1-1") == sha
