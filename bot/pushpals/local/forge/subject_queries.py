"""Resolvers of issues and pull requests and of what is written on them."""

from collections.abc import Sequence
from typing import Any

from pushpals.local.forge import pulls
from pushpals.local.forge.entities import (
    Account,
    Authored,
    Comment,
    Issue,
    Label,
    PullRequest,
    ReactionContent,
    Repo,
    Subject,
    TimelineEvent,
)
from pushpals.local.forge.errors import NotFoundError
from pushpals.local.forge.resolvers import (
    Bounds,
    Context,
    Page,
    attributes,
    connection,
    resolver,
)

_SUBJECTS = "Issue PullRequest"
_WRITTEN = "Issue PullRequest IssueComment PullRequestReview PullRequestReviewComment"
_EVENTS = (
    "LabeledEvent UnlabeledEvent ClosedEvent ReopenedEvent MergedEvent ReadyForReviewEvent RenamedTitleEvent"
)
_FEATURES = {Issue: "issues", PullRequest: "pull_requests"}

attributes("IssueComment", isMinimized="minimized")
attributes("RenamedTitleEvent", previousTitle="before", currentTitle="after")
attributes(
    "PullRequest",
    baseRefName="base_ref",
    baseRefOid="base_sha",
    headRefName="head_ref",
    headRefOid="head_sha",
    isDraft="draft",
)


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
    order_by: dict[str, str] | None = None,
    **bounds: Bounds,
) -> Page:
    context.grant.require(repo, "read", "issues")
    found = [i for i in context.store.subjects(repo.id) if isinstance(i, Issue)]
    chosen = [i for i in found if not states or i.state.upper() in states]
    return connection("issues", _ordered(_labelled(context, chosen, labels), order_by), **bounds)


@resolver("Repository", "pullRequests")
def _pulls(
    repo: Repo,
    context: Context,
    states: list[str] | None = None,
    labels: list[str] | None = None,
    head_ref_name: str | None = None,
    base_ref_name: str | None = None,
    order_by: dict[str, str] | None = None,
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
    return connection("pullRequests", _ordered(_labelled(context, chosen, labels), order_by), **bounds)


def _labelled(context: Context, found: Sequence[Any], labels: list[str] | None) -> Sequence[Any]:
    wanted = {name.lower() for name in labels or ()}
    names = {s.id: {label.name.lower() for label in context.store.labels_of(s)} for s in found}
    return [s for s in found if not wanted or wanted & names[s.id]]


def _ordered(found: Sequence[Any], order: dict[str, str] | None) -> Sequence[Any]:
    if order is None:
        return found
    field = order["field"].lower()
    # Numbers settle what happened in the same second.
    return sorted(found, key=lambda s: (getattr(s, field), s.number), reverse=order["direction"] == "DESC")


@resolver(_WRITTEN, "fullDatabaseId")
def _full_database_id(record: Authored, _: Context) -> str:
    return str(record.id)


@resolver(_WRITTEN, "author")
def _author(record: Authored, context: Context) -> Account:
    return context.store.account(record.author)


@resolver(_WRITTEN, "editor")
def _editor(record: Authored, context: Context) -> Account | None:
    return context.store.account(record.editor) if record.editor else None


@resolver(_WRITTEN, "viewerDidAuthor")
def _viewer_did_author(record: Authored, context: Context) -> bool:
    return record.author == context.grant.app.bot


@resolver(_WRITTEN, "authorAssociation")
def _association(record: Authored, context: Context) -> str:
    return context.renderer.association(context.store.repos[record.repo_id], record.author)


@resolver(_WRITTEN, "reactionGroups")
def _reaction_groups(record: Authored, context: Context) -> list[dict[str, Any]]:
    mine = {r.content for r in record.reactions if r.user == context.grant.app.bot}
    return [{"content": content, "viewerHasReacted": content in mine} for content in ReactionContent]


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


@resolver(_SUBJECTS, "timelineItems")
def _timeline(
    subject: Issue | PullRequest,
    context: Context,
    item_types: list[str] | None = None,
    **bounds: Bounds,
) -> Page:
    shown = {"labeled", "unlabeled", "closed", "reopened", "renamed"}
    shown |= {"merged", "ready_for_review"} if isinstance(subject, PullRequest) else set()
    if item_types is not None:
        shown &= {name.removesuffix("_EVENT").removesuffix("_TITLE").lower() for name in item_types}
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


@resolver("PullRequest", "isCrossRepository")
def _is_cross_repository(_: PullRequest, __: Context) -> bool:
    # There are no forks here.
    return False


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
