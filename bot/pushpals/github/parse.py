"""From the answers of `documents` to the values of `views`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pushpals.github.views import (
    CheckRunView,
    CiAnnotation,
    CiCheck,
    CiState,
    CommentView,
    LabelEvent,
    LinkedView,
    NewcomerView,
    OldIssue,
    PullOutcome,
    PullView,
    RenameEvent,
    RepositoryView,
    ReviewView,
    SubjectView,
    ThreadView,
)
from pushpals.model import Person

Json = Mapping[str, Any]

_CI_STATES: Mapping[str, CiState] = {
    "SUCCESS": "success",
    "NEUTRAL": "neutral",
    "SKIPPED": "neutral",
    "PENDING": "pending",
    "EXPECTED": "pending",
}
"""Conclusions of check runs and states of commit statuses; every other one is a failure."""


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
    """Read a `Comment` or `ThreadComment` fragment."""
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
        reacted=_reacted(data),
    )


def review(data: Json) -> ReviewView:
    """Read a `Review` fragment."""
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
        reacted=_reacted(data),
    )


def pull(data: Json, app_id: int = 0) -> PullView:
    """Read a `Pull` fragment, with the `Talk` fragment if it is there. `app_id` tells our own check runs."""
    rollup = data.get("statusCheckRollup") or {}
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
        reviews=tuple(review(node) for node in _nodes(data.get("reviews"))),
        author=person(data["author"]),
        base_sha=data["baseRefOid"],
        merge_sha=data["mergeCommit"]["oid"] if data["mergeCommit"] else None,
        auto_merge=data["autoMergeRequest"] is not None,
        labels=frozenset(label["name"] for label in _nodes(data.get("labels"))),
        comments=tuple(comment(node) for node in _nodes(data.get("comments"))),
        threads=tuple(thread(node) for node in _nodes(data.get("reviewThreads"))),
        ci=tuple(_ci_check(node, app_id) for node in _nodes(rollup.get("contexts"))),
    )


def thread(data: Json) -> ThreadView:
    """Read a review thread of a `Talk` fragment."""
    return ThreadView(
        id=data["id"],
        resolved=data["isResolved"],
        outdated=data["isOutdated"],
        path=data["path"],
        line=data["line"] or data["originalLine"],
        comments=tuple(comment(node) for node in _nodes(data["comments"])),
    )


def ci(data: Json, commits: Sequence[str], app_id: int) -> dict[str, tuple[CiCheck, ...]]:
    """Read the answer to `documents.ci`, asked with the same commits. A commit nobody knows has no checks."""
    found = {}
    for n, commit in enumerate(commits):
        rollup = (data["repository"][f"c{n}"] or {}).get("statusCheckRollup") or {}
        found[commit] = tuple(_ci_check(node, app_id) for node in _nodes(rollup.get("contexts")))
    return found


def _ci_check(data: Json, app_id: int) -> CiCheck:
    if data["__typename"] == "StatusContext":
        word: str = data["state"]
        return CiCheck(
            name=data["context"],
            state=_CI_STATES.get(word, "failure"),
            conclusion=word,
            summary=data["description"] or "",
            url=data["targetUrl"] or "",
            mine=False,
            run_id=None,
            app="",
        )
    app = data["checkSuite"]["app"] or {}
    ended = data["status"] == "COMPLETED"
    word = (data["conclusion"] or "NEUTRAL") if ended else data["status"]
    return CiCheck(
        name=data["name"],
        state=_CI_STATES.get(word, "failure") if ended else "pending",
        conclusion=word,
        summary=data["title"] or "",
        url=data["url"],
        mine=app.get("databaseId") == app_id,
        run_id=data["databaseId"],
        app=app.get("slug") or "",
    )


def annotation(data: Json) -> CiAnnotation:
    """Read an annotation of a check run, as REST tells it."""
    return CiAnnotation(
        path=data["path"],
        line=data["start_line"],
        level=data["annotation_level"] or "",
        message=data["message"] or "",
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


def touched(repository: Json) -> dict[int, datetime]:
    """Read when issues and pull requests were touched, from the first page of `documents.open_issues`."""
    both = (repository.get("touchedIssues"), repository.get("touchedPulls"))
    nodes = (node for connection in both for node in _nodes(connection))
    return {node["number"]: datetime.fromisoformat(node["updatedAt"]) for node in nodes}


def newcomer(repository: Json) -> NewcomerView:
    """Return what `pushpals init` must know of a repository."""
    pulls = [node for node in repository["pullRequests"]["nodes"] if node]
    return NewcomerView(
        id=repository["id"],
        has_label=repository["label"] is not None,
        issues=tuple(
            OldIssue(
                number=node["number"],
                title=node["title"],
                body=node["body"],
                open=node["state"] == "OPEN",
                created_at=datetime.fromisoformat(node["createdAt"]),
                url=node["url"],
                labels=tuple(label["name"] for label in (node["labels"] or {}).get("nodes") or () if label),
                author=(node["author"] or {}).get("login") or "ghost",
            )
            for node in repository["issues"]["nodes"]
            if node
        ),
        pull=pulls[0]["url"] if pulls else None,
        pull_state=pulls[0]["state"] if pulls else None,
    )


def linked(data: Json) -> tuple[LinkedView, ...]:
    """Read the answer to `documents.linked`; what does not exist is left out."""
    found = (node for alias, node in (data.get("repository") or {}).items() if alias != "id" and node)
    return tuple(
        LinkedView(
            kind="pull" if node["__typename"] == "PullRequest" else "issue",
            number=node["number"],
            title=node["title"],
            state=node["pullState"] if node["__typename"] == "PullRequest" else node["issueState"],
        )
        for node in found
    )


def outcomes(data: Json, branches: Sequence[str]) -> dict[str, PullOutcome]:
    """Read the answer to `documents.outcomes`; a branch without a pull request of its own is left out."""
    repository = data["repository"]
    found: dict[str, PullOutcome] = {}
    for index, branch in enumerate(branches):
        nodes = [node for node in repository[f"b{index}"]["nodes"] if node and not node["isCrossRepository"]]
        if nodes:
            node = nodes[0]
            found[branch] = PullOutcome(
                number=node["number"],
                url=node["url"],
                state=node["pullState"],
                head=node["headRefOid"],
                created_at=datetime.fromisoformat(node["createdAt"]),
                merged_at=datetime.fromisoformat(node["mergedAt"]) if node["mergedAt"] else None,
            )
    return found


def subject(
    data: Json,
    *,
    branches: Sequence[str],
    commits: Sequence[str],
    labels: Sequence[str],
    app_id: int = 0,
) -> SubjectView:
    """Read the answer to `documents.subject`, asked with the same branches, commits, labels and App."""
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
        reacted=_reacted(found),
        repository=_repository(repository, labels),
        viewer=viewer(data["viewer"]),
        pull=pull(found, app_id) if is_pull else None,
        pulls={branch: _pulls(repository[f"b{n}"], app_id) for n, branch in enumerate(branches)},
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


def open_pulls(connection: Json, app_id: int) -> tuple[PullView, ...]:
    """Read one page of `documents.open_pulls`, without those from forks."""
    return _pulls(connection, app_id)


def _pulls(connection: Json | None, app_id: int) -> tuple[PullView, ...]:
    views = (pull(node, app_id) for node in _nodes(connection))
    return tuple(view for view in views if not view.cross_repository)


def _check_runs(commit: Json | None) -> tuple[CheckRunView, ...]:
    suites = _nodes((commit or {}).get("checkSuites"))
    return tuple(check_run(node) for suite in suites for node in _nodes(suite["checkRuns"]))


def _reacted(data: Json) -> frozenset[str]:
    return frozenset(g["content"] for g in data["reactionGroups"] or () if g["viewerHasReacted"])


def _nodes(connection: Json | None) -> list[Json]:
    """Return a connection's nodes. GitHub may answer null for the connection, the list or a node."""
    return [node for node in (connection or {}).get("nodes") or () if node]


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
