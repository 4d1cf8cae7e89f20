"""Real git against the forge: clone, push with leases, refuse, and keep people's permissions."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from pushpals.local.forge.entities import PullRequest
from pushpals.local.forge.git import NO_SHA
from tests.forge.world import FILES, Clone, GitFailedError, World


async def test_anybody_may_clone_a_public_repository_and_nobody_may_push(world: World, tmp_path: Path):
    clone = await world.clone(tmp_path / "clone")
    assert (clone.folder / "names.py").read_text() == FILES["names.py"]
    await clone.commit("names.py", "x\n", "Change")
    with pytest.raises(GitFailedError, match="could not read Username"):
        await clone.git("push", "origin", "HEAD:refs/heads/topic")


async def test_a_private_repository_shows_itself_to_its_tokens_only(world: World, tmp_path: Path):
    secret = await world.forge.create_repo("octo", "secret", {"a": "b"}, private=True)
    url = f"{world.forge.url}/octo/secret.git"
    elsewhere = await world.mint(repositories=["names"])
    with pytest.raises(GitFailedError, match="could not read Username"):
        await Clone(tmp_path / "x", None).git("ls-remote", url, cwd=tmp_path)
    with pytest.raises(GitFailedError, match="not found"):
        await Clone(tmp_path / "x", elsewhere).git("ls-remote", url, cwd=tmp_path)
    with pytest.raises(GitFailedError, match="not found"):
        await Clone(tmp_path / "x", elsewhere).git(
            "ls-remote", url.replace("secret", "nothing"), cwd=tmp_path
        )
    world.forge.install(world.app, [secret])
    inside = await world.mint(repositories=["secret"], permissions={"contents": "read"})
    assert "refs/heads/main" in await Clone(tmp_path / "x", inside).git("ls-remote", url, cwd=tmp_path)


async def test_pushing_needs_contents_write(world: World, tmp_path: Path):
    reader = await world.mint(permissions={"contents": "read", "issues": "write"})
    clone = await world.clone(tmp_path / "clone", reader)
    await clone.commit("names.py", "x\n", "Change")
    with pytest.raises(GitFailedError, match="403"):
        await clone.git("push", "origin", "HEAD:refs/heads/topic")
    assert await world.forge.git.refs(world.repo, "refs/heads") == {"refs/heads/main": await _main(world)}


async def test_an_atomic_push_moves_all_its_refs_or_none(world: World, tmp_path: Path):
    clone = await world.clone(tmp_path / "clone", await world.token())
    first = await clone.commit("names.py", "x\n", "Change")
    job, branch = "refs/pushpals/jobs/1-1", "refs/heads/agent/1-1"
    push = ("push", "--atomic", "origin")
    await clone.git(
        *push, f"--force-with-lease={job}:", f"--force-with-lease={branch}:", f"HEAD:{job}", f"HEAD:{branch}"
    )
    assert await world.forge.git.resolve(world.repo, job) == first
    second = await clone.commit("names.py", "y\n", "Change again")
    stale = f"--force-with-lease={job}:{await _main(world)}"
    with pytest.raises(GitFailedError, match="stale info"):
        await clone.git(*push, stale, f"--force-with-lease={branch}:{first}", f"HEAD:{job}", f"HEAD:{branch}")
    assert await world.forge.git.resolve(world.repo, branch) == first
    await clone.git(
        *push,
        f"--force-with-lease={job}:{first}",
        f"--force-with-lease={branch}:{first}",
        f"HEAD:{job}",
        f"HEAD:{branch}",
    )
    assert await world.forge.git.resolve(world.repo, branch) == second


async def test_of_two_claims_one_wins(world: World, tmp_path: Path):
    """The race is settled in the forge: both believe the ref is not there yet."""
    token = await world.token()
    clones = [await world.clone(tmp_path / name, token) for name in ("one", "two")]
    shas = [await clone.commit("claim", str(clone.folder), "Claim") for clone in clones]
    ref = "refs/pushpals/jobs/1-1"
    results = await asyncio.gather(
        *(clone.git("push", f"--force-with-lease={ref}:", "origin", f"HEAD:{ref}") for clone in clones),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, GitFailedError) for result in results) == [False, True]
    assert await world.forge.git.resolve(world.repo, ref) in shas


async def test_only_branches_fire_webhooks(world: World, tmp_path: Path):
    clone = await world.clone(tmp_path / "clone", await world.token())
    await clone.commit("new.py", "x\n", "Add a file")
    await clone.git("push", "origin", "HEAD:refs/pushpals/jobs/1-1")
    assert await world.events() == []
    sha = await clone.commit("names.py", "y\n", "Change a file")
    await clone.git("push", "origin", "HEAD:refs/heads/topic")
    push = await world.hook("push")
    assert (push["ref"], push["before"], push["after"]) == ("refs/heads/topic", NO_SHA, sha)
    assert [commit["message"] for commit in push["commits"]] == ["Add a file", "Change a file"]
    assert [commit["added"] for commit in push["commits"]] == [["new.py"], []]
    assert (push["created"], push["deleted"], push["forced"]) == (True, False, False)
    assert push["sender"]["login"] == "pals[bot]"
    await clone.git("reset", "--hard", "--quiet", "HEAD~1")
    await clone.commit("names.py", "z\n", "Change it differently")
    await clone.git("push", "--force", "origin", "HEAD:refs/heads/topic")
    assert (await world.hook("push"))["forced"]
    await clone.git("push", "origin", ":refs/heads/topic")
    push = await world.hook("push")
    assert (push["deleted"], push["after"], push["head_commit"]) == (True, NO_SHA, None)
    assert (await world.events()) == ["push", "push", "push"]


async def test_a_push_moves_the_pull_request(world: World, tmp_path: Path):
    pull = await world.pull()
    clone = await world.clone(tmp_path / "clone", await world.token())
    await clone.git("checkout", "--quiet", "agent/1-1")
    sha = await clone.commit("more.py", "1\n2\n", "More")
    await clone.git("push", "origin", "HEAD:agent/1-1")
    moved = world.forge.store.fresh(pull)
    assert (moved.head_sha, moved.commits, moved.changed_files) == (sha, 2, 2)
    hook = await world.hook("pull_request.synchronize")
    assert (hook["before"], hook["after"], hook["number"]) == (pull.head_sha, sha, pull.number)
    # The head can be fetched under the pull request's own ref, which nobody may push.
    await clone.git("fetch", "origin", f"refs/pull/{pull.number}/head")
    assert await clone.git("rev-parse", "FETCH_HEAD") == sha
    with pytest.raises(GitFailedError, match="hidden ref"):
        await clone.git("push", "--force", "origin", f"HEAD~1:refs/pull/{pull.number}/head")


@pytest.mark.parametrize("protocol", ["0", "2"])
async def test_any_commit_can_be_fetched_alone(world: World, tmp_path: Path, protocol: str):
    git, main = world.forge.git, await _main(world)
    tree = await git.sha(world.repo, "main^{tree}")
    # No ref leads to it: it is found by nothing but its id.
    sha = await git.commit_tree(world.repo, tree, [main], "Loose\n", world.forge.store.account("ana"))
    bare = Clone(tmp_path / "bare.git", await world.token())
    await bare.git("init", "--quiet", "--bare", str(bare.folder), cwd=tmp_path)
    url = f"{world.forge.url}/octo/names.git"
    await bare.git("-c", f"protocol.version={protocol}", "fetch", "--quiet", "--depth=1", url, sha)
    assert await bare.git("rev-list", "--count", sha) == "1"


async def test_the_ledger_is_listed_by_one_ls_remote(world: World, tmp_path: Path):
    clone = await world.clone(tmp_path / "clone", await world.token())
    sha = await clone.git("rev-parse", "HEAD")
    await clone.git("push", "origin", "HEAD:refs/pushpals/requests/1", "HEAD:refs/pushpals/jobs/1-1")
    before = len(world.forge.requests)
    seen = await clone.git("ls-remote", "origin", "refs/pushpals/*")
    assert seen.split() == [sha, "refs/pushpals/jobs/1-1", sha, "refs/pushpals/requests/1"]
    paths = [request.path.partition(".git/")[2] for request in world.forge.requests[before:]]
    assert paths == ["info/refs", "git-upload-pack"]


async def test_a_push_that_breaks_off_changes_nothing_and_holds_nothing_up(world: World):
    before = await world.forge.git.refs(world.repo, "refs")
    token = aiohttp.encode_basic_auth("x-access-token", await world.token())
    reader, writer = await asyncio.open_connection("127.0.0.1", int(world.forge.url.rpartition(":")[2]))
    head = (
        "POST /octo/names.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        f"Authorization: {token}\r\nContent-Type: application/x-git-receive-pack-request\r\n\r\n"
    )
    writer.write(head.encode() + b"0094" + b"x" * 50)
    await writer.drain()
    writer.transport.abort()
    del reader
    await _answered(world, "git")
    assert await world.forge.git.refs(world.repo, "refs") == before
    assert (await world.rest("GET", "/repos/octo/names", token=await world.token()))[0] == 200


async def _answered(world: World, kind: str) -> None:
    async with asyncio.timeout(30):
        # The records are a plain list: looking again is all one can do.
        while not any(r.kind == kind and r.status for r in world.forge.requests):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_ledger_push_wakes_those_who_wait(world: World, tmp_path: Path):
    clone = await world.clone(tmp_path / "clone", await world.token())
    seen = world.forge.store.revision
    await clone.git("push", "origin", "HEAD:refs/pushpals/jobs/1-1")
    async with asyncio.timeout(30):
        assert await world.forge.store.changed(seen) > seen


async def test_a_push_that_outlives_the_forge_is_caught_up_with(world: World):
    pull = await world.pull()
    sha = await world.forge.git.commit(
        world.repo, "agent/1-1", {"a": "b"}, "Pushed", world.forge.store.account("ana")
    )
    await world.restart()
    caught_up = world.forge.store.subject(world.repo.id, pull.number)
    assert isinstance(caught_up, PullRequest)
    assert caught_up.head_sha == sha


async def test_a_clone_or_a_folder_becomes_a_repository(world: World, tmp_path: Path):
    folder = tmp_path / "folder"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "run").write_text("#!/bin/sh\n")
    (folder / "bin" / "run").chmod(0o755)
    plain = await world.forge.create_repo("octo", "plain", folder)
    assert (await world.forge.git.run(plain, "ls-tree", "-r", "main")).startswith("100755 blob")
    clone = Clone(folder, None)
    await clone.git("init", "--quiet", "--initial-branch=trunk")
    sha = await clone.commit("a", "b", "Begin")
    copied = await world.forge.create_repo("octo", "copied", folder)
    assert copied.default_branch == "trunk"
    assert await world.forge.git.sha(copied, "refs/heads/trunk") == sha


async def _main(world: World) -> str:
    return await world.forge.git.sha(world.repo, "refs/heads/main")
