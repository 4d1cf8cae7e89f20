"""What moves with a branch: pull requests that merge, close, or get another base."""

import pytest

from pushpals.local.forge.entities import PullRequest
from pushpals.local.forge.errors import UnprocessableError
from tests.forge.world import World


async def pull(world: World, head: str, base: str = "main", text: str = "better\n") -> PullRequest:
    await world.forge.push(world.repo, "ana", {f"{head}.py": text}, branch=head, start=base)
    return await world.forge.create_pull(world.repo, "ana", head, head, base=base)


async def fast_forward(world: World, branch: str, sha: str) -> None:
    """Push, as git would, a commit that is already there."""
    clone = await world.clone(world.forge.store.directory / f"clone-{branch}", await world.token())
    await clone.git("push", "--quiet", "origin", f"{sha}:refs/heads/{branch}")


async def test_a_push_that_brings_a_head_to_its_base_merges_the_pull_request(world: World):
    issue = world.issue()
    first, other = await pull(world, "one"), await pull(world, "two")
    world.forge.edit_issue(first, "ana", body=f"Fixes #{issue.number}")
    await fast_forward(world, "main", first.head_sha)
    store = world.forge.store
    merged = store.fresh(first)
    assert (merged.state, merged.merged_by, merged.merge_commit_sha) == (
        "closed",
        "pals[bot]",
        first.head_sha,
    )
    assert (store.fresh(other).state, store.fresh(issue).state) == ("open", "closed")
    assert (await world.hook("pull_request.closed"))["pull_request"]["merged"] is True


async def test_a_commit_with_several_heads_in_it_merges_them_all(world: World):
    """The train's way: branches merged onto one another, and the base fast-forwarded to the result."""
    first, second = await pull(world, "one"), await pull(world, "two")
    git, repo, ana = world.forge.git, world.repo, world.forge.store.account("ana")
    tree = await git.merge_tree(repo, first.head_sha, second.head_sha)
    assert tree
    train = await git.commit_tree(repo, tree, [first.head_sha, second.head_sha], "Merge both\n", ana)
    await git.set_ref(repo, "refs/heads/main_agents", train)
    await fast_forward(world, "main", train)
    assert all(world.forge.store.fresh(p).merged_at for p in (first, second))


async def test_a_deleted_branch_closes_its_pull_request(world: World):
    made = await pull(world, "one")
    await world.forge.delete_branch(world.repo, "ana", "one")
    assert world.forge.store.fresh(made).state == "closed"
    assert world.forge.store.fresh(made).merged_at is None


async def test_what_was_stacked_on_a_merged_branch_follows_it_home_when_that_is_deleted(world: World):
    below = await pull(world, "one")
    above = await pull(world, "two", base="one")
    await world.forge.merge(below, "ana")
    assert world.forge.store.fresh(above).base_ref == "one"
    await world.forge.delete_branch(world.repo, "ana", "one")
    assert (world.forge.store.fresh(above).state, world.forge.store.fresh(above).base_ref) == ("open", "main")
    told = await world.hook("pull_request.edited")
    assert told["changes"]["base"]["ref"] == {"from": "one"}


async def test_what_was_stacked_on_an_unmerged_branch_closes_with_it(world: World):
    await pull(world, "one")
    above = await pull(world, "two", base="one")
    await world.forge.delete_branch(world.repo, "ana", "one")
    assert world.forge.store.fresh(above).state == "closed"


async def test_a_pull_request_can_be_sent_to_another_base(world: World):
    made = await pull(world, "one")
    await world.forge.push(world.repo, "ana", {"r.py": "1"}, branch="release")
    answer = await world.data(
        """mutation($id: ID!) { updatePullRequest(input: {pullRequestId: $id, baseRefName: "release"}) {
             pullRequest { baseRefName } } }""",
        id=made.node_id,
    )
    assert answer["updatePullRequest"]["pullRequest"] == {"baseRefName": "release"}
    with pytest.raises(UnprocessableError, match="not found"):
        await world.forge.retarget(made, "ana", "nowhere")
    head = world.forge.store.fresh(made).head_sha
    await world.forge.git.set_ref(world.repo, "refs/heads/same", head)
    with pytest.raises(UnprocessableError, match="no new commits"):
        await world.forge.retarget(made, "ana", "same")


MERGE = """mutation($input: MergePullRequestInput!) {
  mergePullRequest(input: $input) { pullRequest { merged mergedBy { login } mergeCommit { oid } } } }"""


@pytest.mark.parametrize(("method", "parents"), [("MERGE", 2), ("SQUASH", 1)])
async def test_the_app_merges_what_it_judged_and_nothing_newer(world: World, method: str, parents: int):
    made = await pull(world, "one")
    judged = {"pullRequestId": made.node_id, "expectedHeadOid": made.head_sha, "mergeMethod": method}
    await world.forge.push(world.repo, "ana", {"one.py": "newer"}, branch="one")
    answer = await world.graphql(MERGE, input=judged)
    assert "Head branch was modified" in answer["errors"][0]["message"]

    head = world.forge.store.fresh(made).head_sha
    done = await world.data(MERGE, input={**judged, "expectedHeadOid": head, "commitHeadline": "Land one"})
    shown = done["mergePullRequest"]["pullRequest"]
    assert (shown["merged"], shown["mergedBy"]) == (True, {"login": "pals"})
    commit = shown["mergeCommit"]["oid"]
    assert await world.forge.git.sha(world.repo, "refs/heads/main") == commit
    told = await world.forge.git.run(world.repo, "log", "-1", "--format=%P%n%s", commit)
    assert (len(told.split("\n")[0].split()), told.split("\n")[1]) == (parents, "Land one")


async def test_merging_needs_the_right_to_write_contents(world: World):
    made = await pull(world, "one")
    token = await world.mint(permissions={"pull_requests": "write", "contents": "read"})
    answer = await world.graphql(MERGE, token=token, input={"pullRequestId": made.node_id})
    assert answer["errors"][0]["type"] == "FORBIDDEN"
    assert world.forge.store.fresh(made).state == "open"


AUTO = """mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { autoMergeRequest { mergeMethod } } } }"""


async def test_auto_merge_waits_for_green(world: World):
    made = await pull(world, "one")
    asked = {"pullRequestId": made.node_id, "mergeMethod": "SQUASH"}
    answer = await world.graphql(AUTO, input=asked)
    assert "clean status" in answer["errors"][0]["message"]  # nothing to wait for

    await world.forge.ci(world.repo, made.head_sha, "tests", None)
    await world.forge.set_status(world.repo, "ana", made.head_sha, "build", "pending")
    done = await world.data(AUTO, input=asked)
    wish = done["enablePullRequestAutoMerge"]["pullRequest"]["autoMergeRequest"]
    assert wish == {"mergeMethod": "SQUASH"}
    await world.forge.ci(world.repo, made.head_sha, "tests", "success")
    assert world.forge.store.fresh(made).state == "open"
    await world.forge.set_status(world.repo, "ana", made.head_sha, "build", "success")
    merged = world.forge.store.fresh(made)
    assert (merged.merged_by, await world.forge.git.sha(world.repo, "refs/heads/main")) == (
        "pals[bot]",
        merged.merge_commit_sha,
    )


async def test_a_draft_comes_and_goes(world: World):
    made = await pull(world, "one")
    change = """mutation($id: ID!) { %s(input: {pullRequestId: $id}) { pullRequest { isDraft } } }"""
    for name, draft in (("convertPullRequestToDraft", True), ("markPullRequestReadyForReview", False)):
        done = await world.data(change % name, id=made.node_id)
        assert done[name]["pullRequest"] == {"isDraft": draft}


async def test_a_branch_is_moved_by_force(world: World):
    made = await pull(world, "one")
    other = await world.forge.push(world.repo, "ana", {"x.py": "1"}, branch="other")
    await world.forge.move_branch(world.repo, "ana", "one", other)
    assert world.forge.store.fresh(made).head_sha == other
    assert (await world.hook("push"))["forced"] is True


async def test_a_head_is_brought_up_to_date_with_its_base_unless_they_conflict(world: World):
    made = await pull(world, "one")
    with pytest.raises(UnprocessableError, match="no new commits"):
        await world.forge.update_branch(made, "ana")
    await world.forge.push(world.repo, "ana", {"more.py": "1"})
    main = await world.forge.git.sha(world.repo, "refs/heads/main")
    updated = await world.forge.update_branch(made, "ana")
    assert await world.forge.git.contains(world.repo, updated.head_sha, main)
    assert await world.forge.git.contains(world.repo, updated.head_sha, made.head_sha)
    await world.forge.push(world.repo, "ana", {"one.py": "otherwise\n"})
    with pytest.raises(UnprocessableError, match="conflict"):
        await world.forge.update_branch(made, "ana")


async def test_what_happened_to_branches_while_the_forge_was_down_is_found_at_the_start(world: World):
    """A push is in git before it is on record, and the forge may be killed in between."""
    merged, gone, moved = await pull(world, "one"), await pull(world, "two"), await pull(world, "three")
    other = await world.forge.push(world.repo, "ana", {"x.py": "1"}, branch="other")
    git, repo = world.forge.git, world.repo
    await git.set_ref(repo, "refs/heads/main", merged.head_sha)
    await git.run(repo, "update-ref", "-d", "refs/heads/two")
    await git.set_ref(repo, "refs/heads/three", other)
    await world.restart()
    store = world.forge.store
    assert store.pulls[merged.id].merge_commit_sha == merged.head_sha
    assert (store.pulls[gone.id].state, store.pulls[gone.id].merged_at) == ("closed", None)
    assert (store.pulls[moved.id].state, store.pulls[moved.id].head_sha) == ("open", other)
