"""What a push means: webhooks, and pull requests that move, merge, close or get another base with it."""

from dataclasses import asdict
from typing import Any

from pushpals.local.forge.entities import PullRequest, Repo
from pushpals.local.forge.git import NO_SHA, Commit, Git
from pushpals.local.forge.issues import log, notify, set_state
from pushpals.local.forge.pulls import open_with_head, record_merge, retarget
from pushpals.local.forge.reviews import carry_threads
from pushpals.local.forge.store import Event, Store


async def record_push(
    store: Store, git: Git, actor: str, repo: Repo, updates: list[tuple[str, str, str]]
) -> None:
    """Tell the world about refs that moved: ``(ref, old sha, new sha)`` each.

    Only branches count: a ``push`` webhook each, and what follows for the pull requests from and to them.
    """
    for ref, old, new in updates:
        if not ref.startswith("refs/heads/"):
            continue
        branch = ref.removeprefix("refs/heads/")
        push = await _push_parts(git, repo, ref, old, new)
        with store.transaction():
            repo = store.put(store.repos[repo.id].model_copy(update={"pushed_at": store.now()}))
            store.emit(Event("push", None, repo, actor, push))
        if new == NO_SHA:
            await _deleted(store, git, actor, repo, branch)
        else:
            await _merged_by_push(store, git, actor, repo, branch, new)
            for pull in open_with_head(store, repo, branch):
                await _moved(store, git, actor, pull, new)


async def catch_up(store: Store, git: Git) -> None:
    """Let pull requests follow their branches: the forge may have been killed right after a push."""
    for repo in list(store.repos.values()):
        pulls = [p for p in store.pulls.values() if p.repo_id == repo.id and p.state == "open"]
        if not pulls:
            continue
        heads = await git.refs(repo, "refs/heads")
        for pull in pulls:
            ref = f"refs/heads/{pull.head_ref}"
            head = heads.get(ref, NO_SHA)
            if store.fresh(pull).state == "open" and head != pull.head_sha:
                await record_push(store, git, pull.author, repo, [(ref, pull.head_sha, head)])
        for base in {pull.base_ref for pull in pulls if f"refs/heads/{pull.base_ref}" in heads}:
            await _merged_by_push(store, git, repo.owner, repo, base, heads[f"refs/heads/{base}"])


async def head_branch(git: Git, repo: Repo, sha: str) -> str | None:
    """A branch whose head is this commit, if there is one."""
    heads = await git.refs(repo, "refs/heads")
    return next((ref.removeprefix("refs/heads/") for ref, at in heads.items() if at == sha), None)


async def _moved(store: Store, git: Git, actor: str, pull: PullRequest, new: str) -> None:
    """A pull request gets the new head of its branch."""
    repo = store.repos[pull.repo_id]
    if pull.head_sha == new:
        return
    base = await git.resolve(repo, f"refs/heads/{pull.base_ref}")
    stat = await git.stat(repo, base or pull.base_sha, new)
    lines = await carry_threads(store, git, pull, new)
    with store.transaction():
        update = {"head_sha": new, "base_sha": base or pull.base_sha, "updated_at": store.now()}
        fresh = store.put(store.fresh(pull).model_copy(update={**update, **asdict(stat)}))
        for thread in lines:
            store.put(thread)
        notify(store, actor, "synchronize", fresh, before=pull.head_sha, after=new)
    await git.set_ref(repo, f"refs/pull/{pull.number}/head", new)


async def _merged_by_push(store: Store, git: Git, actor: str, repo: Repo, branch: str, new: str) -> None:
    """Open pull requests whose head a base branch now contains were merged by that push, says GitHub."""
    for pull in _open_with_base(store, repo, branch):
        if await git.contains(repo, new, pull.head_sha):
            record_merge(store, actor, pull, pull.head_sha)


async def _deleted(store: Store, git: Git, actor: str, repo: Repo, branch: str) -> None:
    """Pull requests from a deleted branch close; those onto it follow it to where it was merged, or close."""
    for pull in open_with_head(store, repo, branch):
        with store.transaction():
            log(store, actor, "head_ref_deleted", pull)
            set_state(store, actor, pull, closed=True)
    merged = [p for p in store.pulls.values() if (p.repo_id, p.head_ref) == (repo.id, branch) and p.merged_at]
    for pull in _open_with_base(store, repo, branch):
        base = merged[-1].base_ref if merged else None
        there = base and await git.resolve(repo, f"refs/heads/{base}")
        if base and there and (await git.stat(repo, there, pull.head_sha)).commits:
            await retarget(store, git, actor, pull, base)
        else:
            set_state(store, actor, pull, closed=True)


def _open_with_base(store: Store, repo: Repo, branch: str) -> list[PullRequest]:
    mine = (pull for pull in store.pulls.values() if pull.repo_id == repo.id)
    return [pull for pull in mine if pull.state == "open" and pull.base_ref == branch]


async def _push_parts(git: Git, repo: Repo, ref: str, old: str, new: str) -> dict[str, Any]:
    created, deleted = old == NO_SHA, new == NO_SHA
    commits: list[Commit] = []
    forced = False
    if not deleted:
        main = await git.resolve(repo, f"refs/heads/{repo.default_branch}")
        known = (main if main != new else None) if created else old
        commits = await git.commits(repo, known, new)
        forced = not created and await git.resolve(repo, f"{old}^{{commit}}") is not None
        forced = forced and bool((await git.run(repo, "rev-list", "-1", old, f"^{new}")).strip())
    return {
        "ref": ref,
        "before": old,
        "after": new,
        "created": created,
        "deleted": deleted,
        "forced": forced,
        "commits": commits,
    }
