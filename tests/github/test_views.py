"""What is made of GitHub's answers: people, comments in order, and pull requests that are ours."""

from typing import Any

from pushpals.github import parse
from pushpals.model import Person

AT = "2026-11-20T10:00:00Z"
SHA = "0123456789" * 4
ANA = {"__typename": "User", "login": "ana", "databaseId": 1}


def comment(number: int) -> dict[str, Any]:
    return {
        "id": f"IC_{number}",
        "fullDatabaseId": str(3_000_000_000 + number),
        "author": ANA,
        "body": f"words {number}",
        "createdAt": AT,
        "lastEditedAt": None,
        "editor": None,
        "viewerDidAuthor": False,
        "url": "https://github.example/octo/names/issues/42",
    }


def pull(number: int, *, fork: bool) -> dict[str, Any]:
    return {
        "id": f"PR_{number}",
        "number": number,
        "title": "Keep dots",
        "body": "",
        "pullState": "OPEN",
        "isDraft": False,
        "merged": False,
        "mergedAt": None,
        "mergedBy": None,
        "headRefName": "agent/bug_fixer/42-1",
        "headRefOid": SHA,
        "baseRefName": "main",
        "isCrossRepository": fork,
        "mergeable": "UNKNOWN",
        "url": "https://github.example/octo/names/pull/43",
        "reviews": None,
    }


def answer(**changes: Any) -> dict[str, Any]:
    issue = {
        "__typename": "Issue",
        "id": "I_42",
        "number": 42,
        "title": "Login fails",
        "body": "",
        "issueState": "OPEN",
        "author": None,
        "createdAt": AT,
        "lastEditedAt": None,
        "editor": None,
        "url": "https://github.example/octo/names/issues/42",
        "labels": None,
        "early": {"totalCount": 0, "nodes": []},
        "late": {"nodes": []},
        "timelineItems": {"nodes": []},
        "reactionGroups": None,
    }
    repository = {
        "id": "R_1",
        "databaseId": 9,
        "nameWithOwner": "octo/names",
        "isPrivate": False,
        "url": "https://github.example/octo/names",
        "defaultBranchRef": None,
        "issueOrPullRequest": issue,
    }
    for name, value in changes.items():
        (issue if name in issue else repository)[name] = value
    return {"viewer": {"login": "pushpals[bot]", "databaseId": 31}, "repository": repository}


def read(data: dict[str, Any], **asked: list[str]):
    return parse.subject(data, **{"branches": [], "commits": [], "labels": [], **asked})


def test_a_bot_has_the_name_it_has_everywhere_else_on_github():
    bot = parse.person({"__typename": "Bot", "login": "pushpals", "databaseId": 31})
    assert bot == Person(id=31, login="pushpals[bot]", bot=True)
    assert read(answer()).viewer == bot


def test_deleted_accounts_and_organizations_are_nobody():
    assert parse.person(None) is None
    assert parse.person({"__typename": "Organization", "login": "octo"}) is None


def test_comments_of_a_short_issue_appear_once_and_those_of_a_long_one_keep_both_ends():
    three = [comment(n) for n in range(3)]
    short = read(answer(early={"totalCount": 3, "nodes": three}, late={"nodes": three}))
    assert [c.id for c in short.comments] == ["IC_0", "IC_1", "IC_2"]
    assert short.comments[0].database_id == 3_000_000_000

    early, late = [comment(n) for n in range(20)], [comment(n) for n in range(40, 100)]
    long = read(answer(early={"totalCount": 100, "nodes": early}, late={"nodes": late}))
    assert (len(long.comments), long.comments_total, long.comments[-1].id) == (80, 100, "IC_99")


def test_a_fork_with_a_branch_of_the_same_name_is_not_our_pull_request():
    nodes = [pull(44, fork=True), pull(43, fork=False)]
    view = read(answer(b0={"nodes": nodes}), branches=["agent/bug_fixer/42-1"])
    assert [p.number for p in view.pulls["agent/bug_fixer/42-1"]] == [43]


def test_labels_and_renames_are_told_apart_and_keep_who_did_it():
    events = [
        {"__typename": "LabeledEvent", "id": "LE", "createdAt": AT, "actor": ANA, "label": {"name": "bug"}},
        {
            "__typename": "RenamedTitleEvent",
            "id": "RE",
            "createdAt": AT,
            "actor": None,
            "previousTitle": "Login fails",
            "currentTitle": "Delete everything",
        },
    ]
    view = read(answer(timelineItems={"nodes": events}))
    assert [(e.label, e.actor) for e in view.labelled] == [("bug", Person(id=1, login="ana"))]
    assert [(e.before, e.after, e.actor) for e in view.renamed] == [
        ("Login fails", "Delete everything", None)
    ]


def test_only_reactions_and_labels_that_are_there_are_reported():
    groups = [
        {"content": "EYES", "viewerHasReacted": True},
        {"content": "HEART", "viewerHasReacted": False},
    ]
    view = read(answer(reactionGroups=groups, l0={"id": "L_1"}, l1=None), labels=["agent:ready", "gone"])
    assert view.reacted == {"EYES"}
    assert view.repository.label_ids == {"agent:ready": "L_1"}


def test_an_empty_repository_and_an_unknown_commit_are_not_errors():
    view = read(answer(c0=None), commits=[SHA])
    assert view.repository.default_branch is None
    assert view.check_runs == {SHA: ()}
