"""The mutations GraphQL offers: each looks its subject up, checks the token, and does one thing."""

from typing import Any

from pushpals.local.forge import checks, issues
from pushpals.local.forge.app_entities import CheckRun
from pushpals.local.forge.branches import head_branch
from pushpals.local.forge.entities import (
    Authored,
    Comment,
    Issue,
    Label,
    PullRequest,
    ReactionContent,
    Repo,
    Review,
    ReviewComment,
)
from pushpals.local.forge.errors import ForbiddenError, UnprocessableError
from pushpals.local.forge.merging import merge_what_waits
from pushpals.local.forge.resolvers import Context, cursor, lookup, resolver

Input = dict[str, Any]
Payload = dict[str, Any]


@resolver("Mutation", "addReaction")
def _add_reaction(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    kinds = (Issue, PullRequest, Comment, Review, ReviewComment)
    target: Authored
    target, repo = lookup(context, input["subject_id"], *kinds)
    context.grant.require(repo, "write", "issues", "pull_requests")
    content = ReactionContent(input["content"])
    subject, reaction = issues.add_reaction(context.store, context.grant.app.bot, target, content)
    return done(context, input, subject=subject, reaction=_reaction(reaction.id, content))


@resolver("Mutation", "addComment")
def _add_comment(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    subject = _subject(context, input["subject_id"])
    comment = issues.add_comment(context.store, context.grant.app.bot, subject, input["body"])
    edge = {"cursor": cursor(comment), "node": comment}
    return done(context, input, commentEdge=edge, subject=context.store.fresh(subject))


@resolver("Mutation", "updateIssueComment")
def _update_comment(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    comment, repo = lookup(context, input["id"], Comment)
    context.grant.require(repo, "write", "issues", "pull_requests")
    edited = issues.edit_comment(context.store, context.grant.app.bot, comment, input["body"])
    return done(context, input, issueComment=edited)


@resolver("Mutation", "addLabelsToLabelable")
def _add_labels(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    subject = _subject(context, input["labelable_id"])
    for label in _labels(context, subject, input["label_ids"]):
        subject = issues.add_label(context.store, context.grant.app.bot, subject, label)
    return done(context, input, labelable=subject)


@resolver("Mutation", "removeLabelsFromLabelable")
def _remove_labels(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    subject = _subject(context, input["labelable_id"])
    for label in _labels(context, subject, input["label_ids"]):
        subject = issues.remove_label(context.store, context.grant.app.bot, subject, label)
    return done(context, input, labelable=subject)


@resolver("Mutation", "closeIssue")
def _close_issue(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    issue, repo = lookup(context, input["issue_id"], Issue)
    context.grant.require(repo, "write", "issues")
    reason = (input.get("state_reason") or "COMPLETED").lower()
    closed = issues.set_state(context.store, context.grant.app.bot, issue, closed=True, reason=reason)
    return done(context, input, issue=closed)


@resolver("Mutation", "createCheckRun")
async def _create_run(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    repo, _same = lookup(context, input["repository_id"], Repo)
    context.grant.require(repo, "write", "checks")
    sha = input["head_sha"]
    # Any commit the repository holds will do, reachable from a branch or not.
    if await context.git.kind(repo, sha) != "commit":
        raise UnprocessableError(f"No commit found for SHA: {sha}")
    fields = _run_fields(input)
    branch = await head_branch(context.git, repo, sha)
    run = checks.create_run(context.store, context.grant.app, repo, sha, input["name"], fields, branch)
    await merge_what_waits(context.store, context.git, repo, sha)
    return done(context, input, checkRun=run)


@resolver("Mutation", "updateCheckRun")
async def _update_run(_: None, context: Context, input: Input) -> Payload:  # noqa: A002
    run, repo = lookup(context, input["check_run_id"], CheckRun)
    context.grant.require(repo, "write", "checks")
    updated = checks.update_run(context.store, context.grant.app, run, _run_fields(input))
    await merge_what_waits(context.store, context.git, repo, run.head_sha)
    return done(context, input, checkRun=updated)


def done(context: Context, given: Input, **payload: Any) -> Payload:
    """The payload of a mutation that was carried out."""
    context.changed = True
    return {"clientMutationId": given.get("client_mutation_id"), **payload}


def _subject(context: Context, node_id: str) -> Issue | PullRequest:
    subject: Issue | PullRequest
    subject, repo = lookup(context, node_id, Issue, PullRequest)
    # GitHub treats the conversation of a pull request as an issue's: either permission will do there.
    needed = ("issues",) if isinstance(subject, Issue) else ("issues", "pull_requests")
    context.grant.require(repo, "write", *needed)
    return subject


def _labels(context: Context, subject: Issue | PullRequest, ids: list[str]) -> list[Label]:
    labels = [lookup(context, node_id, Label)[0] for node_id in ids]
    if any(label.repo_id != subject.repo_id for label in labels):
        raise ForbiddenError("A label of another repository can not be used here")
    return labels


def _reaction(number: int, content: ReactionContent) -> Payload:
    return {"id": f"REA_{number}", "databaseId": number, "content": content}


def _run_fields(given: Input) -> checks.Fields:
    fields = {key: value for key, value in given.items() if value is not None}
    for key in ("status", "conclusion"):
        if key in fields:
            fields[key] = fields[key].lower()
    if "output" in fields:
        annotations = [_annotation(one) for one in fields["output"].get("annotations") or ()]
        fields["output"] = {**fields["output"], "annotations": annotations}
    return fields


def _annotation(given: Input) -> Input:
    lines = {key: given["location"][key] for key in ("start_line", "end_line")}
    texts = {key: given.get(key) for key in ("path", "message", "title", "raw_details")}
    return {**lines, **texts, "annotation_level": given["annotation_level"].lower()}
