"""Merging pull requests: now, or as soon as nothing stands against it."""

from pushpals.local.forge.accounts import can_write
from pushpals.local.forge.branches import record_push
from pushpals.local.forge.entities import Account, AutoMerge, MergeMethod, PullRequest, Repo
from pushpals.local.forge.errors import ForbiddenError, UnprocessableError
from pushpals.local.forge.git import Git, GitError
from pushpals.local.forge.issues import notify
from pushpals.local.forge.pulls import mergeable, record_merge
from pushpals.local.forge.store import Store


async def merge(
    store: Store,
    git: Git,
    actor: Account,
    pull: PullRequest,
    method: MergeMethod = "merge",
    *,
    message: str | None = None,
) -> PullRequest:
    """Merge a pull request in git, close it and the issues its body says it closes.

    Raises ForbiddenError without write access; UnprocessableError for a draft, a closed one, or a conflict.
    """
    pull = store.fresh(pull)
    repo = store.repos[pull.repo_id]
    if actor.type != "Bot" and not can_write(store, repo, actor.login):
        raise ForbiddenError(f"{actor.login} may not push to {repo.full_name}")
    if pull.state == "closed" or pull.draft:
        raise UnprocessableError("Pull Request is still a draft" if pull.draft else "Pull Request is closed")
    base_ref = f"refs/heads/{pull.base_ref}"
    base = await git.sha(repo, base_ref)
    tree = await git.merge_tree(repo, base, pull.head_sha)
    if tree is None:
        raise UnprocessableError("Pull Request is not mergeable: it has conflicts with the base branch")
    if method == "merge":
        source = f"{repo.owner}/{pull.head_ref}"
        usual = f"Merge pull request #{pull.number} from {source}\n\n{pull.title}\n"
        parents = [base, pull.head_sha]
    else:
        usual, parents = f"{pull.title} (#{pull.number})\n", [base]
    commit = await git.commit_tree(repo, tree, parents, message or usual, actor)
    try:
        await git.set_ref(repo, base_ref, commit, base)
    except GitError as error:
        raise UnprocessableError("Base branch was modified. Review and try the merge again.") from error
    merged = record_merge(store, actor.login, pull, commit)
    await record_push(store, git, actor.login, repo, [(base_ref, base, commit)])
    return merged


async def update_branch(store: Store, git: Git, actor: Account, pull: PullRequest) -> PullRequest:
    """Merge the base branch into the head branch.

    Raises ForbiddenError without write access, UnprocessableError for a conflict, or with nothing to merge.
    """
    pull = store.fresh(pull)
    repo = store.repos[pull.repo_id]
    if actor.type != "Bot" and not can_write(store, repo, actor.login):
        raise ForbiddenError(f"{actor.login} may not push to {repo.full_name}")
    base = await git.sha(repo, f"refs/heads/{pull.base_ref}")
    if await git.contains(repo, pull.head_sha, base):
        raise UnprocessableError("There are no new commits on the base branch.")
    tree = await git.merge_tree(repo, pull.head_sha, base)
    if tree is None:
        raise UnprocessableError("merge conflict between base and head")
    message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}\n"
    commit = await git.commit_tree(repo, tree, [pull.head_sha, base], message, actor)
    ref = f"refs/heads/{pull.head_ref}"
    await git.set_ref(repo, ref, commit, pull.head_sha)
    await record_push(store, git, actor.login, repo, [(ref, pull.head_sha, commit)])
    return store.fresh(pull)


def enable_auto_merge(
    store: Store, actor: str, pull: PullRequest, method: MergeMethod = "merge"
) -> PullRequest:
    """Let a pull request merge as soon as its checks are green.

    Raises UnprocessableError for one that has nothing to wait for, as GitHub does.
    """
    pull = store.fresh(pull)
    state = store.rollup(pull.repo_id, pull.head_sha)
    if pull.state == "closed":
        raise UnprocessableError("Pull request is closed")
    if state != "PENDING":
        word = "unstable" if state == "FAILURE" else "clean"
        raise UnprocessableError(f"Pull request Pull request is in {word} status")
    with store.transaction():
        wish = AutoMerge(enabled_by=actor, enabled_at=store.now(), method=method)
        new = store.put(pull.model_copy(update={"auto_merge": wish, "updated_at": store.now()}))
        notify(store, actor, "auto_merge_enabled", new)
        return new


def disable_auto_merge(store: Store, actor: str, pull: PullRequest) -> PullRequest:
    """Take the wish back; none is no change."""
    pull = store.fresh(pull)
    if pull.auto_merge is None:
        return pull
    with store.transaction():
        new = store.put(pull.model_copy(update={"auto_merge": None, "updated_at": store.now()}))
        notify(store, actor, "auto_merge_disabled", new, reason="manual")
        return new


async def merge_what_waits(store: Store, git: Git, repo: Repo, sha: str) -> None:
    """Merge the pull requests with this head that were waiting for it to turn green."""
    for pull in list(store.pulls.values()):
        if (pull.repo_id, pull.head_sha, pull.state) != (repo.id, sha, "open") or pull.auto_merge is None:
            continue
        if store.rollup(repo.id, sha) == "SUCCESS" and not pull.draft and await mergeable(git, repo, pull):
            wish = pull.auto_merge
            await merge(store, git, store.account(wish.enabled_by), pull, wish.method)
