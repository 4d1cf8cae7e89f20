"""The GraphQL documents. Values travel as variables; only names made here are ever spliced in.

Every document is tested against GitHub's published schema. Page sizes are small: the largest subject query
stays far below GitHub's limit of 500,000 nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAX_ALIASES = 25
"""Branches and labels one subject query may ask for, each."""
MAX_COMMITS = 40
"""Commits whose check runs of ours one subject query may ask for: two of each job."""

ACTOR = """\
fragment Actor on Actor {
  __typename
  login
  ... on User { databaseId }
  ... on Bot { databaseId }
}
"""

_WRITTEN = """\
  id
  fullDatabaseId
  author { ...Actor }
  body
  createdAt
  lastEditedAt
  editor { ...Actor }
  viewerDidAuthor
  url
  reactionGroups { content viewerHasReacted }
}
"""

COMMENT = f"fragment Comment on IssueComment {{\n{_WRITTEN}"

THREAD_COMMENT = f"fragment ThreadComment on PullRequestReviewComment {{\n{_WRITTEN}"

REVIEW = """\
fragment Review on PullRequestReview {
  id
  fullDatabaseId
  author { ...Actor }
  state
  body
  submittedAt
  lastEditedAt
  editor { ...Actor }
  commit { oid }
  viewerDidAuthor
  url
  reactionGroups { content viewerHasReacted }
}
"""

PULL = """\
fragment Pull on PullRequest {
  id
  number
  title
  body
  author { ...Actor }
  pullState: state
  isDraft
  merged
  mergedAt
  mergedBy { ...Actor }
  mergeCommit { oid }
  autoMergeRequest { enabledAt }
  headRefName
  headRefOid
  baseRefName
  baseRefOid
  isCrossRepository
  mergeable
  url
}
"""

_ROLLUP = """\
  statusCheckRollup {
    contexts(first: 100) {
      nodes {
        __typename
        ... on CheckRun {
          databaseId name status conclusion title url
          checkSuite { app { databaseId slug } }
        }
        ... on StatusContext { context state description targetUrl }
      }
    }
  }
"""

TALK = (
    """\
fragment Talk on PullRequest {
  labels(first: 50) { nodes { id name } }
  reviews(last: 20) { nodes { ...Review } }
  comments(last: 30) { nodes { ...Comment } }
  reviewThreads(last: 30) {
    nodes {
      id
      isResolved
      isOutdated
      path
      line
      originalLine
      comments(last: 10) { nodes { ...ThreadComment } }
    }
  }
"""
    + _ROLLUP
    + "}\n"
)

CHECK_RUN = """\
fragment CheckRun on CheckRun {
  id
  databaseId
  name
  externalId
  status
  conclusion
  title
  summary
  url
}
"""

_SUBJECT_FIELDS = """\
  id
  number
  title
  body
  author { ...Actor }
  createdAt
  lastEditedAt
  editor { ...Actor }
  url
  labels(first: 50) { nodes { id name } }
  early: comments(first: 20) { totalCount nodes { ...Comment } }
  late: comments(last: 60) { nodes { ...Comment } }
  timelineItems(last: 50, itemTypes: [LABELED_EVENT, RENAMED_TITLE_EVENT]) {
    nodes {
      __typename
      ... on LabeledEvent { id createdAt actor { ...Actor } label { name } }
      ... on RenamedTitleEvent { id createdAt actor { ...Actor } previousTitle currentTitle }
    }
  }
  reactionGroups { content viewerHasReacted }
"""

_SUBJECT_FRAGMENTS = (
    f"fragment IssueSubject on Issue {{\n{_SUBJECT_FIELDS}  issueState: state\n}}\n"
    f"fragment PullSubject on PullRequest {{\n{_SUBJECT_FIELDS}  ...Pull\n  ...Talk\n}}\n"
)

_OPEN_ISSUES = """\
query OpenIssues($owner: String!, $name: String!, $label: String!, $after: String, $first: Boolean!) {
  repository(owner: $owner, name: $name) {
    touchedIssues: issues(first: 30, orderBy: {field: UPDATED_AT, direction: DESC})
      @include(if: $first) { nodes { number updatedAt } }
    touchedPulls: pullRequests(first: 30, orderBy: {field: UPDATED_AT, direction: DESC})
      @include(if: $first) { nodes { number updatedAt } }
    issues(first: 100, after: $after, states: [OPEN], labels: [$label]) {
      nodes { number }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

_NEWCOMER = """\
query Newcomer($owner: String!, $name: String!, $label: String!, $branch: String!, $last: Int!) {
  repository(owner: $owner, name: $name) {
    id
    label(name: $label) { id }
    issues(first: $last, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number title body state createdAt url labels(first: 20) { nodes { name } } author { login } }
    }
    pullRequests(first: 1, headRefName: $branch, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number state url }
    }
  }
}
"""

_OPEN_PULLS = (
    """\
query OpenPulls($owner: String!, $name: String!, $base: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequests(first: 20, after: $after, states: [OPEN], baseRefName: $base) {
      nodes { ...Pull ...Talk }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
    + ACTOR
    + COMMENT
    + THREAD_COMMENT
    + REVIEW
    + PULL
    + TALK
)

FRAGMENTS = {
    "Comment": COMMENT,
    "ThreadComment": THREAD_COMMENT,
    "Review": REVIEW,
    "Pull": PULL,
    "CheckRun": CHECK_RUN,
}
"""What writes may select. A write asks for no conversation: what was read before stays as it was."""


@dataclass(frozen=True)
class Document:
    """A GraphQL document with the values of its variables."""

    text: str
    variables: dict[str, Any]


def subject(
    owner: str,
    name: str,
    number: int,
    *,
    app_id: int,
    branches: Sequence[str] = (),
    commits: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> Document:
    """Return the query for one issue or pull request and what hangs on it.

    Aliases `b<i>`, `c<i>` and `l<i>` answer the i-th branch, commit and label. Raises ValueError for more
    than `MAX_ALIASES` of one kind, or `MAX_COMMITS` commits.
    """
    declared = ["$owner: String!", "$name: String!", "$number: Int!"]
    values: dict[str, Any] = {"owner": owner, "name": name, "number": number}
    selected: list[str] = []
    used = [ACTOR, COMMENT, THREAD_COMMENT, REVIEW, PULL, TALK, _SUBJECT_FRAGMENTS]
    for prefix, kind, field, items, most in (
        ("b", "String!", _BRANCH, branches, MAX_ALIASES),
        ("c", "GitObjectID!", _COMMIT, commits, MAX_COMMITS),
        ("l", "String!", _LABEL, labels, MAX_ALIASES),
    ):
        if len(items) > most:
            raise ValueError(f"one query asks for at most {most} of a kind, not {len(items)}")
        for index, item in enumerate(items):
            declared.append(f"${prefix}{index}: {kind}")
            values[f"{prefix}{index}"] = item
            selected.append(f"    {prefix}{index}: {field.replace('$value', f'${prefix}{index}')}")
    if commits:
        declared.append("$app: Int!")
        values["app"] = app_id
        used.append(CHECK_RUN)
    text = "".join(
        [
            f"query Subject({', '.join(declared)}) {{\n",
            "  viewer { login databaseId }\n",
            "  repository(owner: $owner, name: $name) {\n",
            "    id databaseId nameWithOwner isPrivate url\n",
            "    defaultBranchRef { name target { oid } }\n",
            "    issueOrPullRequest(number: $number) { __typename ...IssueSubject ...PullSubject }\n",
            *(f"{line}\n" for line in selected),
            "  }\n}\n",
            *used,
        ]
    )
    return Document(text, values)


# Forks may have a branch of the same name; their pull requests are told apart by isCrossRepository.
_BRANCH = (
    "pullRequests(headRefName: $value, first: 3, orderBy: {field: CREATED_AT, direction: DESC}) "
    "{ nodes { ...Pull ...Talk } }"
)
_COMMIT = (
    "object(oid: $value) { ... on Commit { checkSuites(first: 3, filterBy: {appId: $app}) "
    "{ nodes { checkRuns(first: 50) { nodes { ...CheckRun } } } } } }"
)
_LABEL = "label(name: $value) { id name }"


def open_issues(owner: str, name: str, label: str, after: str | None) -> Document:
    """Return the query for one page of open issues with `label`, after the cursor `after`.

    The first page has also what was touched last, of all issues and pull requests.
    """
    values = {"owner": owner, "name": name, "label": label, "after": after, "first": after is None}
    return Document(_OPEN_ISSUES, values)


def newcomer(owner: str, name: str, label: str, branch: str, last: int) -> Document:
    """Return the query for what `pushpals init` must know, with the `last` issues that were opened."""
    values = {"owner": owner, "name": name, "label": label, "branch": branch, "last": last}
    return Document(_NEWCOMER, values)


def ci(owner: str, name: str, commits: Sequence[str]) -> Document:
    """Return the query for all that is checked of `commits`; alias `c<i>` answers the i-th.

    Raises ValueError for more than `MAX_ALIASES`.
    """
    if len(commits) > MAX_ALIASES:
        raise ValueError(f"one query asks for at most {MAX_ALIASES} commits, not {len(commits)}")
    declared = "".join(f", $c{n}: GitObjectID!" for n in range(len(commits)))
    lines = [f"    c{n}: object(oid: $c{n}) {{ ...Checked }}\n" for n in range(len(commits))]
    text = "".join(
        [
            f"query Ci($owner: String!, $name: String!{declared}) {{\n",
            "  repository(owner: $owner, name: $name) {\n",
            "    id\n",
            *lines,
            "  }\n}\n",
            "fragment Checked on Commit {\n",
            _ROLLUP,
            "}\n",
        ]
    )
    values = {f"c{n}": commit for n, commit in enumerate(commits)}
    return Document(text, {"owner": owner, "name": name, **values})


def linked(owner: str, name: str, numbers: Sequence[int]) -> Document:
    """Return the query for title and state of issues and pull requests; alias `i<i>` answers the i-th.

    Raises ValueError for more than `MAX_ALIASES`.
    """
    if len(numbers) > MAX_ALIASES:
        raise ValueError(f"one query asks for at most {MAX_ALIASES} numbers, not {len(numbers)}")
    declared = "".join(f", $i{n}: Int!" for n in range(len(numbers)))
    lines = [f"    i{n}: issueOrPullRequest(number: $i{n}) {{ ...Linked }}\n" for n in range(len(numbers))]
    text = "".join(
        [
            f"query Linked($owner: String!, $name: String!{declared}) {{\n",
            "  repository(owner: $owner, name: $name) {\n",
            "    id\n",
            *lines,
            "  }\n}\n",
            "fragment Linked on IssueOrPullRequest {\n",
            "  __typename\n",
            "  ... on Issue { number title issueState: state }\n",
            "  ... on PullRequest { number title pullState: state }\n",
            "}\n",
        ]
    )
    values = {f"i{n}": number for n, number in enumerate(numbers)}
    return Document(text, {"owner": owner, "name": name, **values})


def outcomes(owner: str, name: str, branches: Sequence[str]) -> Document:
    """Return the query for what became of the pull requests from `branches`; alias `b<i>` answers the i-th.

    Raises ValueError for more than `MAX_ALIASES`.
    """
    if len(branches) > MAX_ALIASES:
        raise ValueError(f"one query asks for at most {MAX_ALIASES} branches, not {len(branches)}")
    declared = "".join(f", $b{n}: String!" for n in range(len(branches)))
    field = "pullRequests(first: 3, orderBy: {field: CREATED_AT, direction: DESC}, headRefName: "
    lines = [f"    b{n}: {field}$b{n}) {{ nodes {{ ...Outcome }} }}\n" for n in range(len(branches))]
    text = "".join(
        [
            f"query Outcomes($owner: String!, $name: String!{declared}) {{\n",
            "  repository(owner: $owner, name: $name) {\n",
            "    id\n",
            *lines,
            "  }\n}\n",
            "fragment Outcome on PullRequest {\n",
            "  number url pullState: state headRefOid createdAt mergedAt isCrossRepository\n",
            "}\n",
        ]
    )
    values = {f"b{n}": branch for n, branch in enumerate(branches)}
    return Document(text, {"owner": owner, "name": name, **values})


def open_pulls(owner: str, name: str, base: str, after: str | None) -> Document:
    """Return the query for one page of open pull requests to branch `base`, after the cursor `after`."""
    return Document(_OPEN_PULLS, {"owner": owner, "name": name, "base": base, "after": after})


@dataclass(frozen=True)
class Field:
    """One mutation of a write document: `field(input: $i<n>) { selection }`."""

    name: str
    input_type: str
    selection: str
    fragment: str | None
    """Which of `FRAGMENTS` the selection spreads."""
    value: dict[str, Any]


def write(fields: Sequence[Field]) -> Document:
    """Return one document that runs `fields` in order, the n-th under the alias `m<n>`."""
    declared = ", ".join(f"$i{n}: {field.input_type}!" for n, field in enumerate(fields))
    lines = [
        f"  m{n}: {field.name}(input: $i{n}) {{ {field.selection} }}\n" for n, field in enumerate(fields)
    ]
    spread = {field.fragment for field in fields if field.fragment}
    used = [FRAGMENTS[name] for name in FRAGMENTS if name in spread]
    if spread - {"CheckRun"}:
        used.append(ACTOR)
    text = "".join([f"mutation Write({declared}) {{\n", *lines, "}\n", *used])
    return Document(text, {f"i{n}": field.value for n, field in enumerate(fields)})
