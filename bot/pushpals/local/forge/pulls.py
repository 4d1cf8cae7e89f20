"""Pull requests: opening, drafts, their base, and what merging one does to it."""

import re
from dataclasses import asdict
from typing import Any

from pushpals.local.forge.accounts import can_write
from pushpals.local.forge.entities import Issue, PullRequest, Repo
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.git import Git
from pushpals.local.forge.issues import check_body, check_title, log, next_number, notify, set_state
from pushpals.local.forge.store import Store

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
        if any(pull.base_ref == base for pull in open_with_head(store, repo, head)):
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


def convert_to_draft(store: Store, actor: str, pull: PullRequest) -> PullRequest:
    """Make it a draft again; one that is a draft already is no change."""
    pull = store.fresh(pull)
    if pull.draft:
        return pull
    with store.transaction():
        new = store.put(pull.model_copy(update={"draft": True, "updated_at": store.now()}))
        log(store, actor, "convert_to_draft", new)
        notify(store, actor, "converted_to_draft", new)
        return new


async def retarget(store: Store, git: Git, actor: str, pull: PullRequest, base: str) -> PullRequest:
    """Let it go to another base branch. Raises UnprocessableError where GitHub refuses."""
    pull = store.fresh(pull)
    repo = store.repos[pull.repo_id]
    if base == pull.base_ref:
        return pull
    base_sha = await git.resolve(repo, f"refs/heads/{base}")
    if base_sha is None:
        raise UnprocessableError(f"Proposed base branch '{base}' was not found")
    if pull.state == "closed":
        raise UnprocessableError("Cannot change the base branch of a closed pull request.")
    stat = await git.stat(repo, base_sha, pull.head_sha)
    if not stat.commits:
        raise UnprocessableError(f"There are no new commits between base branch '{base}' and the head branch")
    with store.transaction():
        if any(other.base_ref == base for other in open_with_head(store, repo, pull.head_ref)):
            raise UnprocessableError(f"A pull request already exists for base branch '{base}'")
        update = {"base_ref": base, "base_sha": base_sha, "updated_at": store.now(), **asdict(stat)}
        new = store.put(store.fresh(pull).model_copy(update=update))
        log(store, actor, "base_ref_changed", new, before=pull.base_ref, after=base)
        changes = {"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}}
        notify(store, actor, "edited", new, changes=changes)
        return new


async def mergeable(git: Git, repo: Repo, pull: PullRequest) -> bool | None:
    """Whether it merges cleanly now; None when it is not open, or its base branch is gone."""
    if pull.state != "open":
        return None
    base = await git.resolve(repo, f"refs/heads/{pull.base_ref}")
    return None if base is None else await git.merge_tree(repo, base, pull.head_sha) is not None


async def is_behind(git: Git, repo: Repo, pull: PullRequest) -> bool:
    """Whether the base branch has commits that the head does not have."""
    base = await git.resolve(repo, f"refs/heads/{pull.base_ref}")
    return base is not None and not await git.contains(repo, pull.head_sha, base)


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
        if review.state in {"APPROVED", "CHANGES_REQUESTED"} and can_write(store, repo, review.author)
    }
    if not latest:
        return None
    return "CHANGES_REQUESTED" if "CHANGES_REQUESTED" in latest.values() else "APPROVED"


def record_merge(store: Store, actor: str, pull: PullRequest, commit: str) -> PullRequest:
    """Write down that a pull request came to its base branch with a commit; issues that it closes close."""
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


def open_with_head(store: Store, repo: Repo, branch: str) -> list[PullRequest]:
    """The open pull requests from a branch."""
    mine = (pull for pull in store.pulls.values() if pull.repo_id == repo.id)
    return [pull for pull in mine if pull.state == "open" and pull.head_ref == branch]
