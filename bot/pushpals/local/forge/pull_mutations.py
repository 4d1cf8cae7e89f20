"""The mutations of pull requests and their reviews."""

from pushpals.local.forge import issues, merging, pulls, reviews
from pushpals.local.forge.entities import MergeMethod, PullRequest, Repo, ReviewState, ReviewThread
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.mutations import Input, Payload, done
from pushpals.local.forge.resolvers import Context, lookup, resolver

_METHODS: dict[str, MergeMethod] = {"MERGE": "merge", "SQUASH": "squash", "REBASE": "rebase"}
_STATES: dict[str, ReviewState] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


@resolver("Mutation", "createPullRequest")
async def _create_pull(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    repo, _same = lookup(context, input["repository_id"], Repo)
    context.grant.require(repo, "write", "pull_requests")
    pull = await pulls.open_pull(
        context.store,
        context.git,
        context.grant.app.bot,
        repo,
        title=input["title"],
        body=input.get("body") or "",
        head=input["head_ref_name"].removeprefix(f"{repo.owner}:"),
        base=input["base_ref_name"],
        draft=bool(input.get("draft")),
    )
    return done(context, input, pullRequest=pull)


@resolver("Mutation", "updatePullRequest")
async def _update_pull(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _pull(context, input)
    actor = context.grant.app.bot
    if input.get("base_ref_name"):
        pull = await pulls.retarget(context.store, context.git, actor, pull, input["base_ref_name"])
    with context.store.transaction():
        pull = issues.edit_subject(
            context.store, actor, pull, title=input.get("title"), body=input.get("body")
        )
        if input.get("state"):
            pull = issues.set_state(context.store, actor, pull, closed=input["state"] == "CLOSED")
    return done(context, input, pullRequest=pull)


@resolver("Mutation", "markPullRequestReadyForReview")
def _mark_ready(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _pull(context, input)
    ready = pulls.mark_ready(context.store, context.grant.app.bot, pull)
    return done(context, input, pullRequest=ready)


@resolver("Mutation", "closePullRequest")
def _close_pull(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _pull(context, input)
    closed = issues.set_state(context.store, context.grant.app.bot, pull, closed=True)
    return done(context, input, pullRequest=closed)


@resolver("Mutation", "convertPullRequestToDraft")
def _to_draft(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _pull(context, input)
    draft = pulls.convert_to_draft(context.store, context.grant.app.bot, pull)
    return done(context, input, pullRequest=draft)


@resolver("Mutation", "mergePullRequest")
async def _merge(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _mergeable_pull(context, input)
    bot = context.store.account(context.grant.app.bot)
    words = [input[key] for key in ("commit_headline", "commit_body") if input.get(key)]
    method, message = _METHODS[input["merge_method"]], "\n\n".join(words) or None
    merged = await merging.merge(context.store, context.git, bot, pull, method, message=message)
    return done(context, input, pullRequest=merged, actor=bot)


@resolver("Mutation", "enablePullRequestAutoMerge")
def _enable(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _mergeable_pull(context, input)
    bot = context.store.account(context.grant.app.bot)
    wished = merging.enable_auto_merge(context.store, bot.login, pull, _METHODS[input["merge_method"]])
    return done(context, input, pullRequest=wished, actor=bot)


@resolver("Mutation", "disablePullRequestAutoMerge")
def _disable(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _pull(context, input)
    bot = context.store.account(context.grant.app.bot)
    plain = merging.disable_auto_merge(context.store, bot.login, pull)
    return done(context, input, pullRequest=plain, actor=bot)


@resolver("Mutation", "addPullRequestReview")
async def _add_review(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    pull = _pull(context, input)
    if input.get("event") not in _STATES:
        raise UnprocessableError("The forge keeps no pending reviews: name an event")
    asked = input.get("threads") or ()
    if any(thread["side"] != "RIGHT" for thread in asked):
        raise UnprocessableError("The forge keeps threads on the new side of the diff only")
    remarks = [reviews.Remark(thread["path"], thread["line"], thread["body"]) for thread in asked]
    located = await reviews.locate(context.store, context.git, pull, remarks)
    state, actor = _STATES[input["event"]], context.grant.app.bot
    body, commit = input.get("body") or "", input.get("commit_oid")
    review = reviews.submit_review(context.store, actor, pull, state, body, located, commit)
    return done(context, input, pullRequestReview=review)


@resolver("Mutation", "addPullRequestReviewThreadReply")
def _reply(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    thread = _thread(context, input["pull_request_review_thread_id"])
    comment = reviews.reply(context.store, context.grant.app.bot, thread, input["body"])
    return done(context, input, comment=comment)


@resolver("Mutation", "resolveReviewThread")
def _resolve(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    thread = _thread(context, input["thread_id"])
    resolved = reviews.set_resolved(context.store, context.grant.app.bot, thread)
    return done(context, input, thread=resolved)


def _pull(context: Context, given: Input) -> PullRequest:
    pull, repo = lookup(context, given["pull_request_id"], PullRequest)
    context.grant.require(repo, "write", "pull_requests")
    return pull


def _thread(context: Context, node_id: str) -> ReviewThread:
    thread, repo = lookup(context, node_id, ReviewThread)
    context.grant.require(repo, "write", "pull_requests")
    return thread


def _mergeable_pull(context: Context, given: Input) -> PullRequest:
    """A pull request that the token may merge. Raises unless its head is the one expected."""
    pull = _pull(context, given)
    repo = context.store.repos[pull.repo_id]
    context.grant.require(repo, "write", "contents")
    expected = given.get("expected_head_oid")
    if expected not in {None, pull.head_sha}:
        raise UnprocessableError(
            f"Head branch was modified. Review and try the merge again. Expected {expected}"
        )
    return pull
