"""Resolvers of everything GraphQL can read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pushpals.local.forge import pulls
from pushpals.local.forge.app_entities import App, CheckRun, CheckSuite
from pushpals.local.forge.entities import (
    Account,
    Authored,
    Comment,
    Entity,
    Issue,
    Label,
    PullRequest,
    ReactionContent,
    Repo,
    Review,
    Subject,
    TimelineEvent,
)
from pushpals.local.forge.errors import NotFoundError
from pushpals.local.forge.resolvers import Context, GitObject, GitRef, Page, connection, lookup, resolver

_ENTITIES = (
    "Repository Label Issue PullRequest IssueComment PullRequestReview User Bot Organization App CheckSuite "
    "CheckRun LabeledEvent UnlabeledEvent ClosedEvent ReopenedEvent MergedEvent ReadyForReviewEvent"
)
_EVENTS = "LabeledEvent UnlabeledEvent ClosedEvent ReopenedEvent MergedEvent ReadyForReviewEvent"
_SUBJECTS = "Issue PullRequest"
_WRITTEN = "Issue PullRequest IssueComment PullRequestReview"
_ACCOUNTS = "User Bot Organization"
_OBJECTS = "Commit Tree Blob Tag"
_FEATURES = {Issue: "issues", PullRequest: "pull_requests"}

Bounds = Any
"""The paging arguments of a connection: first, last, after, before."""


@resolver("Query", "rateLimit")
def _rate_limit(_: None, context: Context, **__: object) -> Mapping[str, Any]:
    return context.rate


@resolver("Query", "repository")
def _repository(_: None, context: Context, owner: str, name: str, **__: object) -> Repo:
    missing = NotFoundError(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
    try:
        repo = context.store.repo(owner, name)
    except NotFoundError:
        raise missing from None
    if not context.grant.sees(repo):
        raise missing
    return repo


@resolver("Query", "node")
def _node(_: None, context: Context, id: str) -> Entity:  # noqa: A002 - GraphQL's name.
    record, repo = lookup(context, id, Repo, Label, Issue, PullRequest, Comment, Review, CheckSuite, CheckRun)
    if isinstance(record, Issue | PullRequest):
        context.grant.require(repo, "read", _FEATURES[type(record)])
    elif isinstance(record, Comment | Review):
        context.grant.require(repo, "read", "issues", "pull_requests")
    elif isinstance(record, CheckSuite | CheckRun):
        context.grant.require(repo, "read", "checks")
    return record


# What all records have


@resolver(_ENTITIES, "id")
def _id(record: Entity, _: Context) -> str:
    return record.node_id


@resolver(_ENTITIES, "databaseId")
def _database_id(record: Entity, _: Context) -> int:
    return record.id


@resolver(_WRITTEN, "fullDatabaseId")
def _full_database_id(record: Entity, _: Context) -> str:
    return str(record.id)


@resolver(_WRITTEN, "author")
def _author(record: Authored | Review, context: Context) -> Account:
    return context.store.account(record.author)


@resolver(_WRITTEN, "editor")
def _editor(record: Authored | Review, context: Context) -> Account | None:
    login = record.editor if isinstance(record, Authored) else None
    return context.store.account(login) if login else None


@resolver(_WRITTEN, "viewerDidAuthor")
def _viewer_did_author(record: Authored | Review, context: Context) -> bool:
    return record.author == context.grant.app.bot


@resolver(_WRITTEN, "authorAssociation")
def _association(record: Authored | Review, context: Context) -> str:
    return context.renderer.association(context.store.repos[record.repo_id], record.author)


@resolver("Issue PullRequest IssueComment", "reactionGroups")
def _reaction_groups(record: Authored, context: Context) -> list[dict[str, Any]]:
    mine = {r.content for r in record.reactions if r.user == context.grant.app.bot}
    return [{"content": content, "viewerHasReacted": content in mine} for content in ReactionContent]


@resolver(_ACCOUNTS, "login")
def _login(account: Account, _: Context) -> str:
    # GraphQL names an App's bot without the suffix that REST shows.
    return account.login.removesuffix("[bot]")


@resolver(_ACCOUNTS, "url")
def _account_url(account: Account, context: Context) -> str:
    return f"{context.renderer.web}/{account.login}"


# Repositories, refs and objects


@resolver("Repository", "nameWithOwner")
def _name_with_owner(repo: Repo, _: Context) -> str:
    return repo.full_name


@resolver("Repository", "isPrivate")
def _is_private(repo: Repo, _: Context) -> bool:
    return repo.private


@resolver("Repository", "url")
def _repo_url(repo: Repo, context: Context) -> str:
    return f"{context.renderer.web}/{repo.full_name}"


@resolver("Repository", "defaultBranchRef")
async def _default_branch(repo: Repo, context: Context) -> GitRef | None:
    return await _ref(repo, context, f"refs/heads/{repo.default_branch}")


@resolver("Repository", "ref")
async def _ref(repo: Repo, context: Context, qualified_name: str) -> GitRef | None:
    context.grant.require(repo, "read", "contents")
    oid = await context.git.resolve(repo, qualified_name)
    return GitRef(repo, qualified_name, oid) if oid and qualified_name.startswith("refs/") else None


@resolver("Repository", "object")
async def _object(
    repo: Repo, context: Context, oid: str | None = None, expression: str | None = None
) -> GitObject | None:
    context.grant.require(repo, "read", "contents")
    found = oid or (await context.git.resolve(repo, expression) if expression else None)
    kind = await context.git.kind(repo, found) if found else None
    return GitObject(repo, found, kind) if found and kind else None


@resolver("Ref", "id")
def _ref_id(ref: GitRef, _: Context) -> str:
    return f"REF_{ref.repo.id}_{ref.full_name}"


@resolver("Ref", "prefix")
def _ref_prefix(ref: GitRef, _: Context) -> str:
    # "refs/heads/" for branches; as much as is known about other refs.
    return ref.full_name[: len(ref.full_name) - len(_ref_name(ref, _))]


@resolver("Ref", "name")
def _ref_name(ref: GitRef, _: Context) -> str:
    return ref.full_name.split("/", 2)[-1]


@resolver("Ref", "target")
async def _ref_target(ref: GitRef, context: Context) -> GitObject | None:
    return await _object(ref.repo, context, oid=ref.oid)


@resolver(_OBJECTS, "id")
def _object_id(thing: GitObject, _: Context) -> str:
    return f"{thing.kind[0].upper()}_{thing.repo.id}_{thing.oid}"


@resolver("Repository", "label")
def _label(repo: Repo, context: Context, name: str) -> Label | None:
    return context.store.label(repo.id, name)


# Issues and pull requests


@resolver("Repository", "issueOrPullRequest")
def _issue_or_pull(repo: Repo, context: Context, number: int) -> Issue | PullRequest:
    try:
        subject = context.store.subject(repo.id, number)
    except NotFoundError:
        kind = "an issue or pull request"
        raise NotFoundError(f"Could not resolve to {kind} with the number of {number}.") from None
    context.grant.require(repo, "read", _FEATURES[type(subject)])
    return subject


@resolver("Repository", "issue")
def _issue(repo: Repo, context: Context, number: int) -> Issue:
    subject = _issue_or_pull(repo, context, number)
    if not isinstance(subject, Issue):
        raise NotFoundError(f"Could not resolve to an Issue with the number of {number}.")
    return subject


@resolver("Repository", "pullRequest")
def _pull(repo: Repo, context: Context, number: int) -> PullRequest:
    subject = _issue_or_pull(repo, context, number)
    if not isinstance(subject, PullRequest):
        raise NotFoundError(f"Could not resolve to a PullRequest with the number of {number}.")
    return subject


@resolver("Repository", "issues")
def _issues(
    repo: Repo,
    context: Context,
    states: list[str] | None = None,
    labels: list[str] | None = None,
    **bounds: Bounds,
) -> Page:
    context.grant.require(repo, "read", "issues")
    found = [i for i in context.store.subjects(repo.id) if isinstance(i, Issue)]
    chosen = [i for i in found if not states or i.state.upper() in states]
    return connection("issues", _labelled(context, chosen, labels), **bounds)


@resolver("Repository", "pullRequests")
def _pulls(
    repo: Repo,
    context: Context,
    states: list[str] | None = None,
    labels: list[str] | None = None,
    head_ref_name: str | None = None,
    base_ref_name: str | None = None,
    **bounds: Bounds,
) -> Page:
    context.grant.require(repo, "read", "pull_requests")
    found = [p for p in context.store.subjects(repo.id) if isinstance(p, PullRequest)]
    chosen = [
        p
        for p in found
        if (not states or _pull_state(p, context) in states)
        and head_ref_name in {None, p.head_ref}
        and base_ref_name in {None, p.base_ref}
    ]
    return connection("pullRequests", _labelled(context, chosen, labels), **bounds)


def _labelled(context: Context, found: Sequence[Any], labels: list[str] | None) -> Sequence[Any]:
    wanted = {name.lower() for name in labels or ()}
    names = {s.id: {label.name.lower() for label in context.store.labels_of(s)} for s in found}
    return [s for s in found if not wanted or wanted & names[s.id]]


@resolver("Issue", "state")
def _issue_state(issue: Issue, _: Context) -> str:
    return issue.state.upper()


@resolver("Issue", "stateReason")
def _state_reason(issue: Issue, _: Context, **__: object) -> str | None:
    return issue.state_reason.upper() if issue.state_reason else None


@resolver(_SUBJECTS, "repository")
def _repo_of_subject(subject: Subject, context: Context) -> Repo:
    return context.store.repos[subject.repo_id]


@resolver("Issue PullRequest IssueComment", "url")
def _url(record: Issue | PullRequest | Comment, context: Context) -> str:
    if isinstance(record, Comment):
        return str(context.renderer.comment(record)["html_url"])
    return str(context.renderer.issue(record)["html_url"])


@resolver(_SUBJECTS, "labels")
def _labels(subject: Issue | PullRequest, context: Context, **bounds: Bounds) -> Page:
    return connection("labels", context.store.labels_of(subject), **bounds)


@resolver(_SUBJECTS, "comments")
def _comments(subject: Issue | PullRequest, context: Context, **bounds: Bounds) -> Page:
    return connection("comments", context.store.comments_of(subject), **bounds)


@resolver("IssueComment", "isMinimized")
def _is_minimized(comment: Comment, _: Context) -> bool:
    return comment.minimized


@resolver(_SUBJECTS, "timelineItems")
def _timeline(
    subject: Issue | PullRequest,
    context: Context,
    item_types: list[str] | None = None,
    **bounds: Bounds,
) -> Page:
    shown = {"labeled", "unlabeled", "closed", "reopened"}
    shown |= {"merged", "ready_for_review"} if isinstance(subject, PullRequest) else set()
    if item_types is not None:
        shown &= {name.removesuffix("_EVENT").lower() for name in item_types}
    found = [event for event in context.store.timeline_of(subject) if event.kind in shown]
    return connection("timelineItems", found, **bounds)


@resolver(_EVENTS, "actor")
def _actor(event: TimelineEvent, context: Context) -> Account:
    return context.store.account(event.actor)


@resolver("LabeledEvent UnlabeledEvent", "label")
def _event_label(event: TimelineEvent, context: Context) -> Label:
    return context.store.labels[event.label_id or 0]


@resolver("PullRequest", "state")
def _pull_state(pull: PullRequest, _: Context) -> str:
    return "MERGED" if pull.merged_at else pull.state.upper()


@resolver("PullRequest", "baseRefName")
def _base_ref_name(pull: PullRequest, _: Context) -> str:
    return pull.base_ref


@resolver("PullRequest", "baseRefOid")
def _base_ref_oid(pull: PullRequest, _: Context) -> str:
    return pull.base_sha


@resolver("PullRequest", "headRefName")
def _head_ref_name(pull: PullRequest, _: Context) -> str:
    return pull.head_ref


@resolver("PullRequest", "headRefOid")
def _head_ref_oid(pull: PullRequest, _: Context) -> str:
    return pull.head_sha


@resolver("PullRequest", "isDraft")
def _is_draft(pull: PullRequest, _: Context) -> bool:
    return pull.draft


@resolver("PullRequest", "merged")
def _merged(pull: PullRequest, _: Context) -> bool:
    return pull.merged_at is not None


@resolver("PullRequest", "mergedBy")
def _merged_by(pull: PullRequest, context: Context) -> Account | None:
    return context.store.account(pull.merged_by) if pull.merged_by else None


@resolver("PullRequest", "mergeable")
async def _mergeable(pull: PullRequest, context: Context) -> str:
    clean = await pulls.mergeable(context.git, context.store.repos[pull.repo_id], pull)
    return {True: "MERGEABLE", False: "CONFLICTING", None: "UNKNOWN"}[clean]


@resolver("PullRequest", "reviewDecision")
def _review_decision(pull: PullRequest, context: Context) -> str | None:
    return pulls.review_decision(context.store, pull)


@resolver("PullRequest", "closingIssuesReferences")
def _closing(pull: PullRequest, context: Context, **bounds: Bounds) -> Page:
    return connection("closingIssuesReferences", pulls.closing_issues(context.store, pull), **bounds)


@resolver("PullRequest", "reviews")
def _reviews(pull: PullRequest, context: Context, **bounds: Bounds) -> Page:
    return connection("reviews", context.store.reviews_of(pull), **bounds)


@resolver("PullRequestReview", "commit")
def _review_commit(review: Review, context: Context) -> GitObject:
    return GitObject(context.store.repos[review.repo_id], review.commit_oid, "commit")


@resolver("PullRequestReview", "createdAt")
@resolver("PullRequestReview", "updatedAt")
def _review_time(review: Review, _: Context) -> datetime:
    return review.submitted_at


@resolver("PullRequestReview", "lastEditedAt")
def _review_edited(_: Review, __: Context) -> None:
    return None


@resolver("PullRequestReview", "url")
def _review_url(review: Review, context: Context) -> str:
    return str(context.renderer.review(review)["html_url"])


# Checks


@resolver("Commit", "checkSuites")
def _suites(
    commit: GitObject, context: Context, filter_by: dict[str, Any] | None = None, **bounds: Bounds
) -> Page:
    context.grant.require(commit.repo, "read", "checks")
    wanted = filter_by or {}
    on_it = [
        s for s in context.store.suites.values() if (s.repo_id, s.head_sha) == (commit.repo.id, commit.oid)
    ]
    chosen = [
        s
        for s in on_it
        if wanted.get("app_id") in {None, s.app_id}
        and (not wanted.get("check_name") or _runs_of(context, s, {"check_name": wanted["check_name"]}))
    ]
    return connection("checkSuites", chosen, **bounds)


@resolver("CheckSuite", "app")
def _suite_app(suite: CheckSuite, context: Context) -> App:
    return context.store.apps[suite.app_id]


@resolver("CheckSuite", "checkRuns")
def _suite_runs(
    suite: CheckSuite, context: Context, filter_by: dict[str, Any] | None = None, **bounds: Bounds
) -> Page:
    return connection("checkRuns", _runs_of(context, suite, filter_by or {}), **bounds)


def _runs_of(context: Context, suite: CheckSuite, wanted: dict[str, Any]) -> list[CheckRun]:
    return [
        run
        for run in context.store.runs.values()
        if run.suite_id == suite.id
        and wanted.get("app_id") in {None, run.app_id}
        and wanted.get("check_name") in {None, run.name}
        and wanted.get("status") in {None, run.status.upper()}
    ]


@resolver("CheckRun", "checkSuite")
def _run_suite(run: CheckRun, context: Context) -> CheckSuite:
    return context.store.suites[run.suite_id]


@resolver("CheckRun", "status")
def _run_status(run: CheckRun, _: Context) -> str:
    return run.status.upper()


@resolver("CheckRun", "conclusion")
def _run_conclusion(run: CheckRun, _: Context) -> str | None:
    return run.conclusion.upper() if run.conclusion else None


@resolver("CheckRun", "url")
def _run_url(run: CheckRun, context: Context) -> str:
    return str(context.renderer.check_run(run)["html_url"])


@resolver("CheckRun", "detailsUrl")
def _details_url(run: CheckRun, context: Context) -> str:
    return run.details_url or _run_url(run, context)
