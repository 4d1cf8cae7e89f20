"""From the answers of `documents` to the values of `views`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pushpals.github.views import (
    CheckRunView,
    CommentView,
    LabelEvent,
    PullView,
    RenameEvent,
    RepositoryView,
    ReviewView,
    SubjectView,
)
from pushpals.model import Person

Json = Mapping[str, Any]


def person(actor: Json | None) -> Person | None:
    """Return who an actor is; None for a deleted account, and for one that is neither user nor App.

    GraphQL names a bot `slug`, everything else on GitHub names it `slug[bot]`. So does a Person.
    """
    if not actor or actor.get("databaseId") is None:
        return None
    login: str = actor["login"]
    bot = actor.get("__typename") == "Bot" or login.endswith("[bot]")
    if bot and not login.endswith("[bot]"):
        login += "[bot]"
    return Person(id=actor["databaseId"], login=login, bot=bot)


def viewer(data: Json) -> Person:
    """Return the App's own account, from `viewer`."""
    return Person(id=data["databaseId"] or 0, login=data["login"], bot=data["login"].endswith("[bot]"))


def comment(data: Json) -> CommentView:
    """Read a `Comment` fragment."""
    return CommentView(
        id=data["id"],
        database_id=int(data["fullDatabaseId"] or 0),
        author=person(data["author"]),
        body=data["body"],
        created_at=datetime.fromisoformat(data["createdAt"]),
        last_edited_at=_time(data["lastEditedAt"]),
        editor=person(data["editor"]),
        mine=data["viewerDidAuthor"],
        url=data["url"],
    )


def review(data: Json) -> ReviewView:
    """Read a review of a `Pull` fragment."""
    return ReviewView(
        id=data["id"],
        database_id=int(data["fullDatabaseId"] or 0),
        author=person(data["author"]),
        state=data["state"],
        body=data["body"],
        submitted_at=_time(data["submittedAt"]),
        last_edited_at=_time(data["lastEditedAt"]),
        editor=person(data["editor"]),
        commit=data["commit"]["oid"] if data["commit"] else None,
        mine=data["viewerDidAuthor"],
        url=data["url"],
    )


def pull(data: Json) -> PullView:
    """Read a `Pull` fragment."""
    return PullView(
        id=data["id"],
        number=data["number"],
        title=data["title"],
        body=data["body"],
        state=data["pullState"],
        draft=data["isDraft"],
        merged=data["merged"],
        merged_at=_time(data["mergedAt"]),
        merged_by=person(data["mergedBy"]),
        head_ref=data["headRefName"],
        head_sha=data["headRefOid"],
        base_ref=data["baseRefName"],
        cross_repository=data["isCrossRepository"],
        mergeable=data["mergeable"],
        url=data["url"],
        reviews=tuple(review(node) for node in _nodes(data["reviews"])),
    )


def check_run(data: Json) -> CheckRunView:
    """Read a `CheckRun` fragment."""
    return CheckRunView(
        id=data["id"],
        database_id=data["databaseId"] or 0,
        name=data["name"],
        external_id=data["externalId"] or "",
        status=data["status"],
        conclusion=data["conclusion"],
        title=data["title"] or "",
        summary=data["summary"] or "",
        url=data["url"],
    )


def subject(
    data: Json, *, branches: Sequence[str], commits: Sequence[str], labels: Sequence[str]
) -> SubjectView:
    """Read the answer to `documents.subject`, asked with the same branches, commits and labels."""
    repository = data["repository"]
    found = repository["issueOrPullRequest"]
    is_pull = found["__typename"] == "PullRequest"
    events = _nodes(found["timelineItems"])
    return SubjectView(
        kind="pull" if is_pull else "issue",
        id=found["id"],
        number=found["number"],
        title=found["title"],
        body=found["body"],
        state=found["pullState"] if is_pull else found["issueState"],
        author=person(found["author"]),
        created_at=datetime.fromisoformat(found["createdAt"]),
        last_edited_at=_time(found["lastEditedAt"]),
        editor=person(found["editor"]),
        url=found["url"],
        labels={label["name"]: label["id"] for label in _nodes(found["labels"])},
        comments=_comments(found),
        comments_total=found["early"]["totalCount"],
        labelled=tuple(_labelled(event) for event in events if event["__typename"] == "LabeledEvent"),
        renamed=tuple(_renamed(event) for event in events if event["__typename"] == "RenamedTitleEvent"),
        reacted=frozenset(g["content"] for g in found["reactionGroups"] or () if g["viewerHasReacted"]),
        repository=_repository(repository, labels),
        viewer=viewer(data["viewer"]),
        pull=pull(found) if is_pull else None,
        pulls={branch: _pulls(repository[f"b{n}"]) for n, branch in enumerate(branches)},
        check_runs={sha: _check_runs(repository[f"c{n}"]) for n, sha in enumerate(commits)},
    )


def _comments(found: Json) -> tuple[CommentView, ...]:
    nodes = {node["id"]: node for part in ("early", "late") for node in _nodes(found[part])}
    return tuple(comment(node) for node in nodes.values())


def _labelled(event: Json) -> LabelEvent:
    return LabelEvent(
        id=event["id"],
        at=datetime.fromisoformat(event["createdAt"]),
        actor=person(event["actor"]),
        label=event["label"]["name"],
    )


def _renamed(event: Json) -> RenameEvent:
    return RenameEvent(
        id=event["id"],
        at=datetime.fromisoformat(event["createdAt"]),
        actor=person(event["actor"]),
        before=event["previousTitle"],
        after=event["currentTitle"],
    )


def _repository(data: Json, labels: Sequence[str]) -> RepositoryView:
    default = data["defaultBranchRef"]
    found = {name: data[f"l{n}"] for n, name in enumerate(labels)}
    return RepositoryView(
        id=data["id"],
        database_id=data["databaseId"] or 0,
        full_name=data["nameWithOwner"],
        private=data["isPrivate"],
        default_branch=default["name"] if default else None,
        default_sha=default["target"]["oid"] if default and default["target"] else None,
        url=data["url"],
        label_ids={name: label["id"] for name, label in found.items() if label},
    )


def _pulls(connection: Json | None) -> tuple[PullView, ...]:
    views = (pull(node) for node in _nodes(connection))
    return tuple(view for view in views if not view.cross_repository)


def _check_runs(commit: Json | None) -> tuple[CheckRunView, ...]:
    suites = _nodes((commit or {}).get("checkSuites"))
    return tuple(check_run(node) for suite in suites for node in _nodes(suite["checkRuns"]))


def _nodes(connection: Json | None) -> list[Json]:
    """Return a connection's nodes. GitHub may answer null for the connection, the list or a node."""
    return [node for node in (connection or {}).get("nodes") or () if node]


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
