"""What is made of GitHub's answers: people, comments in order, and pull requests that are ours."""

from typing import Any

import pytest

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
        "reactionGroups": [{"content": "EYES", "viewerHasReacted": number % 2 == 1}],
    }


def pull(number: int, *, fork: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "id": f"PR_{number}",
        "number": number,
        "title": "Keep dots",
        "body": "",
        "author": ANA,
        "pullState": "OPEN",
        "isDraft": False,
        "merged": False,
        "mergedAt": None,
        "mergedBy": None,
        "mergeCommit": None,
        "autoMergeRequest": None,
        "headRefName": "agent/bug_fixer/42-1",
        "headRefOid": SHA,
        "baseRefName": "main",
        "baseRefOid": SHA,
        "isCrossRepository": fork,
        "mergeable": "UNKNOWN",
        "url": "https://github.example/octo/names/pull/43",
        **more,
    }


def check_run(status: str, conclusion: str | None, app: int | None = 15368) -> dict[str, Any]:
    return {
        "__typename": "CheckRun",
        "databaseId": 9,
        "name": "tests",
        "status": status,
        "conclusion": conclusion,
        "title": None,
        "url": "https://github.example/octo/names/runs/9",
        "checkSuite": {"app": {"databaseId": app, "slug": "github-actions"} if app else None},
    }


def status(state: str) -> dict[str, Any]:
    context = {"__typename": "StatusContext", "context": "build", "description": None, "targetUrl": None}
    return {**context, "state": state}


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
    asked = {"branches": [], "commits": [], "labels": [], **asked}
    return parse.subject(data, branches=asked["branches"], commits=asked["commits"], labels=asked["labels"])


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


def test_our_reactions_to_a_comment_are_known():
    three = [comment(n) for n in range(3)]
    seen = read(answer(early={"totalCount": 3, "nodes": three}, late={"nodes": three})).comments
    assert [c.reacted for c in seen] == [frozenset(), {"EYES"}, frozenset()]


@pytest.mark.parametrize(
    ("check", "state"),
    [
        (check_run("COMPLETED", "SUCCESS"), "success"),
        (check_run("COMPLETED", "FAILURE"), "failure"),
        (check_run("COMPLETED", "TIMED_OUT"), "failure"),
        (check_run("COMPLETED", "CANCELLED"), "failure"),
        (check_run("COMPLETED", "ACTION_REQUIRED"), "failure"),
        (check_run("COMPLETED", "SKIPPED"), "neutral"),
        (check_run("COMPLETED", "NEUTRAL"), "neutral"),
        (check_run("IN_PROGRESS", None), "pending"),
        (check_run("QUEUED", None, app=None), "pending"),
        (status("SUCCESS"), "success"),
        (status("EXPECTED"), "pending"),
        (status("PENDING"), "pending"),
        (status("ERROR"), "failure"),
    ],
)
def test_whatever_says_something_of_a_head_is_one_kind_of_check(check: dict[str, Any], state: str):
    seen = parse.pull(pull(43, statusCheckRollup={"contexts": {"nodes": [check]}}), app_id=31)
    assert [(c.state, c.mine) for c in seen.ci] == [(state, False)]


def test_our_own_check_runs_are_told_from_those_of_ci():
    nodes = [check_run("COMPLETED", "SUCCESS", app=31), check_run("COMPLETED", "SUCCESS")]
    seen = parse.pull(pull(43, statusCheckRollup={"contexts": {"nodes": nodes}}), app_id=31)
    assert [check.mine for check in seen.ci] == [True, False]


def test_a_thread_whose_line_is_gone_keeps_the_line_it_had():
    thread = {"id": "T", "isResolved": False, "isOutdated": True, "path": "a.py", "line": None}
    data = pull(43, reviewThreads={"nodes": [{**thread, "originalLine": 7, "comments": {"nodes": []}}]})
    assert [(t.line, t.outdated) for t in parse.pull(data).threads] == [(7, True)]


def test_the_answer_to_a_write_keeps_what_was_read_before():
    labels = {"nodes": [{"id": "L", "name": "bug"}]}
    rollup = {"contexts": {"nodes": [status("SUCCESS")]}}
    old = parse.pull(pull(43, statusCheckRollup=rollup, comments={"nodes": [comment(1)]}, labels=labels))
    written = parse.pull(pull(43) | {"title": "Keep all dots"})
    kept = written.keeping(old)
    assert (kept.title, kept.comments, kept.ci) == ("Keep all dots", old.comments, old.ci)
    assert kept.labels == {"bug"}
    moved = parse.pull(pull(43) | {"headRefOid": "f" * 40}).keeping(old)
    assert (moved.comments, moved.ci) == (old.comments, ())
