"""Pull requests: opening, moving with their branch, reviewing and merging."""

import re
from dataclasses import asdict
from typing import Any, Literal

from pushpals.local.forge.accounts import can_write
from pushpals.local.forge.entities import Account, Issue, PullRequest, Repo, Review, ReviewState
from pushpals.local.forge.errors import ForbiddenError, UnprocessableError
from pushpals.local.forge.git import NO_SHA, Commit, Git, GitError
from pushpals.local.forge.issues import check_body, check_title, log, next_number, notify, set_state
from pushpals.local.forge.store import Event, Store

MergeMethod = Literal["merge", "squash"]

# "Closes", "fixed", "resolve:" and so on before a number, as GitHub links a pull request to an issue.
_CLOSING = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.IGNORECASE)


async def open_pull(  # noqa: PLR0913 - these are the fields of the form.
    store: Store,
    git: Git,
    actor: str,
    repo: Repo,
    *,
    title: str,
    head: str,
    base: str,
    body: str = "",
    draft: bool = False,
) -> PullRequest:
    """Open a pull request between two branches. Raises UnprocessableError where GitHub refuses."""
    head_sha = await git.resolve(repo, f"refs/heads/{head}")
    base_sha = await git.resolve(repo, f"refs/heads/{base}")
    if head_sha is None:
        raise UnprocessableError("Head sha can't be blank, Head ref must be a branch")
    if base_sha is None:
        raise UnprocessableError("Base sha can't be blank, Base ref must be a branch")
    stat = await git.stat(repo, base_sha, head_sha)
    if not stat.commits:
        raise UnprocessableError(f"No commits between {base} and {head}")
    with store.transaction():
        if any(pull.base_ref == base for pull in _open_with_head(store, repo, head)):
            raise UnprocessableError(f"A pull request already exists for {repo.owner}:{head}.")
        now = store.now()
        issue_id: int = store.identity(Issue, repo.id)["id"]
        pull = store.put(
            PullRequest(
                **store.identity(PullRequest, repo.id),
                repo_id=repo.id,
                number=next_number(store, repo),
                issue_id=issue_id,
                title=check_title(title),
                body=check_body(body),
                author=actor,
                base_ref=base,
                base_sha=base_sha,
                head_ref=head,
                head_sha=head_sha,
                draft=draft,
                commits=stat.commits,
                additions=stat.additions,
                deletions=stat.deletions,
                changed_files=stat.changed_files,
                created_at=now,
                updated_at=now,
            )
        )
        notify(store, actor, "opened", pull)
    await git.set_ref(repo, f"refs/pull/{pull.number}/head", head_sha)
    return pull


def mark_ready(store: Store, actor: str, pull: PullRequest) -> PullRequest:
    """A draft becomes ready for review; one that is ready already is no change."""
    pull = store.fresh(pull)
    if not pull.draft:
        return pull
    with store.transaction():
        new = store.put(pull.model_copy(update={"draft": False, "updated_at": store.now()}))
        log(store, actor, "ready_for_review", new)
        notify(store, actor, "ready_for_review", new)
        return new


def submit_review(store: Store, actor: str, pull: PullRequest, state: ReviewState, body: str = "") -> Review:
    """Review the pull request's present head. Raises UnprocessableError for an approval of one's own."""
    pull = store.fresh(pull)
    if actor == pull.author and state != "COMMENTED":
        verb = "approve" if state == "APPROVED" else "request changes on"
        raise UnprocessableError(f"Can not {verb} your own pull request")
    with store.transaction():
        review = store.put(
            Review(
                **store.identity(Review, pull.repo_id),
                repo_id=pull.repo_id,
                number=pull.number,
                author=actor,
                body=check_body(body, blank=state == "APPROVED"),
                state=state,
                commit_oid=pull.head_sha,
                submitted_at=store.now(),
            )
        )
        parts = {"pull_request": pull, "review": review}
        store.emit(Event("pull_request_review", "submitted", store.repos[pull.repo_id], actor, parts))
        return review


async def record_push(
    store: Store, git: Git, actor: str, repo: Repo, updates: list[tuple[str, str, str]]
) -> None:
    """Tell the world about refs that moved: ``(ref, old sha, new sha)`` each.

    Only branches count: a ``push`` webhook each, and pull requests from them get the new head.
    """
    for ref, old, new in updates:
        if not ref.startswith("refs/heads/"):
            continue
        branch = ref.removeprefix("refs/heads/")
        push = await _push_parts(git, repo, ref, old, new)
        moved = [] if new == NO_SHA else _open_with_head(store, repo, branch)
        stats = {p.id: await git.stat(repo, f"refs/heads/{p.base_ref}", new) for p in moved}
        bases = {p.id: await git.sha(repo, f"refs/heads/{p.base_ref}") for p in moved}
        with store.transaction():
            now = store.now()
            repo = store.put(store.repos[repo.id].model_copy(update={"pushed_at": now}))
            store.emit(Event("push", None, repo, actor, push))
            for pull in moved:
                if store.pulls[pull.id].head_sha == new:
                    continue
                update = {"head_sha": new, "base_sha": bases[pull.id], "updated_at": now}
                update |= asdict(stats[pull.id])
                fresh = store.put(store.pulls[pull.id].model_copy(update=update))
                notify(store, actor, "synchronize", fresh, before=pull.head_sha, after=new)
        for pull in moved:
            await git.set_ref(repo, f"refs/pull/{pull.number}/head", new)


async def catch_up(store: Store, git: Git) -> None:
    """Give pull requests the head of their branch: the forge may have been killed right after a push."""
    for repo in list(store.repos.values()):
        pulls = [p for p in store.pulls.values() if p.repo_id == repo.id and p.state == "open"]
        if not pulls:
            continue
        heads = await git.refs(repo, "refs/heads")
        for pull in pulls:
            ref = f"refs/heads/{pull.head_ref}"
            if heads.get(ref, pull.head_sha) != pull.head_sha:
                await record_push(store, git, pull.author, repo, [(ref, pull.head_sha, heads[ref])])


async def mergeable(git: Git, repo: Repo, pull: PullRequest) -> bool | None:
    """Whether it merges cleanly now; None when it is not open, or its base branch is gone."""
    if pull.state != "open":
        return None
    base = await git.resolve(repo, f"refs/heads/{pull.base_ref}")
    return None if base is None else await git.merge_tree(repo, base, pull.head_sha) is not None


async def merge(
    store: Store, git: Git, actor: Account, pull: PullRequest, method: MergeMethod = "merge"
) -> PullRequest:
    """Merge a pull request in git, close it and the issues its body says it closes.

    Raises ForbiddenError without write access; UnprocessableError for a draft, a closed one, or a conflict.
    """
    pull = store.fresh(pull)
    repo = store.repos[pull.repo_id]
    if not can_write(store, repo, actor.login):
        raise ForbiddenError(f"{actor.login} may not push to {repo.full_name}")
    if pull.state == "closed" or pull.draft:
        raise UnprocessableError("Pull Request is still a draft" if pull.draft else "Pull Request is closed")
    base_ref = f"refs/heads/{pull.base_ref}"
    base = await git.sha(repo, base_ref)
    tree = await git.merge_tree(repo, base, pull.head_sha)
    if tree is None:
        raise UnprocessableError("Pull Request is not mergeable: it has conflicts with the base branch")
    if method == "squash":
        message, parents = f"{pull.title} (#{pull.number})\n", [base]
    else:
        source = f"{repo.owner}/{pull.head_ref}"
        message = f"Merge pull request #{pull.number} from {source}\n\n{pull.title}\n"
        parents = [base, pull.head_sha]
    commit = await git.commit_tree(repo, tree, parents, message, actor)
    try:
        await git.set_ref(repo, base_ref, commit, base)
    except GitError as error:
        raise UnprocessableError("Base branch was modified. Review and try the merge again.") from error
    merged = _record_merge(store, actor.login, pull, commit)
    await record_push(store, git, actor.login, repo, [(base_ref, base, commit)])
    return merged


def closing_issues(store: Store, pull: PullRequest) -> list[Issue]:
    """The issues that merging closes.

    They are named with a closing word in the body of a pull request to the default branch.
    """
    if pull.base_ref != store.repos[pull.repo_id].default_branch:
        return []
    numbers = {int(number) for number in _CLOSING.findall(pull.body)}
    return [i for i in store.issues.values() if i.repo_id == pull.repo_id and i.number in numbers]


def review_decision(store: Store, pull: PullRequest) -> str | None:
    """What the latest opinions of reviewers with write access amount to; None without any."""
    repo = store.repos[pull.repo_id]
    latest = {
        review.author: review.state
        for review in store.reviews_of(pull)
        if review.state != "COMMENTED" and can_write(store, repo, review.author)
    }
    if not latest:
        return None
    return "CHANGES_REQUESTED" if "CHANGES_REQUESTED" in latest.values() else "APPROVED"


def _record_merge(store: Store, actor: str, pull: PullRequest, commit: str) -> PullRequest:
    with store.transaction():
        now = store.now()
        done: dict[str, Any] = {
            "state": "closed",
            "closed_at": now,
            "closed_by": actor,
            "merged_at": now,
            "merged_by": actor,
            "merge_commit_sha": commit,
            "updated_at": now,
        }
        merged = store.put(store.fresh(pull).model_copy(update=done))
        log(store, actor, "merged", merged, commit_oid=commit)
        log(store, actor, "closed", merged)
        notify(store, actor, "closed", merged)
        for issue in closing_issues(store, merged):
            set_state(store, actor, issue, closed=True)
        return merged


def _open_with_head(store: Store, repo: Repo, branch: str) -> list[PullRequest]:
    mine = (pull for pull in store.pulls.values() if pull.repo_id == repo.id)
    return [pull for pull in mine if pull.state == "open" and pull.head_ref == branch]


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
