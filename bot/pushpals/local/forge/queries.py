"""Resolvers of repositories, accounts, git objects and checks."""

from collections.abc import Mapping
from typing import Any

from pushpals.local.forge.app_entities import App, CheckRun, CheckSuite
from pushpals.local.forge.entities import (
    Account,
    Comment,
    Entity,
    Issue,
    Label,
    PullRequest,
    Repo,
    Review,
    ReviewComment,
    ReviewThread,
)
from pushpals.local.forge.errors import NotFoundError
from pushpals.local.forge.resolvers import (
    Bounds,
    Context,
    GitObject,
    GitRef,
    Page,
    attributes,
    connection,
    lookup,
    resolver,
)

_NUMBERED = (
    "Repository Issue PullRequest IssueComment PullRequestReview PullRequestReviewComment "
    "User Bot Organization App CheckSuite CheckRun"
)
_UNNUMBERED = (
    "PullRequestReviewThread StatusContext Label "
    "LabeledEvent UnlabeledEvent ClosedEvent ReopenedEvent MergedEvent ReadyForReviewEvent "
    "RenamedTitleEvent"
)
_OBJECTS = "Commit Tree Blob Tag"

attributes(_NUMBERED, id="node_id", databaseId="id")
attributes(_UNNUMBERED, id="node_id")
attributes("Repository", nameWithOwner="full_name", isPrivate="private")


@resolver("Query", "rateLimit")
def _rate_limit(_: None, context: Context, **__: object) -> Mapping[str, Any]:
    return context.rate


@resolver("Query", "viewer")
def _viewer(_: None, context: Context) -> Account:
    # GitHub shows an App's bot here as a User, with the suffix in its login.
    return context.store.account(context.grant.app.bot)


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
    kinds = (Repo, Label, Issue, PullRequest, Comment, Review, ReviewThread, ReviewComment)
    record, repo = lookup(context, id, *kinds, CheckSuite, CheckRun)
    needed: dict[type[Entity], tuple[str, ...]] = {
        Issue: ("issues",),
        PullRequest: ("pull_requests",),
        Comment: ("issues", "pull_requests"),
        Review: ("pull_requests",),
        ReviewThread: ("pull_requests",),
        ReviewComment: ("pull_requests",),
        CheckSuite: ("checks",),
        CheckRun: ("checks",),
    }
    context.grant.require(repo, "read", *needed.get(type(record), ("metadata",)))
    return record


@resolver("Bot", "login")
def _bot_login(account: Account, _: Context) -> str:
    # GraphQL names an App's bot without the suffix that REST shows.
    return account.login.removesuffix("[bot]")


@resolver("User Bot Organization", "url")
def _account_url(account: Account, context: Context) -> str:
    return f"{context.renderer.web}/{account.login}"


@resolver("Repository", "url")
def _repo_url(repo: Repo, context: Context) -> str:
    return f"{context.renderer.web}/{repo.full_name}"


@resolver("Repository", "label")
def _label(repo: Repo, context: Context, name: str) -> Label | None:
    return context.store.label(repo.id, name)


@resolver("Repository", "defaultBranchRef")
async def _default_branch(repo: Repo, context: Context) -> GitRef | None:
    return await _ref(repo, context, f"refs/heads/{repo.default_branch}")


@resolver("Repository", "ref")
async def _ref(repo: Repo, context: Context, qualified_name: str) -> GitRef | None:
    context.grant.require(repo, "read", "contents")
    # A full name first, then the short names of branches and tags, as GitHub looks.
    full = [qualified_name] if qualified_name.startswith("refs/") else []
    for name in (*full, f"refs/heads/{qualified_name}", f"refs/tags/{qualified_name}"):
        oid = await context.git.resolve(repo, name)
        if oid:
            return GitRef(repo, name, oid)
    return None


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


@resolver("Ref", "name")
def _ref_name(ref: GitRef, _: Context) -> str:
    return ref.full_name.split("/", 2)[-1]


@resolver("Ref", "prefix")
def _ref_prefix(ref: GitRef, context: Context) -> str:
    return ref.full_name.removesuffix(_ref_name(ref, context))


@resolver("Ref", "target")
async def _ref_target(ref: GitRef, context: Context) -> GitObject | None:
    return await _object(ref.repo, context, oid=ref.oid)


@resolver(_OBJECTS, "id")
def _object_id(thing: GitObject, _: Context) -> str:
    return f"{thing.kind[0].upper()}_{thing.repo.id}_{thing.oid}"


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


def _runs_of(context: Context, suite: CheckSuite, wanted: dict[str, Any]) -> list[CheckRun]:
    return [
        run
        for run in context.store.runs.values()
        if run.suite_id == suite.id
        and wanted.get("app_id") in {None, run.app_id}
        and wanted.get("check_name") in {None, run.name}
        and wanted.get("status") in {None, run.status.upper()}
    ]
